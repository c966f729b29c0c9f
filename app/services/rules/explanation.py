"""Why this deadline: every stretch of time that was counted, and every day and pause that was not.

The counted stretches add up to the allowance to the second: the target in hours, or, for days, the time of the own
clock from the start to 24:00 of the last day as it was before any pause.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.services.rules.clause import Wording
from app.services.rules.commitments import CommitmentClock, Pause
from app.services.rules.sla import Clock, Timekeeping


class DayNature(StrEnum):
    """What makes a date other than an ordinary day of the edition's week."""

    PUBLIC_HOLIDAY = "public_holiday"
    MAKE_UP_WORKDAY = "make_up_workday"
    CLOSED = "closed"  # a weekend, or closed by the company


DAY_TITLES = {
    DayNature.PUBLIC_HOLIDAY: Wording("法定节假日，不计时", "public holiday, not counted"),
    DayNature.MAKE_UP_WORKDAY: Wording("调休上班日，计时", "make-up workday, counted"),
    DayNature.CLOSED: Wording("休息日，不计时", "closed, not counted"),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in UTC, and the seconds of the own clock in it."""

    since: datetime
    until: datetime
    seconds: int


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A local date that was skipped, or counted against the week."""

    on: date
    nature: DayNature


@dataclass(frozen=True, slots=True)
class Explanation:
    """`counted` adds up to `allowance_seconds`; `pauses` are those that moved the deadline."""

    allowance_seconds: int
    counted: tuple[Stretch, ...]
    pauses: tuple[Stretch, ...]
    days: tuple[SpecialDay, ...]


def explain(commitment: CommitmentClock, time: Timekeeping) -> Explanation:
    """Return what was counted from the start of a commitment to its deadline as it stands."""
    start, due_at = commitment.started_at, commitment.due_at
    pauses = tuple(pause for pause in commitment.pauses if pause.until is not None and pause.since < due_at)
    running = list(_running(start, due_at, pauses))
    ended = [(pause.since, pause.until) for pause in pauses if pause.until]
    days: tuple[SpecialDay, ...] = ()
    if commitment.target.clock is Clock.WORKING:
        running = [window for since, until in running for window in time.calendar.windows(since, until)]
        ended = [window for since, until in ended for window in time.calendar.windows(since, until)]
        days = tuple(_special_days(start, due_at, time))
    counted = _stretches(running)
    return Explanation(sum(stretch.seconds for stretch in counted), counted, _stretches(ended), days)


def _stretches(spans: list[tuple[datetime, datetime]]) -> tuple[Stretch, ...]:
    """Count whole seconds along the spans, so that fractions at their ends are neither lost nor counted twice."""
    stretches, passed = [], timedelta()
    for since, until in spans:
        before, passed = passed, passed + (until - since)
        stretches.append(Stretch(since, until, int(passed.total_seconds()) - int(before.total_seconds())))
    return tuple(stretches)


def _running(start: datetime, end: datetime, pauses: tuple[Pause, ...]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the time between the pauses."""
    since = start
    for pause in pauses:
        if since < pause.since:
            yield since, pause.since
        since = pause.until or end
    if since < end:
        yield since, end


def _special_days(start: datetime, due_at: datetime, time: Timekeeping) -> Iterator[SpecialDay]:
    """Yield, in order, the local dates on the way that the week alone does not explain, and its closed days."""
    zone = ZoneInfo(time.timezone)
    day, last = start.astimezone(zone).date(), (due_at - timedelta(microseconds=1)).astimezone(zone).date()
    holidays = time.holidays.rest_days if time.holidays else frozenset()
    worked = time.holidays.make_up_workdays if time.holidays else frozenset()
    while day <= last:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        opened = time.calendar.between(midnight, midnight + timedelta(days=1)) > 0
        if day in worked and opened:
            yield SpecialDay(day, DayNature.MAKE_UP_WORKDAY)
        elif day in holidays and not opened:
            yield SpecialDay(day, DayNature.PUBLIC_HOLIDAY)
        elif not opened:
            yield SpecialDay(day, DayNature.CLOSED)
        day += timedelta(days=1)
