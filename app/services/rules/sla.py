"""时限: what is due by when, in which unit, by which clause.

Hours and days as the sources write them run round the clock; only working hours and working days use the
working calendar. "Within N days" ends at 24:00, local time, of the day N days later.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from app.services.rules.calendar import WorkingCalendar, end_of_day
from app.services.rules.clause import Cited, Decision, DecisionKind, Sourced, Terms, Wording
from app.services.rules.facts import ALWAYS, Condition, TicketFacts
from app.services.rules.holidays import HolidayBook


class Milestone(StrEnum):
    """时限节点: a step whose time is promised."""

    ACKNOWLEDGE = "acknowledge"
    FIRST_RESPONSE = "first_response"
    ARRANGE_REPAIR = "arrange_repair"
    ON_SITE_VISIT = "on_site_visit"
    PRELIMINARY_HANDLING = "preliminary_handling"
    RESOLUTION = "resolution"
    CLOSED_LOOP = "closed_loop"
    NEXT_REPLY = "next_reply"
    EMAIL_REPLY = "email_reply"
    ENGINEER_ANALYSIS = "engineer_analysis"


class Unit(StrEnum):
    HOURS = "hours"
    WORKING_HOURS = "working_hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"


class Clock(StrEnum):
    WORKING = "working"
    ROUND_THE_CLOCK = "round_the_clock"


class CommitmentState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Target(Terms):
    """An allowance of time: a whole number and its unit, as the source writes it."""

    value: Annotated[int, Field(gt=0, le=3660)]
    unit: Unit

    @property
    def clock(self) -> Clock:
        return Clock.WORKING if self.unit in (Unit.WORKING_HOURS, Unit.WORKING_DAYS) else Clock.ROUND_THE_CLOCK


class MilestoneTerm(Sourced):
    milestone: Milestone
    target: Target
    when: Condition = ALWAYS


class ServiceLevel(Sourced):
    """服务等级: the first level of the edition whose condition holds is the ticket's."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    title: Wording
    when: Condition = ALWAYS
    milestones: Annotated[tuple[MilestoneTerm, ...], Field(min_length=1)]


class PauseTerms(Terms):
    """Whether waiting stops the clocks that run after the first response."""

    waiting_customer: Cited[bool]
    waiting_supplier: Cited[bool]


class SlaTerms(Terms):
    """`milestones` stand beside every level; a level's own term for the same milestone goes before them."""

    service_levels: Annotated[tuple[ServiceLevel, ...], Field(min_length=1)]
    milestones: tuple[MilestoneTerm, ...] = ()
    pauses: PauseTerms
    warnings_percent: Cited[tuple[int, ...]]
    escalation_percent: Cited[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Commitment:
    """A promise of time. `due_at` is UTC; `confirmed` is False if a year on the way has no make-up days on record."""

    milestone: Milestone
    target: Target
    started_at: datetime
    due_at: datetime
    confirmed: bool


@dataclass(frozen=True, slots=True)
class SlaDecision:
    service_level: ServiceLevel
    commitments: tuple[Commitment, ...]
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """An edition's compiled working calendar with the holiday book it was built from (None: it keeps no holidays)."""

    calendar: WorkingCalendar
    timezone: str
    holidays: HolidayBook | None

    def due_at(self, start: datetime, target: Target) -> datetime:
        """Return the earliest instant at which the allowance has passed; for days, 24:00 of the last one."""
        match target.unit:
            case Unit.HOURS:
                return start + timedelta(hours=target.value)
            case Unit.DAYS:
                return end_of_day(start, target.value, self.timezone)
            case Unit.WORKING_HOURS:
                return self.calendar.add(start, target.value * 3600)
            case Unit.WORKING_DAYS:
                return self.calendar.add_days(start, target.value)

    def add(self, start: datetime, seconds: int, clock: Clock) -> datetime:
        """Return the earliest instant by which `seconds` of a clock have passed."""
        return self.calendar.add(start, seconds) if clock is Clock.WORKING else start + timedelta(seconds=seconds)

    def end_of_day(self, instant: datetime) -> datetime:
        """Return 24:00, local time, of the day an instant lies in; an instant that is 24:00 stays."""
        return end_of_day(instant - timedelta(microseconds=1), 0, self.timezone)

    def end_of_date(self, day: date) -> datetime:
        """Return 24:00, local time, of a date, as UTC."""
        return end_of_day(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.timezone)), 0, self.timezone)

    def date_of(self, instant: datetime) -> date:
        """Return the local date of an instant."""
        return instant.astimezone(ZoneInfo(self.timezone)).date()

    def confirmed(self, start: datetime, target: Target, due_at: datetime) -> bool:
        """Tell whether no year without announced make-up workdays was counted on the way."""
        if target.clock is Clock.ROUND_THE_CLOCK or self.holidays is None:
            return True
        zone = ZoneInfo(self.timezone)
        # 24:00 on 31 December belongs to the year that ends.
        last = (due_at - timedelta(microseconds=1)).astimezone(zone)
        return self.holidays.is_confirmed(start.astimezone(zone).date(), last.date())


