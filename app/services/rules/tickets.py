"""工单生命周期: which move is allowed from which status, and which milestones it meets.

The way leads from taking a ticket over working on it, with waits, to its result, the customer's acceptance and the
close; it may be cancelled while it is worked on, and taken up again afterwards (001 三.2, 000 第十三–十六条, 002).
What is answered on the spot is resolved from where it stands: a hotline agent who can answer at once does (001 三.2).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from app.services.rules.sla import Milestone


class Status(StrEnum):
    RECORDED = "recorded"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    WAITING_SUPPLIER = "waiting_supplier"
    RESOLVED = "resolved"
    ACCEPTED = "accepted"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Move(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    START = "start"
    WAIT = "wait"
    RESUME = "resume"
    RESOLVE = "resolve"
    ACCEPT = "accept"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    TRANSFER = "transfer"
    ESCALATE = "escalate"


class Awaited(StrEnum):
    """Whom a waiting ticket waits for."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"


WAITING = MappingProxyType(
    {Awaited.CUSTOMER: Status.WAITING_CUSTOMER, Awaited.SUPPLIER: Status.WAITING_SUPPLIER},
)
WORKING = frozenset({Status.RECORDED, Status.ACKNOWLEDGED, Status.IN_PROGRESS, *WAITING.values()})
OVER = frozenset({Status.CLOSED, Status.CANCELLED})

# A move maps the statuses it may be made from to the status it leads to; None keeps the status.
LIFE_CYCLE: Mapping[Move, Mapping[Status, Status | None]] = MappingProxyType(
    {
        Move.ACKNOWLEDGE: {Status.RECORDED: Status.ACKNOWLEDGED},
        Move.ASSIGN: dict.fromkeys(WORKING),
        Move.START: {Status.RECORDED: Status.IN_PROGRESS, Status.ACKNOWLEDGED: Status.IN_PROGRESS},
        # Where `wait` leads depends on who is awaited: see `next_status`.
        Move.WAIT: dict.fromkeys(WORKING - {Status.RECORDED}),
        Move.RESUME: dict.fromkeys(WAITING.values(), Status.IN_PROGRESS),
        Move.RESOLVE: dict.fromkeys(WORKING, Status.RESOLVED),
        Move.ACCEPT: {Status.RESOLVED: Status.ACCEPTED},
        Move.CLOSE: {Status.RESOLVED: Status.CLOSED, Status.ACCEPTED: Status.CLOSED},
        Move.REOPEN: dict.fromkeys((Status.RESOLVED, Status.ACCEPTED, Status.CLOSED), Status.IN_PROGRESS),
        Move.CANCEL: dict.fromkeys(WORKING, Status.CANCELLED),
        Move.TRANSFER: dict.fromkeys(WORKING),
        Move.ESCALATE: dict.fromkeys(WORKING),
    }
)

RESPONSES = frozenset({Milestone.ACKNOWLEDGE, Milestone.FIRST_RESPONSE})
_HANDLED = frozenset(Milestone) - {Milestone.CLOSED_LOOP}

# What a move accomplishes. Resolving a ticket accomplishes every step on the way to it.
MEETS: Mapping[Move, frozenset[Milestone]] = MappingProxyType(
    {
        Move.ACKNOWLEDGE: RESPONSES,
        Move.ASSIGN: frozenset({Milestone.ARRANGE_REPAIR}),
        Move.START: RESPONSES | {Milestone.ARRANGE_REPAIR, Milestone.ON_SITE_VISIT},
        Move.RESOLVE: _HANDLED,
        Move.CLOSE: frozenset({Milestone.CLOSED_LOOP}),
    }
)
# No move says that these were done: a comment of staff does.
STEPS = frozenset({Milestone.PRELIMINARY_HANDLING, Milestone.ENGINEER_ANALYSIS})
# A reply the customer can read.
REPLY_MEETS = frozenset({Milestone.FIRST_RESPONSE, Milestone.EMAIL_REPLY, Milestone.NEXT_REPLY})


def allowed_moves(status: Status) -> tuple[Move, ...]:
    return tuple(move for move in Move if status in LIFE_CYCLE[move])


def next_status(status: Status, move: Move, awaited: Awaited | None = None) -> Status | None:
    """Return the status the move leads to, or None if the life cycle does not allow it.

    `awaited` is given with `wait` and only there. Waiting for the same party twice is not a move.
    """
    if status not in LIFE_CYCLE[move]:
        return None
    if move is Move.WAIT and awaited is not None:
        return WAITING[awaited] if WAITING[awaited] is not status else None
    return LIFE_CYCLE[move][status] or status
