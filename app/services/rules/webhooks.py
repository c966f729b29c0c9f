"""Webhooks: how often an event is offered to a receiver, and when we stop (Standard Webhooks 1.0, operational part)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
SPREAD = (0.8, 1.2)  # a wait is drawn from 80 to 120 % of the schedule's, lest all come back at one instant
LONGEST_WAIT = timedelta(hours=24)  # of those a receiver may ask for
OWN_FAULTS = 3  # tries of an event that we fail to send, whatever the receiver does
FAILING_DISABLES = timedelta(hours=120)
OVERLAP = timedelta(hours=24)  # for which a rotated secret signs beside its successor

GONE = 410
OWN_FAULT = "internal_error"


class DeliveryState(StrEnum):
    """What became of one event at one endpoint."""

    PENDING = "pending"  # never tried
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"  # given up; may be sent again by hand


class DisabledReason(StrEnum):
    """Why nothing is sent to an endpoint."""

    MANUAL = "manual"
    GONE = "gone"  # the receiver answered 410
    FAILING = "failing"  # nothing but failures for five days


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended: with a status, or without one and a word for why."""

    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def delivered(self) -> bool:
        """Only 2xx is a yes; a redirect is not followed and so none."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a try; `wait` until the next one, if there is one."""

    state: DeliveryState
    wait: timedelta | None = None


def judge_try(outcome: Outcome, tries: int, *, spread: float) -> Verdict:
    """Say what follows from the last of `tries` tries; `spread` is drawn from `SPREAD`."""
    if outcome.delivered:
        return Verdict(DeliveryState.DELIVERED)
    most = OWN_FAULTS if outcome.error == OWN_FAULT else len(SCHEDULE)
    if outcome.status == GONE or tries >= most:
        return Verdict(DeliveryState.DEAD)
    asked = min(outcome.retry_after or timedelta(0), LONGEST_WAIT)
    return Verdict(DeliveryState.RETRYING, max(SCHEDULE[tries] * spread, asked))