def decide_sla(
    facts: TicketFacts,
    start: datetime,
    terms: SlaTerms,
    time: Timekeeping,
    *,
    unanswered_since: datetime | None = None,
) -> SlaDecision:
    """Return the service level and every commitment it makes from `start` on (aware; results are UTC).

    The next reply is promised only where a message of the customer waits for one, from that message on.
    Raises: LookupError if no service level holds; the policy check refuses an edition that can come to that.
    """
    level = next((level for level in terms.service_levels if level.when.holds(facts)), None)
    if level is None:
        raise LookupError("no service level of the edition holds for these facts")
    decisions = [
        Decision(
            DecisionKind.SERVICE_LEVEL, level.name, f"sla.service_levels.{level.name}", level.clause,
            Wording(f"服务等级：{level.title.zh}", f"Service level: {level.title.en}"), level.basis,
        )
    ]  # fmt: skip
    begins = {Milestone.NEXT_REPLY: unanswered_since and max(start, unanswered_since)}
    commitments = []
    for path, term in _applicable(facts, level, terms):
        begin = begins.get(term.milestone, start)
        if begin is None:
            continue
        due_at = time.due_at(begin, term.target)
        confirmed = time.confirmed(begin, term.target, due_at)
        commitments.append(Commitment(term.milestone, term.target, begin, due_at, confirmed))
        decisions.append(_explained(term, path))
    return SlaDecision(level, tuple(commitments), tuple(decisions))


def _applicable(facts: TicketFacts, level: ServiceLevel, terms: SlaTerms) -> list[tuple[str, MilestoneTerm]]:
    """One term a milestone, the first that holds: the level's own before those common to all levels."""
    candidates = [(f"sla.service_levels.{level.name}.{term.milestone}", term) for term in level.milestones]
    candidates += [(f"sla.milestones.{term.milestone}", term) for term in terms.milestones]
    chosen: dict[Milestone, tuple[str, MilestoneTerm]] = {}
    for path, term in candidates:
        if term.when.holds(facts):
            chosen.setdefault(term.milestone, (path, term))
    return sorted(chosen.values(), key=lambda entry: _ORDER[entry[1].milestone])


_ORDER = {milestone: place for place, milestone in enumerate(Milestone)}

MILESTONE_TITLES = {
    Milestone.ACKNOWLEDGE: Wording("受理登记", "acknowledgement"),
    Milestone.FIRST_RESPONSE: Wording("首次响应", "first response"),
    Milestone.ARRANGE_REPAIR: Wording("安排维修", "arranging the repair"),
    Milestone.ON_SITE_VISIT: Wording("上门服务", "visit on site"),
    Milestone.PRELIMINARY_HANDLING: Wording("初步处理", "preliminary handling"),
    Milestone.RESOLUTION: Wording("处理完成", "resolution"),
    Milestone.CLOSED_LOOP: Wording("闭环", "closed loop"),
    Milestone.NEXT_REPLY: Wording("再次答复", "the next reply"),
    Milestone.EMAIL_REPLY: Wording("邮件回复", "reply to the email"),
    Milestone.ENGINEER_ANALYSIS: Wording("工程师分析", "engineer's analysis"),
}

UNIT_TITLES = {
    Unit.HOURS: Wording("小时", "hours"),
    Unit.WORKING_HOURS: Wording("个工作小时", "working hours"),
    Unit.DAYS: Wording("天", "days"),
    Unit.WORKING_DAYS: Wording("个工作日", "working days"),
}


def _explained(term: MilestoneTerm, path: str) -> Decision:
    title, unit, value = MILESTONE_TITLES[term.milestone], UNIT_TITLES[term.target.unit], term.target.value
    reason = Wording(f"{title.zh}时限为{value}{unit.zh}", f"The time allowed for {title.en} is {value} {unit.en}")
    outcome = f"{term.milestone}:{value}_{term.target.unit}"
    return Decision(DecisionKind.SLA, outcome, path, term.clause, reason, term.basis)
