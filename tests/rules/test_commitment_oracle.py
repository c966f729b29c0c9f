"""Deadlines under pauses against an oracle that walks the open time of random calendars."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.services.rules.calendar import NoServiceDays
from app.services.rules.commitments import CommitmentClock
from app.services.rules.sla import CommitmentState, Milestone, Target, Timekeeping, Unit
from tests.rules.test_calendar_oracle import MICRO, THOROUGH, Case, cases, open_runs

Span = tuple[int, int]
pytestmark = pytest.mark.timeout(3600 if THOROUGH else 60)


def without(runs: Sequence[Span], pauses: Sequence[Span]) -> list[Span]:
    """The open time that is left when the pauses are cut out."""
    for begins, ends in pauses:
        cut = [piece for low, high in runs for piece in ((low, min(high, begins)), (max(low, ends), high))]
        runs = [(low, high) for low, high in cut if low < high]
    return sorted(runs)


def deadline(runs: Sequence[Span], start: int, amount: int) -> int | None:
    """The microsecond at which `amount` of the runs after `start` has passed; None if they end before."""
    for low, high in runs:
        here = max(low, start)
        if high - here >= amount:
            return here + amount
        amount -= max(high - here, 0)
    return None


def expected(case: Case, start: int, amount: int, pauses: Sequence[Span], *, working: bool) -> int | None:
    """The deadline when time in pauses does not count; a pause that begins once the time is over changes nothing."""
    ticks, tick = case.ticks(), case.tick * MICRO
    runs = open_runs(ticks, tick) if working else [(0, len(ticks) * tick)]
    counted: list[Span] = []
    for pause in pauses:
        due = deadline(without(runs, counted), start, amount)
        if due is not None and pause[0] >= due:
            break
        counted.append(pause)
    return deadline(without(runs, counted), start, amount)


@settings(max_examples=10_000 if THOROUGH else 40, deadline=None, print_blob=True)
@given(
    case=cases(step=15),
    hours=st.integers(1, 40),
    unit=st.sampled_from([Unit.HOURS, Unit.WORKING_HOURS]),
    moments=st.lists(st.integers(0, 5 * 86400), max_size=6, unique=True).map(sorted),
)
def test_deadlines_under_random_pauses_equal_the_oracle(case: Case, hours: int, unit: Unit, moments: list[int]) -> None:
    time = Timekeeping(case.calendar(), case.zone, None)
    start = case.first + timedelta(microseconds=case.offset)
    target = Target(value=hours, unit=unit)
    pauses = [
        (case.offset + begins * MICRO, case.offset + ends * MICRO)
        for begins, ends in zip(moments[::2], moments[1::2], strict=False)
    ]
    wanted = expected(case, case.offset, hours * 3600 * MICRO, pauses, working=unit is Unit.WORKING_HOURS)
    end = case.first + timedelta(seconds=len(case.ticks()) * case.tick)
    try:
        due = _kept(start, target, case.first, pauses, time)
    except NoServiceDays:
        assert wanted is None
        return
    if wanted is None:
        assert due > end
    else:
        assert due == case.first + timedelta(microseconds=wanted)


def _kept(start: datetime, target: Target, first: datetime, pauses: Sequence[Span], time: Timekeeping) -> datetime:
    due_at = time.due_at(start, target)
    clock = CommitmentClock(Milestone.RESOLUTION, target, start, due_at, CommitmentState.RUNNING, None, None, ())
    for begins, ends in pauses:
        clock = clock.paused(first + timedelta(microseconds=begins))
        clock = clock.resumed(first + timedelta(microseconds=ends), time)
    return clock.due_at
