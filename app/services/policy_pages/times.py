"""The sections on time and place: how soon, when, and how to reach the company."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from app.services.policy_pages import words
from app.services.policy_pages.shapes import Block, Figure, Row, Section
from app.services.policy_pages.wording import Writer
from app.services.rules.clause import Basis
from app.services.rules.facts import Condition
from app.services.rules.labels import KIND_LABELS
from app.services.rules.policy_service import IntakeTerms
from app.services.rules.sla import MILESTONE_TITLES, Milestone, MilestoneTerm, ServiceLevel

# The steps a customer waits for; an engineer's analysis is the company's own affair.
_SHOWN: Final = frozenset(Milestone) - {Milestone.ENGINEER_ANALYSIS}
_PLAIN: Final = frozenset({"kind", "complaint_class"})  # conditions that a figure at the top can carry
_MOST_FIGURES: Final = 6
_MOST_DATES: Final = 20


def figures(writer: Writer) -> tuple[Figure, ...]:
    """Return what the company or the law lays down in figures; nothing that is assumed."""
    found = (*_times_laid_down(writer), *_returns_laid_down(writer))
    return found[:_MOST_FIGURES]


def _times_laid_down(writer: Writer) -> Iterator[Figure]:
    sla = writer.edition.sla
    for level in sla.service_levels:
        for term in level.milestones:
            yield from _figure(writer, term, level)
    for term in sla.milestones:
        yield from _figure(writer, term, None)
    hotline = writer.edition.hotline
    if hotline and hotline.rings.basis is not Basis.ASSUMED:
        yield Figure(writer.say(words.RING_COUNT, rings=hotline.rings.value), writer.say(words.RINGS))


def _figure(writer: Writer, term: MilestoneTerm, level: ServiceLevel | None) -> Iterator[Figure]:
    if term.basis is Basis.ASSUMED or term.milestone not in _SHOWN or not term.when.model_fields_set <= _PLAIN:
        return
    parts = [writer.say(level.title)] if level else []
    parts += [writer.condition(term.when), writer.say(MILESTONE_TITLES[term.milestone])]
    yield Figure(writer.duration(term.target), " · ".join(part for part in parts if part))


def _returns_laid_down(writer: Writer) -> Iterator[Figure]:
    returns = writer.edition.returns
    if returns is None:
        return
    for case in (returns.quality, returns.no_reason, returns.customer_cause):
        if case and case.within_days and case.within_days.basis is not Basis.ASSUMED:
            yield Figure(writer.say(words.DAYS, days=case.within_days.value), writer.heading(case.title))
        if case and case.freight and case.freight.basis is not Basis.ASSUMED:
            payer = writer.heading(words.PAYER_LABELS[case.freight.value])
            yield Figure(payer, f"{writer.say(words.FREIGHT)} · {writer.say(case.title)}")


def times(writer: Writer) -> Section:
    """响应与办理时限, level by level, with what stops the clock and what follows when it is late."""
    sla, delays = writer.edition.sla, writer.edition.delays
    blocks: list[Block] = []
    for level in sla.service_levels:
        limits = writer.condition(level.when, without=("urgency",))
        caption = " · ".join(part for part in (writer.say(level.title), limits) if part)
        blocks += writer.table(caption, _milestones(writer, level.milestones), head=words.TIME)
    blocks += writer.table(writer.say(words.ALL_LEVELS), _milestones(writer, sla.milestones), head=words.TIME)
    late = words.LATE_REASON if delays.reason_required else words.LATE_REPORT
    paused = writer.either(words.PAUSED, words.NOT_PAUSED)
    clock = [
        writer.due(words.WAITING_CUSTOMER, sla.pauses.waiting_customer, paused),
        writer.due(words.WAITING_SUPPLIER, sla.pauses.waiting_supplier, paused),
        Row(writer.say(words.LATE), writer.said(writer.say(late, role=writer.role(delays.role)), delays)),
    ]
    blocks += writer.table(writer.say(words.PAUSES), clock)
    return Section("times", writer.say(words.TIMES), tuple(blocks), writer.say(words.TIMES_HELP))


def _milestones(writer: Writer, terms: Sequence[MilestoneTerm]) -> Iterator[Row]:
    for place, term in enumerate(terms):
        if term.milestone not in _SHOWN:
            continue
        earlier = any(other.milestone is term.milestone for other in terms[:place])
        yield Row(
            writer.heading(MILESTONE_TITLES[term.milestone]),
            writer.said(writer.duration(term.target), term),
            _limits(writer, term.when, earlier=earlier),
        )


def _limits(writer: Writer, when: Condition, *, earlier: bool) -> str:
    """Say to what an entry is limited; behind another for the same step, it is for everything else."""
    return writer.only(when) or (writer.say(words.OTHERWISE) if earlier else "")


def hours(writer: Writer, on: date) -> Section:
    """工作时间, 节假日, special days from `on`, and when the company may contact the customer."""
    calendar = writer.edition.calendar
    holidays = writer.either(words.HOLIDAYS_KEPT, words.HOLIDAYS_IGNORED)
    rows = [
        writer.due(words.WORKING_HOURS, calendar.weekly_hours, writer.week),
        writer.due(words.HOLIDAYS, calendar.chinese_holidays, holidays),
    ]
    coming = sorted((day, windows) for day, windows in calendar.date_hours.items() if day >= on)
    rows += [
        Row(writer.day(day), writer.said(writer.windows(windows.value), windows))
        for day, windows in coming[:_MOST_DATES]
    ]
    rows.append(writer.due(words.CONTACT_HOURS, calendar.contact_hours, lambda window: writer.windows([window])))
    zone = calendar.timezone
    note = writer.say(words.BEIJING) if zone == "Asia/Shanghai" else writer.say(words.ZONE, zone=zone)
    return Section("hours", writer.say(words.HOURS), tuple(writer.table("", rows)), note)


def reach(writer: Writer) -> Section:
    """受理渠道, what is taken care of, and how the hotline answers."""
    intake, hotline = writer.edition.intake or IntakeTerms(), writer.edition.hotline
    channels = writer.labels(words.CHANNEL_LABELS)
    rows = [writer.due(words.CHANNELS, intake.channels, channels)]
    if hotline:
        rows.append(writer.due(words.RINGS, hotline.rings, lambda rings: writer.say(words.RINGS_WITHIN, rings=rings)))
        announced = writer.either(words.YES, words.NO)
        rows.append(writer.due(words.AGENT_NUMBER, hotline.agent_number_announced, announced))
    rows += writer.value(words.STAFFED, intake.staffed_in_working_hours, channels)
    rows += writer.statement(words.COUNTER, intake.counter)
    rows += writer.value(words.SERVICES, intake.services, writer.labels(KIND_LABELS))
    rows += writer.items(words.MATTERS, intake.matters)
    for term in intake.item_classes:
        rows.append(Row(writer.say(words.ITEM_CLASSES), writer.said(writer.heading(term.title), term)))
    return Section("reach", writer.say(words.REACH), tuple(writer.table("", rows)))
