"""Timers: warnings before a deadline, its breach, escalation after it. Each fires once, whatever the number of workers.

A worker locks tickets that nobody else has, fires what is due on them and commits: the effect and the timer's next
time are one transaction, so a worker that dies leaves the timer as it was. After downtime everything is fired in due
order, with how late it came. Due is judged by the database's clock, or the test clock a ticket is bound to.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import database_now
from app.core.ids import id_text
from app.core.metrics import TIMERS_FIRED, TIMERS_STUCK
from app.core.outbox import Event
from app.models.capas import CapaTask
from app.models.return_requests import ReturnDeadline
from app.models.test_clocks import TestClock
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.fields import instant_text
from app.services.directory import Known
from app.services.notices.telling import News, tell
from app.services.policy_book import Policy
from app.services.rules.clause import Decision, DecisionKind
from app.services.rules.notices import Told, told_of
from app.services.rules.sla import CommitmentState
from app.services.rules.thresholds import Threshold, ThresholdKind, thresholds_of
from app.services.tickets.clocks import decision_documents, place_of_next, set_timer
from app.services.tickets.judgement import facts_of
from app.services.tickets.records import event_values, timeline_row

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
    at: datetime  # when it fires
    earned: Sequence[Decision]  # what a breach earns the customer


async def fire_due(
    session: AsyncSession,
    known: Known,
    *,
    now: datetime | None = None,
    test_clock: TestClock | None = None,
    limit: int = 200,
) -> int:
    """Fire what is due on up to `limit` tickets; return how many thresholds fired.

    Without `test_clock` these are the tickets that live by the real time: `now` is the database's clock unless a test
    sets it. With it they are the tickets bound to it. The very instant of a deadline is still in time.
    """
    at = test_clock.now if test_clock else now or await database_now(session)
    tickets = await _claim(session, at, test_clock.id if test_clock else None, limit)
    if not tickets:
        return 0
    rows = await session.scalars(
        select(TicketCommitment).where(TicketCommitment.ticket_id.in_(tickets), TicketCommitment.next_fire_at < at)
    )
    firings = [firing for row in rows for firing in _attempt(tickets[row.ticket_id], row, known, at)]
    firings.sort(key=lambda firing: (firing.due_at, firing.ticket.id, firing.threshold.percent))
    await _announce(session, firings)
    return len(firings)


async def _claim(session: AsyncSession, at: datetime, test_clock_id: UUID | None, limit: int) -> dict[UUID, Ticket]:
    """Lock the tickets with the most pressing timers that no other worker holds."""
    due = (
        select(TicketCommitment.ticket_id)
        .where(TicketCommitment.next_fire_at < at, TicketCommitment.test_clock_id == test_clock_id)
        .order_by(TicketCommitment.next_fire_at)
        .limit(limit)
    )
    locked = await session.scalars(select(Ticket).where(Ticket.id.in_(due)).with_for_update(skip_locked=True))
    return {ticket.id: ticket for ticket in locked}


def _attempt(ticket: Ticket, row: TicketCommitment, known: Known, at: datetime) -> list[Firing]:
    """Fire one commitment's thresholds; one that cannot be fired is tried three times, then set aside."""
    fired_before = row.thresholds_fired
    try:
        firings = list(_fire(ticket, row, known.edition(ticket.policy_name, ticket.policy_version), at))
    except Exception as error:  # whatever it is, it is that row's: the others are due all the same
        row.thresholds_fired = fired_before
        set_back(row, at, error)
        return []
    row.firing_failures = 0
    return firings


def set_back(row: TicketCommitment | CapaTask | ReturnDeadline, at: datetime, error: Exception) -> None:
    """Try a timer that failed again in a minute; after the third time set it aside."""
    row.firing_failures += 1
    row.next_fire_at = None if row.firing_failures >= MOST_TRIES else at + _TRY_AGAIN
    if row.next_fire_at is None:
        TIMERS_STUCK.inc()
    table = type(row).__tablename__
    _log.error("timer failed", table=table, row=row.id.hex, failures=row.firing_failures, error=type(error).__name__)


