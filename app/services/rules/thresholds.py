"""Warnings before a deadline and escalation at and after it (三级响应), each at its share of the own clock."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from app.services.rules.commitments import CommitmentClock, moved_by_pauses
from app.services.rules.sla import Clock, CommitmentState, SlaTerms, Timekeeping


class ThresholdKind(StrEnum):
    WARNING = "warning"
    BREACH = "breach"
    ESCALATION = "escalation"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A share of the time allowed, in percent, and what is due then; `level` counts escalations from 1."""

    percent: int
    kind: ThresholdKind
    level: int | None = None


def thresholds_of(terms: SlaTerms) -> tuple[Threshold, ...]:
    """Return the thresholds of every commitment under an edition, in the order in which they fire.

    At one share the breach comes before the escalation it leads to.
    """
    return _in_order(terms.warnings_percent.value, terms.escalation_percent.value)


@lru_cache(maxsize=64)
def _in_order(warned: tuple[int, ...], escalated: tuple[int, int, int]) -> tuple[Threshold, ...]:
    warnings = [Threshold(percent, ThresholdKind.WARNING) for percent in warned]
    levels = enumerate(escalated, start=1)
    escalations = [Threshold(percent, ThresholdKind.ESCALATION, level) for level, percent in levels]
    order = {kind: place for place, kind in enumerate(ThresholdKind)}
    every = [*warnings, Threshold(100, ThresholdKind.BREACH), *escalations]
    return tuple(sorted(every, key=lambda threshold: (threshold.percent, order[threshold.kind])))


def fires_at(commitment: CommitmentClock, percent: int, time: Timekeeping) -> datetime:
    """Return when a share of the time allowed is used up, counting every pause that has ended.

    100 % is the deadline itself; what comes after it is counted from the deadline.
    """
    allowance = _allowance(commitment, time)
    if percent >= 100:
        return _later(commitment.due_at, allowance * (percent - 100) // 100, commitment, time)
    unmoved = _later(commitment.started_at, allowance * percent // 100, commitment, time)
    return moved_by_pauses(unmoved, commitment.target, commitment.pauses, time)


def next_place(thresholds: tuple[Threshold, ...], fired: int, *, acknowledged: bool) -> int:
    """Return the place of the next threshold that fires after the first `fired`; their number if none does.

    Once somebody has acknowledged an escalation, its further levels are silent. Warnings and the breach are not: the
    promise is broken all the same, with what that earns the customer.
    """
    for place in range(fired, len(thresholds)):
        if not (acknowledged and thresholds[place].kind is ThresholdKind.ESCALATION):
            return place
    return len(thresholds)


def has_escalated(thresholds: tuple[Threshold, ...], fired: int) -> bool:
    """Tell whether any level of escalation is among the first `fired` thresholds."""
    return any(threshold.kind is ThresholdKind.ESCALATION for threshold in thresholds[:fired])


def next_firing(
    commitment: CommitmentClock, place: int, thresholds: tuple[Threshold, ...], time: Timekeeping
) -> datetime | None:
    """Return when the threshold at a place is due; None while the clock does not run, or after the last place."""
    if commitment.state is not CommitmentState.RUNNING or place >= len(thresholds):
        return None
    return fires_at(commitment, thresholds[place].percent, time)


def carried_over(fired: int, before: tuple[Threshold, ...], after: tuple[Threshold, ...]) -> int:
    """Return how many thresholds of another edition count as fired after `fired` of one's own: none fires twice."""
    if fired == 0:
        return 0
    last = before[fired - 1]
    if last.kind is ThresholdKind.WARNING:
        return sum(each.kind is ThresholdKind.WARNING and each.percent <= last.percent for each in after)
    return 1 + [(each.kind, each.level) for each in after].index((last.kind, last.level))


def next_plain_firing(
    started_at: datetime, due_at: datetime, fired: int, thresholds: tuple[Threshold, ...]
) -> datetime | None:
    """Return when the next threshold of a deadline is due that runs round the clock without a pause; None after all."""
    if fired >= len(thresholds):
        return None
    return started_at + (due_at - started_at) * thresholds[fired].percent / 100


def _allowance(commitment: CommitmentClock, time: Timekeeping) -> int:
    """Return the seconds of the own clock that were promised."""
    start, due_at = commitment.started_at, time.due_at(commitment.started_at, commitment.target)
    if commitment.target.clock is Clock.WORKING:
        return time.calendar.between(start, due_at)
    return int((due_at - start).total_seconds())


def _later(start: datetime, seconds: int, commitment: CommitmentClock, time: Timekeeping) -> datetime:
    return time.add(start, seconds, commitment.target.clock)
