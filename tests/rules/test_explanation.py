"""The explanation of a deadline adds up to its target to the second, whatever lies on the way."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.policy_book import PolicyBook
from app.services.rules.commitments import CommitmentClock
from app.services.rules.explanation import DAY_TITLES, DayNature, explain
from app.services.rules.sla import CommitmentState, Milestone, Target, Timekeeping, Unit


@pytest.fixture
def time(book: PolicyBook) -> Timekeeping:
    return book.get("general", "1").time


def promised(start: datetime, target: Target, time: Timekeeping) -> CommitmentClock:
    due_at = time.due_at(start, target)
    return CommitmentClock(Milestone.RESOLUTION, target, start, due_at, CommitmentState.RUNNING, None, None, ())


def test_the_spring_festival_is_skipped_and_its_make_up_days_are_counted(time: Timekeeping) -> None:
    start = datetime(2026, 2, 13, 16, 30, tzinfo=UTC) - timedelta(hours=8)  # Friday 16:30 in Shanghai
    told = explain(promised(start, Target(value=16, unit=Unit.WORKING_HOURS), time), time)
    assert told.allowance_seconds == 16 * 3600
    natures = {special.on: special.nature for special in told.days}
    assert natures[date(2026, 2, 14)] is DayNature.MAKE_UP_WORKDAY  # a Saturday that is worked
    assert natures[date(2026, 2, 17)] is DayNature.PUBLIC_HOLIDAY  # the first day of the year
    assert [stretch.seconds for stretch in told.counted][:2] == [3600, 9 * 3600]


@given(
    unit=st.sampled_from(Unit),
    value=st.integers(1, 60),
    start=st.datetimes(datetime(2025, 12, 1), datetime(2026, 10, 1)),  # noqa: DTZ001 — made aware below
    moments=st.lists(st.integers(0, 30 * 24 * 60), min_size=0, max_size=6, unique=True).map(sorted),
)
def test_what_is_counted_adds_up_to_the_allowance_with_and_without_pauses(
    book: PolicyBook, unit: Unit, value: int, start: datetime, moments: list[int]
) -> None:
    time = book.get("general", "1").time
    commitment = promised(start.replace(microsecond=0, tzinfo=UTC), Target(value=value, unit=unit), time)
    allowance = explain(commitment, time).allowance_seconds
    if unit in (Unit.HOURS, Unit.WORKING_HOURS):
        assert allowance == value * 3600
    for begin, end in zip(moments[::2], moments[1::2], strict=False):
        since, until = (
            commitment.started_at + timedelta(minutes=minutes, milliseconds=337) for minutes in (begin, end)
        )
        commitment = commitment.paused(since).resumed(until, time)
    told = explain(commitment, time)
    in_days = unit in (Unit.DAYS, Unit.WORKING_DAYS)  # a pause moves the deadline to the end of its day
    assert told.allowance_seconds >= allowance if in_days else told.allowance_seconds == allowance
    assert all(stretch.since < stretch.until for stretch in told.counted)


def test_every_nature_of_a_day_has_words() -> None:
    assert set(DAY_TITLES) == set(DayNature)
