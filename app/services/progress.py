"""进展告知: what a worker does when customers are to hear how their matters stand. The CRM sends them the text.

A ticket keeps the one time its customer is told next. A step sets it to now, or to when contact hours begin; so of
several steps in a night the customer hears once, how things stand by then.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ServiceError
from app.core.outbox import Event
from app.models.test_clocks import TestClock
from app.models.tickets import Ticket, TicketCommitment
from app.services.directory import Known
from app.services.own_time import own_times
from app.services.policy_book import Policy
from app.services.rules.clause import Wording
from app.services.rules.facts import Channel
from app.services.rules.progress import ProgressCause, tell_after_step, tell_next, word_progress
from app.services.rules.surveys import contact_time
from app.services.rules.tickets import Move
from app.services.tickets.clocks import promise_anew
from app.services.tickets.records import event_values, timeline_row

_TRY_AGAIN = timedelta(hours=1)
_log = structlog.get_logger("aftersales.progress")


def expect_word(ticket: Ticket, policy: Policy, now: datetime) -> None:
    """Have a customer who was just told something told again if nothing happens for the edition's interval.

    What the company found itself has no customer who waits to hear of it.
    """
    terms = policy.edition.progress
    if terms is not None and ticket.channel is not Channel.INTERNAL:
        ticket.progress_at = tell_next(ticket.status, now, terms, *_reachable(policy))
        ticket.progress_cause = ProgressCause.INTERVAL


def step_taken(ticket: Ticket, move: Move, policy: Policy, now: datetime) -> None:
    """Have the customer told of a move, where the edition says so."""
    terms = policy.edition.progress
    if terms is None or ticket.channel is Channel.INTERNAL:
        return
    if (at := tell_after_step(move, now, terms, *_reachable(policy))) is not None:
        ticket.progress_at, ticket.progress_cause = at, ProgressCause.STEP


def _reachable(policy: Policy) -> tuple[tuple[str, str], str]:
    return policy.edition.calendar.contact_hours.value, policy.time.timezone


async def tell_due(session: AsyncSession, known: Known, now: datetime, *, limit: int = 100) -> int:
    """Tell the customers whose time has come; return how many tickets were looked at."""
    plain = Ticket.test_clock_id.is_(None), Ticket.progress_at <= now
    bound = select(TestClock.id).where(TestClock.id == Ticket.test_clock_id, TestClock.now >= Ticket.progress_at)
    on_clocks = Ticket.test_clock_id.is_not(None), Ticket.progress_at.is_not(None), bound.exists()
    told = 0
    for due in (plain, on_clocks):
        chosen = select(Ticket).where(*due).order_by(Ticket.progress_at).limit(limit)
        tickets = (await session.scalars(chosen.with_for_update(of=Ticket, skip_locked=True))).all()
        if tickets:
            await _tell(session, known, tickets, now)
        told += len(tickets)
    return told


async def _tell(session: AsyncSession, known: Known, tickets: Sequence[Ticket], now: datetime) -> None:
    rows = defaultdict[UUID, list[TicketCommitment]](list)
    theirs = select(TicketCommitment).where(TicketCommitment.ticket_id.in_([ticket.id for ticket in tickets]))
    for row in await session.scalars(theirs):
        rows[row.ticket_id].append(row)
    times = await own_times(session, tickets, now=now)
    for ticket in tickets:
        at = times[ticket.test_clock_id]
        try:
            policy = known.edition(ticket.policy_name, ticket.policy_version)
        except ServiceError as problem:
            ticket.progress_at = at + _TRY_AGAIN
            _log.error("customer not told", ticket=ticket.id.hex, code=problem.code)
            continue
        _tell_one(session, ticket, rows[ticket.id], policy, at)


def _tell_one(
    session: AsyncSession, ticket: Ticket, rows: Sequence[TicketCommitment], policy: Policy, at: datetime
) -> None:
    opening = contact_time(at, *_reachable(policy))
    if opening > at:  # it is late: the worker was away when it was time
        ticket.progress_at = opening
        return
    promise_anew(ticket, rows, policy, at)
    said = word_progress(ticket.number, ticket.status, Wording(ticket.promise["zh"], ticket.promise["en"]))
    data: dict[str, Any] = {"cause": ticket.progress_cause, "text": said.document()}
    values = event_values(ticket, "ticket.progress", at=at, request_id=None, **data)
    session.add(Event(position=None, **values))
    session.add(timeline_row(ticket, "progress", at=at, request_id="progress", visibility="customer", data=data))
    expect_word(ticket, policy, at)
