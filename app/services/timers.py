"""Timers: warnings before a deadline, its breach, escalation after it. Each fires once, whatever the number of workers.

A worker locks tickets that nobody else has, fires what is due on them and commits: the effect and the timer's next
time are one transaction, so a worker that dies leaves the timer as it was. After downtime everything is fired in due
order, with how late it came. Due is judged by the database's clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ServiceError
from app.core.ids import id_text, new_id
from app.core.metrics import TIMERS_FIRED, TIMERS_STUCK
from app.core.outbox import Event
from app.models.capas import CapaTask
from app.models.tickets import Ticket, TicketCommitment, TimelineEntry
from app.schemas.fields import instant_text
from app.services.directory import Known
from app.services.policy_book import Policy
from app.services.rules.clause import Decision, DecisionKind
from app.services.rules.thresholds import Threshold, ThresholdKind, thresholds_of
from app.services.tickets.clocks import decision_documents, set_timer
from app.services.tickets.judgement import facts_of
from app.services.tickets.records import event_values

MOST_TRIES = 3
_TRY_AGAIN = timedelta(minutes=1)
_TYPES = {
    ThresholdKind.WARNING: "sla.warning",
    ThresholdKind.BREACH: "sla.breached",
    ThresholdKind.ESCALATION: "sla.escalated",
}
_log = structlog.get_logger("aftersales.timers")


@dataclass(frozen=True, slots=True)
class Firing:
    """One threshold that is due on one commitment."""

    ticket: Ticket
    row: TicketCommitment
    policy: Policy
    threshold: Threshold
    due_at: datetime  # of the threshold


async def fire_due(session: AsyncSession, known: Known, *, now: datetime | None = None, limit: int = 200) -> int:
    """Fire what is due on up to `limit` tickets; return how many thresholds fired.

    `now` is the database's clock unless a test sets it. The very instant of a deadline is still in time.
    """
    at: datetime = now or await session.scalar(select(func.clock_timestamp()))  # type: ignore[assignment]
    tickets = await _claim(session, at, limit)
    if not tickets:
        return 0
    rows = await session.scalars(
        select(TicketCommitment).where(TicketCommitment.ticket_id.in_(tickets), TicketCommitment.next_fire_at < at)
    )
    firings = [firing for row in rows for firing in _attempt(tickets[row.ticket_id], row, known, at)]
    firings.sort(key=lambda firing: (firing.due_at, firing.ticket.id, firing.threshold.percent))
    await _announce(session, firings, at)
    return len(firings)


async def _claim(session: AsyncSession, at: datetime, limit: int) -> dict[UUID, Ticket]:
    """Lock the tickets with the most pressing timers that no other worker holds."""
    due = (
        select(TicketCommitment.ticket_id)
        .where(TicketCommitment.next_fire_at < at)
        .order_by(TicketCommitment.next_fire_at)
        .limit(limit)
    )
    locked = await session.scalars(select(Ticket).where(Ticket.id.in_(due)).with_for_update(skip_locked=True))
    return {ticket.id: ticket for ticket in locked}


def _attempt(ticket: Ticket, row: TicketCommitment, known: Known, at: datetime) -> list[Firing]:
    """Fire one commitment's thresholds; one that cannot be fired is tried three times, then set aside."""
    fired_before = row.thresholds_fired
    try:
        return list(_fire(ticket, row, known.edition(ticket.policy_name, ticket.policy_version), at))
    except (ServiceError, ValueError, LookupError, OverflowError) as error:
        row.thresholds_fired = fired_before
        set_back(row, at, error)
        return []


def set_back(row: TicketCommitment | CapaTask, at: datetime, error: Exception) -> None:
    """Try a timer that failed again in a minute; after the third time set it aside."""
    row.firing_failures += 1
    row.next_fire_at = None if row.firing_failures >= MOST_TRIES else at + _TRY_AGAIN
    if row.next_fire_at is None:
        TIMERS_STUCK.inc()
    table = type(row).__tablename__
    _log.error("timer failed", table=table, row=row.id.hex, failures=row.firing_failures, error=type(error).__name__)