def _fire(ticket: Ticket, row: TicketCommitment, policy: Policy, at: datetime) -> Iterator[Firing]:
    """Yield every threshold of a commitment that is due, in order, and move its timer on.

    A timer that failed was put off, so what is due when is asked of the clock itself.
    """
    thresholds = thresholds_of(policy.edition.sla)
    set_timer(row, policy)
    while row.next_fire_at is not None and row.next_fire_at < at:
        place, due_at = place_of_next(row, thresholds), row.next_fire_at
        row.thresholds_fired = place + 1
        set_timer(row, policy)
        earned = _compensation(ticket, row, policy) if thresholds[place].kind is ThresholdKind.BREACH else ()
        yield Firing(ticket, row, policy, thresholds[place], due_at, _fired_at(ticket, due_at, at), earned)


def _fired_at(ticket: Ticket, due_at: datetime, now: datetime) -> datetime:
    """Return when a threshold fires: now, or however far a test clock leapt, as if it had run all the way there."""
    return now if ticket.test_clock_id is None else max(due_at, ticket.updated_at)


async def _announce(session: AsyncSession, firings: Sequence[Firing]) -> None:
    """Write the events in due order, the notices to staff, and what a breach or an escalation changes on its ticket."""
    events, news = [], []
    for firing in firings:
        ticket, kind, at = firing.ticket, firing.threshold.kind, firing.at
        told = told_of(firing.policy.edition, kind, firing.threshold.level, ticket.handler_role)
        data = _data(firing, told)
        events.append(event_values(ticket, _TYPES[kind], at=at, request_id=None, **data))
        news.append(News(ticket, _TYPES[kind], told, data, at, firing.row.id))
        TIMERS_FIRED.labels(kind).inc()
        if kind is ThresholdKind.WARNING:
            continue
        if kind is ThresholdKind.ESCALATION:
            ticket.escalation_level = max(ticket.escalation_level, firing.threshold.level or 0)
        else:
            ticket.decisions = [*ticket.decisions, *decision_documents(firing.earned, at)]
        ticket.version += 1
        ticket.updated_at = at
        noted = "breached" if kind is ThresholdKind.BREACH else "escalated"
        session.add(timeline_row(ticket, noted, at=at, request_id="timer", data=data))
    await session.flush()
    if events:
        await session.execute(insert(Event), events)
        await tell(session, news)


def _data(firing: Firing, told: Sequence[Told]) -> dict[str, Any]:
    row, threshold = firing.row, firing.threshold
    return {
        "commitment_id": id_text("cmt", row.id),
        "milestone": row.milestone,
        "percent": threshold.percent,
        "level": threshold.level,
        "told": [{"role": whom.role, "channel": whom.channel} for whom in told],
        "due_at": instant_text(row.due_at),
        "late_by_seconds": max(int((firing.at - firing.due_at).total_seconds()), 0),
    }


def _compensation(ticket: Ticket, row: TicketCommitment, policy: Policy) -> list[Decision]:
    """What a broken promise of time earns the customer, where the edition promises it (002 第十四条)."""
    facts = facts_of(ticket)
    return [
        Decision(
            DecisionKind.COMPENSATION,
            promise.name,
            f"promises.{promise.name}",
            promise.clause,
            promise.title,
            promise.basis,
        )
        for promise in policy.edition.promises
        if row.milestone in promise.broken_by and promise.when.holds(facts)
    ]


# A step that was done, dropped or paused meanwhile has no timer that could be missed.
_SET_ASIDE = (
    TicketCommitment.firing_failures >= MOST_TRIES,
    TicketCommitment.next_fire_at.is_(None),
    TicketCommitment.state == CommitmentState.RUNNING,
)


async def stuck_timers(session: AsyncSession, *, limit: int = 100) -> Sequence[tuple[str, TicketCommitment]]:
    """Return the commitments whose timer was set aside, with their ticket's number, the latest first."""
    found = await session.execute(
        select(Ticket.number, TicketCommitment)
        .join(Ticket, Ticket.id == TicketCommitment.ticket_id)
        .where(*_SET_ASIDE)
        .order_by(TicketCommitment.due_at.desc())
        .limit(limit)
    )
    return [(number, row) for number, row in found]


async def retry_stuck(session: AsyncSession) -> int:
    """Give every timer that was set aside three tries more; return how many there are."""
    stuck = (await session.scalars(select(TicketCommitment).where(*_SET_ASIDE))).all()
    for row in stuck:
        row.firing_failures, row.next_fire_at = 0, row.started_at  # looked at now; firing says what is due
    return len(stuck)
