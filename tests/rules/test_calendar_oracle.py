"""The working calendar against an oracle that looks at the wall clock tick by tick, on random calendars.

The run is short by default; `THOROUGH=1` tries 10,000 cases of each kind, as a release should.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.rules.calendar import WEEKDAYS, NoServiceDays, Weekday, Window, WorkingCalendar

MICRO = 1_000_000
DAYS_SEEN = 6
THOROUGH = bool(os.environ.get("THOROUGH"))
pytestmark = pytest.mark.timeout(3600 if THOROUGH else 60)
SHANGHAI, NEW_YORK, LORD_HOWE, KATHMANDU = "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"
EDGES = {  # a zone's days worth trying: offset changes, the leap day, the turn of the year
    SHANGHAI: [(1986, 5, 4), (1986, 9, 14), (1988, 4, 17), (1991, 9, 15), (2024, 2, 29), (2026, 10, 10)],
    NEW_YORK: [(2026, 3, 8), (2026, 11, 1), (2024, 2, 29), (2025, 12, 31)],
    LORD_HOWE: [(2026, 4, 5), (2026, 10, 4), (2024, 2, 29), (2026, 1, 1)],
    KATHMANDU: [(1986, 1, 1), (2024, 2, 29), (2025, 12, 31)],
}


@dataclass(frozen=True)
class Case:
    """A calendar, and six days of wall clock around `anchor` in which the oracle answers tick by tick."""

    zone: str
    week: dict[Weekday, list[Window]]
    holidays: list[date]
    date_hours: dict[date, list[Window]]
    anchor: date
    offset: int  # microseconds from the first tick to the instant asked about
    length: int  # seconds
    tick: int  # seconds; every window and offset change of the case falls on a tick

    def calendar(self) -> WorkingCalendar:
        return WorkingCalendar(self.zone, self.week, self.holidays, self.date_hours)

    @property
    def first(self) -> datetime:
        return datetime(self.anchor.year, self.anchor.month, self.anchor.day, tzinfo=UTC) - timedelta(days=3)

    def ticks(self) -> list[bool]:
        """Say of every tick whether the wall clock then shows an open time."""
        zone, first, tick = ZoneInfo(self.zone), self.first, timedelta(seconds=self.tick)
        days = [self.anchor + timedelta(days=n) for n in range(-6, DAYS_SEEN)]
        windows = {day: self._minutes(day) for day in days}
        answers = []
        for n in range(timedelta(days=DAYS_SEEN) // tick):
            local = (first + n * tick).astimezone(zone)
            today, minute = local.date(), local.hour * 60 + local.minute
            shown = [(window, minute) for window in windows[today]]
            shown += [(window, minute + 1440) for window in windows[today - timedelta(days=1)]]
            answers.append(any(low <= now < high for (low, high), now in shown))
        return answers

    def _minutes(self, day: date) -> list[tuple[int, int]]:
        windows = [] if day in self.holidays else self.week[WEEKDAYS[day.weekday()]]
        edges = [
            (int(opens[:2]) * 60 + int(opens[3:]), int(closes[:2]) * 60 + int(closes[3:]))
            for opens, closes in self.date_hours.get(day, windows)
        ]
        return [(low, high if high > low else high + 1440) for low, high in edges]


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def days_of_windows(draw: st.DrawFn, step: int) -> list[Window]:
    per_day = 1440 // step
    edges = st.tuples(st.integers(0, per_day - 1), st.integers(0, per_day)).filter(lambda edge: edge[0] != edge[1])
    drawn = draw(st.one_of(st.just([(34, 48), (52, 70)]) if step == 15 else st.nothing(), st.lists(edges, max_size=3)))
    return [(clock(low * step), clock(high * step)) for low, high in drawn]


@st.composite
def cases(draw: st.DrawFn, step: int) -> Case:
    zone = draw(st.sampled_from(sorted(EDGES)))
    anchor = date(*draw(st.sampled_from(EDGES[zone])))
    day_plans = draw(st.lists(days_of_windows(step), min_size=1, max_size=3))
    day = st.integers(-4, DAYS_SEEN - 2).map(lambda n: anchor + timedelta(days=n))
    return Case(
        zone=zone,
        week=dict(zip(WEEKDAYS, draw(st.lists(st.sampled_from(day_plans), min_size=7, max_size=7)), strict=True)),
        holidays=draw(st.lists(day, max_size=3)),
        date_hours=draw(st.dictionaries(day, days_of_windows(step), max_size=2)),
        anchor=anchor,
        offset=draw(st.integers(1, DAYS_SEEN * 86400 - 1)) * MICRO - draw(st.sampled_from([0, 0, 1, 500_000])),
        length=draw(st.integers(1, 3 * 86400)),
        tick=step * 60,
    )


def open_ahead(ticks: Sequence[bool], tick: int, point: int, amount: int) -> int | None:
    """Microsecond at which `amount` open microseconds after `point` have passed; None if the ticks end before."""
    while point < len(ticks) * tick:
        until = (point // tick + 1) * tick
        if ticks[point // tick]:
            if until - point >= amount:
                return point + amount
            amount -= until - point
        point = until
    return None


def open_runs(ticks: Sequence[bool], tick: int) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for index, is_open in enumerate(ticks):
        if is_open and runs and runs[-1][1] == index * tick:
            runs[-1] = runs[-1][0], (index + 1) * tick
        elif is_open:
            runs.append((index * tick, (index + 1) * tick))
    return runs


def check_against_the_oracle(case: Case) -> None:
    calendar, ticks, tick, amount = case.calendar(), case.ticks(), case.tick * MICRO, case.length * MICRO
    first, size = case.first, len(ticks) * tick
    start = first + timedelta(microseconds=case.offset)

    runs = [
        tuple((moment - first) // timedelta(microseconds=1) for moment in window)
        for window in calendar.windows(first, first + timedelta(microseconds=size))
    ]
    assert runs == open_runs(ticks, tick)

    before = sum(min(high, case.offset) - low for low, high in open_runs(ticks, tick) if low < case.offset)
    assert calendar.between(first, start) == before // MICRO

    # the same search forwards and, on the mirrored clock, backwards
    ahead = open_ahead(ticks, tick, case.offset, amount)
    back = open_ahead(ticks[::-1], tick, size - case.offset, amount)
    try:
        due = (calendar.add(start, case.length) - first) // timedelta(microseconds=1)
        assert due == ahead if ahead is not None else due > size
    except NoServiceDays:
        assert ahead is None
    try:
        since = (calendar.subtract(start, case.length) - first) // timedelta(microseconds=1)
        assert since == size - back if back is not None else since < 0
    except NoServiceDays:
        assert back is None


@settings(max_examples=10_000 if THOROUGH else 60, deadline=None, print_blob=True)
@given(cases(step=15))
def test_random_calendars_equal_the_oracle(case: Case) -> None:
    check_against_the_oracle(case)


@settings(max_examples=10_000 if THOROUGH else 5, deadline=None, print_blob=True)
@given(cases(step=1))
def test_random_calendars_equal_the_oracle_minute_by_minute(case: Case) -> None:
    check_against_the_oracle(case)


@settings(max_examples=10_000 if THOROUGH else 12, deadline=None, print_blob=True)
@given(cases(step=15), st.integers(0, 160), st.integers(0, 10**13))
def test_add_subtract_and_between_are_inverse_and_in_order_at_any_distance(case: Case, weeks: int, later: int) -> None:
    calendar, start = case.calendar(), case.first + timedelta(microseconds=case.offset)
    length = case.length + weeks * calendar.between(case.first, case.first + timedelta(days=7))
    try:
        due, since = calendar.add(start, length), calendar.subtract(start, length)
        later_due = calendar.add(start + timedelta(microseconds=later), length)
    except NoServiceDays:
        assert not any(case.week.values())
        return
    assert calendar.between(start, due) == calendar.between(since, start) == length
    assert start <= calendar.subtract(due, length)
    assert calendar.add(since, length) <= start
    assert calendar.between(start, calendar.subtract(due, length)) == 0
    assert calendar.between(calendar.add(since, length), start) == 0
    assert due <= later_due
    assert sum((high - low for low, high in calendar.windows(since, due)), timedelta()) == timedelta(seconds=2 * length)
    assert case.calendar().add(start, length) == due