def _fire(ticket: Ticket, row: TicketCommitment, policy: Policy, at: datetime) -> Iterator[Firing]:
    """Yield every threshold of a commitment that is due, in order, and move its timer on."""
    thresholds = thresholds_of(policy.edition.sla)
    while row.next_fire_at is not None and row.next_fire_at < at:
        threshold, due_at = thresholds[row.thresholds_fired], row.next_fire_at
        row.thresholds_fired += 1
        set_timer(row, policy)
        yield Firing(ticket, row, policy, threshold, due_at)


async def _announce(session: AsyncSession, firings: Sequence[Firing], at: datetime) -> None:
    """Write the events in due order, and what a breach or an escalation changes on its ticket."""
    events = []
    for firing in firings:
        ticket, kind = firing.ticket, firing.threshold.kind
        data = _told(firing, at)
        events.append(event_values(ticket, _TYPES[kind], at=at, request_id=None, **data))
        TIMERS_FIRED.labels(kind).inc()
        if kind is ThresholdKind.WARNING:
            continue
        if kind is ThresholdKind.ESCALATION:
            ticket.escalation_level = max(ticket.escalation_level, firing.threshold.level or 0)
        else:
            ticket.decisions = [*ticket.decisions, *decision_documents(_compensation(firing), at)]
        ticket.version += 1
        ticket.updated_at = at
        session.add(_entry(ticket, "breached" if kind is ThresholdKind.BREACH else "escalated", data, at))
    await session.flush()
    if events:
        await session.execute(insert(Event), events)


def _told(firing: Firing, at: datetime) -> dict[str, Any]:
    row, threshold = firing.row, firing.threshold
    told = [
        {"role": term.role, "channel": term.channel}
        for term in firing.policy.edition.escalations
        if term.level == threshold.level
    ]
    return {
        "commitment_id": id_text("cmt", row.id),
        "milestone": row.milestone,
        "percent": threshold.percent,
        "level": threshold.level,
        "told": told,
        "due_at": instant_text(row.due_at),
        "late_by_seconds": max(int((at - firing.due_at).total_seconds()), 0),
    }


def _compensation(firing: Firing) -> list[Decision]:
    """What a broken promise of time earns the customer, where the edition promises it (002 第十四条)."""
    facts, row = facts_of(firing.ticket), firing.row
    return [
        Decision(
            DecisionKind.COMPENSATION,
            promise.name,
            f"promises.{promise.name}",
            promise.clause,
            promise.title,
            promise.basis,
        )
        for promise in firing.policy.edition.promises
        if row.milestone in promise.broken_by and promise.when.holds(facts)
    ]


def _entry(ticket: Ticket, kind: str, data: Mapping[str, Any], at: datetime) -> TimelineEntry:
    return TimelineEntry(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        kind=kind,
        visibility="internal",
        author="system",
        staff_no=None,
        key_id=_NO_KEY,
        text=None,
        data=dict(data),
        request_id="timer",
        at=at,
    )


_NO_KEY = UUID(int=0)


async def stuck_timers(session: AsyncSession, *, limit: int = 100) -> Sequence[tuple[str, TicketCommitment]]:
    """Return the commitments whose timer was set aside, with their ticket's number, the latest first."""
    found = await session.execute(
        select(Ticket.number, TicketCommitment)
        .join(Ticket, Ticket.id == TicketCommitment.ticket_id)
        .where(TicketCommitment.firing_failures >= MOST_TRIES)
        .order_by(TicketCommitment.due_at.desc())
        .limit(limit)
    )
    return [(number, row) for number, row in found]


async def retry_stuck(session: AsyncSession) -> int:
    """Give every timer that was set aside three tries more; return how many there are."""
    rows = await session.scalars(select(TicketCommitment).where(TicketCommitment.firing_failures >= MOST_TRIES))
    stuck = rows.all()
    for row in stuck:
        row.firing_failures, row.next_fire_at = 0, row.due_at
    return len(stuck)
