"""The life of a commitment: pauses never shorten what is left, and cost only time of the own clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.rules.calendar import WEEKDAYS, WeeklyHours, WorkingCalendar
from app.services.rules.commitments import CommitmentClock
from app.services.rules.sla import CommitmentState, Milestone, Target, Timekeeping, Unit

WEEK: WeeklyHours = {day: [("08:30", "12:00"), ("13:00", "17:30")] for day in WEEKDAYS[:5]}
TIME = Timekeeping(WorkingCalendar("Asia/Shanghai", WEEK, [], {}), "Asia/Shanghai", None)


def shanghai(text: str) -> datetime:
    """`23 09:00` is the 23rd of November 2026, nine o'clock in Shanghai; the 23rd is a Monday."""
    day, clock = text.split()
    return datetime.fromisoformat(f"2026-11-{day}T{clock}:00+08:00").astimezone(UTC)


def started(at: str, value: int, unit: Unit) -> CommitmentClock:
    target, start = Target(value=value, unit=unit), shanghai(at)
    return CommitmentClock(
        Milestone.RESOLUTION, target, start, TIME.due_at(start, target), CommitmentState.RUNNING, None, None, ()
    )


@pytest.mark.parametrize(
    ("unit", "value", "start", "pause", "resume", "due"),
    [
        # round the clock: the pause is added as it is
        (Unit.HOURS, 24, "23 09:00", "23 10:00", "24 10:00", "25 09:00"),
        (Unit.DAYS, 2, "23 09:00", "23 10:00", "23 22:00", "27 00:00"),  # a day ends at 24:00
        # working hours: 8 h from Monday 9:00 end on Tuesday at 9:00; one open hour of pause moves them by one
        (Unit.WORKING_HOURS, 8, "23 09:00", "23 10:00", "23 11:00", "24 10:00"),
        # the lunch break and the night cost nothing
        (Unit.WORKING_HOURS, 8, "23 09:00", "23 12:00", "23 13:00", "24 09:00"),
        (Unit.WORKING_HOURS, 8, "23 09:00", "23 18:00", "24 08:00", "24 09:00"),
        # working days end at 24:00 of the last one
        (Unit.WORKING_DAYS, 2, "23 09:00", "23 10:00", "24 10:00", "27 00:00"),
    ],
)
def test_a_pause_moves_the_deadline_by_what_it_cost(
    unit: Unit, value: int, start: str, pause: str, resume: str, due: str
) -> None:
    after = started(start, value, unit).paused(shanghai(pause)).resumed(shanghai(resume), TIME)
    assert after.due_at == shanghai(due)


@given(
    unit=st.sampled_from(Unit),
    value=st.integers(1, 30),
    moments=st.lists(st.integers(0, 20 * 24 * 60), min_size=2, max_size=6, unique=True).map(sorted),
)
def test_a_pause_never_shortens_what_is_left(unit: Unit, value: int, moments: list[int]) -> None:
    commitment = started("23 09:00", value, unit)
    for begin, end in zip(moments[::2], moments[1::2], strict=False):
        since, until = (commitment.started_at + timedelta(minutes=minutes) for minutes in (begin, end))
        left = _left(commitment, since)
        commitment = commitment.paused(since).resumed(until, TIME)
        assert _left(commitment, until) >= left
        assert commitment.used_seconds(until, TIME) >= 0


def _left(commitment: CommitmentClock, now: datetime) -> int:
    if commitment.target.unit in (Unit.HOURS, Unit.DAYS):
        return max(int((commitment.due_at - now).total_seconds()), 0)
    return TIME.calendar.between(now, commitment.due_at)


def test_a_pause_after_the_deadline_changes_nothing() -> None:
    commitment = started("23 09:00", 1, Unit.HOURS)
    after = commitment.paused(shanghai("23 11:00")).resumed(shanghai("25 11:00"), TIME)
    assert after.due_at == commitment.due_at


def test_a_pause_does_not_hide_a_breach_and_cancelling_does_not_undo_it() -> None:
    late = shanghai("23 12:00")
    commitment = started("23 09:00", 1, Unit.HOURS).paused(late)
    assert commitment.state_at(late) is CommitmentState.BREACHED
    assert commitment.cancelled(late, TIME).state is CommitmentState.BREACHED


def test_a_dropped_promise_stops_counting_and_may_be_taken_up_again() -> None:
    dropped = started("23 09:00", 24, Unit.HOURS).cancelled(shanghai("23 10:00"), TIME)
    assert dropped.used_seconds(shanghai("25 09:00"), TIME) == 3600
    again = dropped.revived(Target(value=48, unit=Unit.HOURS), TIME)
    assert (again.state, again.due_at) == (CommitmentState.RUNNING, shanghai("25 09:00"))


def test_a_new_target_keeps_the_start_and_the_pauses() -> None:
    paused = started("23 09:00", 72, Unit.HOURS).paused(shanghai("23 10:00")).resumed(shanghai("23 20:00"), TIME)
    sooner = paused.retargeted(Target(value=24, unit=Unit.HOURS), TIME)
    assert sooner.due_at == shanghai("24 19:00")


def test_met_exactly_at_the_deadline_is_in_time_and_a_moment_later_is_not() -> None:
    commitment = started("23 09:00", 24, Unit.HOURS)
    assert commitment.met(commitment.due_at, TIME).state is CommitmentState.MET
    assert commitment.met(commitment.due_at + timedelta(milliseconds=1), TIME).state is CommitmentState.BREACHED


def test_what_is_met_or_cancelled_does_not_move_any_more() -> None:
    commitment = started("23 09:00", 24, Unit.HOURS)
    for ended in (commitment.met(shanghai("23 10:00"), TIME), commitment.cancelled(shanghai("23 10:00"), TIME)):
        assert ended.paused(shanghai("23 11:00")) == ended
        assert ended.met(shanghai("23 11:00"), TIME) == ended
        assert ended.retargeted(Target(value=1, unit=Unit.HOURS), TIME) == ended


@given(
    start=st.integers(0, 10**9),
    since=st.integers(0, 5 * 10**11),
    length=st.integers(0, 10**12),
    left=st.integers(1, 80),
)
def test_a_pause_keeps_what_is_left_to_the_microsecond(start: int, since: int, length: int, left: int) -> None:
    begun = shanghai("23 09:00") + timedelta(microseconds=start)
    due_at = TIME.calendar.add(begun, left * 3600)
    paused = begun + timedelta(microseconds=since)
    resumed = paused + timedelta(microseconds=length)
    carried = TIME.calendar.carried(due_at, paused, resumed)
    windows = TIME.calendar.windows
    exact = sum((close - open_ for open_, close in windows(paused, due_at)), timedelta())
    assert sum((close - open_ for open_, close in windows(resumed, carried)), timedelta()) == exact
