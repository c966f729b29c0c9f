"""Do an edition's times make sense: open hours, percentages, targets against each other?"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
from typing import Final

from app.services.rules.calendar import NoServiceDays, WorkingCalendar
from app.services.rules.holidays import build_calendar
from app.services.rules.policy import CalendarTerms, Edition
from app.services.rules.policy_conditions import both, compatible, covers
from app.services.rules.policy_findings import Finding, error, warning
from app.services.rules.sla import Clock, Milestone, MilestoneTerm, ServiceLevel, SlaTerms, Target, Unit

_MONDAY: Final = datetime(2024, 1, 1, tzinfo=UTC)
_LEAST_OPEN_SECONDS: Final = 3600
_LONGEST_CLOSURE: Final = 180  # closed dates in a row, weekends aside
_WEEKEND_BETWEEN: Final = 7

Placed = tuple[str, MilestoneTerm]

_RESPONSES: Final = (Milestone.ACKNOWLEDGE, Milestone.FIRST_RESPONSE)
_STEPS: Final = (Milestone.ARRANGE_REPAIR, Milestone.ON_SITE_VISIT, Milestone.PRELIMINARY_HANDLING)
_ENDS: Final = (Milestone.RESOLUTION, Milestone.CLOSED_LOOP)


def time_findings(edition: Edition) -> Iterator[Finding]:
    yield from _calendar(edition)
    yield from _percentages(edition.sla)
    for place, level in enumerate(edition.sla.service_levels):
        yield from _order(_terms(place, level, edition.sla))
    yield from _emergency(edition.sla)
    yield from _incidents(edition)


def _calendar(edition: Edition) -> Iterator[Finding]:
    calendar = edition.calendar
    weekly, contact = calendar.weekly_hours, calendar.contact_hours
    date_hours = {day: hours.value for day, hours in calendar.date_hours.items()}
    try:
        build_calendar(calendar.timezone, weekly.value, None, date_hours)
    except ValueError as invalid:
        reason = str(invalid)[:200]
        yield error("calendar", weekly.clause, f"日历无效：{reason}", f"the calendar is not valid: {reason}")
    else:
        yield from _openness(calendar)
    if calendar.timezone not in ("UTC", "GMT") and "/" not in calendar.timezone:
        zh, en = "须为 IANA 时区名，如 Asia/Shanghai", "must be an IANA zone, such as Asia/Shanghai"
        yield error("calendar.timezone", weekly.clause, zh, en)
    opens, closes = contact.value
    if opens >= closes:
        path = "calendar.contact_hours"
        yield error(path, contact.clause, "联系时间的起点须早于终点", "contact hours must begin before they end")


def _openness(calendar: CalendarTerms) -> Iterator[Finding]:
    """A deadline in working time must come: the week needs open time, and no closure may last for most of a year."""
    weekly = calendar.weekly_hours
    try:
        week = WorkingCalendar("UTC", weekly.value).between(_MONDAY, _MONDAY + timedelta(days=7))
    except NoServiceDays:
        week = 0
    if week < _LEAST_OPEN_SECONDS:
        zh, en = "一周工作时间不足1小时", "less than an hour is open in the week"
        yield error("calendar.weekly_hours", weekly.clause, zh, en)
    closed = sorted(day for day, hours in calendar.date_hours.items() if not hours.value)
    run = 0
    for earlier, later in pairwise(closed):
        run = run + 1 if (later - earlier).days <= _WEEKEND_BETWEEN else 0
        if run >= _LONGEST_CLOSURE:
            zh, en = "连续停业过久，工作时间无法推算", "closed for so long that no working time can be reckoned"
            yield error(f"calendar.date_hours.{later}", weekly.clause, zh, en)
            return


def _percentages(sla: SlaTerms) -> Iterator[Finding]:
    warnings, levels = sla.warnings_percent, sla.escalation_percent
    if not _ascending(warnings.value) or not all(0 < percent < 100 for percent in warnings.value):
        path = "sla.warnings_percent"
        yield error(path, warnings.clause, "须在1至99之间且依次递增", "must ascend, between 1 and 99")
    if not _ascending(levels.value) or levels.value[0] < 100:
        path = "sla.escalation_percent"
        yield error(path, levels.clause, "须从100起依次递增", "must ascend, from 100 on")


def _ascending(values: Sequence[int]) -> bool:
    return all(earlier < later for earlier, later in pairwise(values))


def _terms(place: int, level: ServiceLevel, sla: SlaTerms) -> list[Placed]:
    """The terms that can bind a ticket of the level, its own before the common ones."""
    own = [(f"sla.service_levels[{place}].milestones[{at}]", term) for at, term in enumerate(level.milestones)]
    common = [(f"sla.milestones[{at}]", term) for at, term in enumerate(sla.milestones)]
    binding: list[Placed] = []
    for path, term in own + common:
        if not compatible(term.when, level.when):
            continue
        when = both(term.when, level.when)
        before = [other.when for _, other in binding if other.milestone is term.milestone]
        before += [other.when for other in sla.service_levels[:place]]
        if not any(covers(other, when) for other in before):
            binding.append((path, term))
    return binding


def _order(terms: Sequence[Placed]) -> Iterator[Finding]:
    """A response after the end is an error; a step that may come after it, a warning."""
    for path, term in terms:
        for _, end in terms:
            if end.milestone not in _ENDS or not compatible(term.when, end.when):
                continue
            against = f"{end.milestone} {end.target.value} {end.target.unit}"
            if term.milestone in _RESPONSES and surely_later(term.target, end.target):
                yield error(path, term.clause, f"晚于 {against}", f"comes after {against}")
            elif term.milestone in _RESPONSES + _STEPS and maybe_later(term.target, end.target):
                yield warning(path, term.clause, f"可能晚于 {against}", f"may come after {against}")


def _emergency(sla: SlaTerms) -> Iterator[Finding]:
    """An emergency must not wait longer than the general run; a term that binds in both is the same for both."""
    terms = {level.name: _terms(place, level, sla) for place, level in enumerate(sla.service_levels)}
    shared = {path for path, _ in terms.get("general", ())}
    for path, urgent in terms.get("emergency", ()):
        if path in shared:
            continue
        for _, general in terms.get("general", ()):
            if urgent.milestone is not general.milestone or not compatible(urgent.when, general.when):
                continue
            if surely_later(urgent.target, general.target):
                yield error(path, urgent.clause, "紧急服务慢于一般服务", "an emergency is slower than general service")
                break


def _incidents(edition: Edition) -> Iterator[Finding]:
    incidents = edition.incidents
    if incidents is None:
        return
    for place, (milder, graver) in enumerate(pairwise(incidents.levels), start=1):
        if surely_later(graver.first_response, milder.first_response):
            path = f"incidents.levels[{place}].first_response"
            yield warning(path, graver.clause, "更严重的事件响应反而更慢", "a graver incident has the longer response")
    common = incidents.every_level.first_response
    for place, level in enumerate(incidents.levels):
        if surely_later(level.first_response, common.value):
            path = f"incidents.levels[{place}].first_response"
            zh = f"长于{common.clause}对各级的要求，从严执行"
            en = f"longer than {common.clause} asks of every level: the stricter binds"
            yield warning(path, level.clause, zh, en)


def surely_later(one: Target, other: Target) -> bool:
    """Say whether `one` ends after `other` whenever both start together."""
    if one.unit is other.unit:
        return one.value > other.value
    return _hours(one)[0] > _hours(other)[1]


def maybe_later(one: Target, other: Target) -> bool:
    """Say whether `one` can end after `other`; working time against the clock on the wall is not compared."""
    if one.unit is other.unit:
        return one.value > other.value
    both_run = one.clock is Clock.ROUND_THE_CLOCK and other.clock is Clock.ROUND_THE_CLOCK
    return both_run and _hours(one)[1] > _hours(other)[0]


def _hours(target: Target) -> tuple[float, float]:
    """The least and the most that an allowance can be, in hours from its start."""
    match target.unit:
        case Unit.HOURS:
            return target.value, target.value
        case Unit.WORKING_HOURS:
            return target.value, inf
        case Unit.DAYS:
            return target.value * 24, target.value * 24 + 24
        case Unit.WORKING_DAYS:
            return target.value * 24, inf
