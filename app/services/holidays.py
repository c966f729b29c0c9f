"""When the holidays change under open deadlines: those that a change touches are counted again.

A process knows the holidays of its own release. The first worker that comes with holidays nobody had before makes them
the ones that count, and workers of an older release, at work beside it, leave them alone. If no worker has been at work
with them for a while, the release was taken back, and the older holidays count again. As editions are never changed,
nothing else moves under an open deadline. What an older process wrote meanwhile, a second pass puts right.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import database_now
from app.core.ids import id_text
from app.core.metrics import WORKER_ERRORS
from app.core.outbox import Event
from app.models.holidays import HolidayCalendar
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.fields import instant_text
from app.services.directory import Known
from app.services.own_time import own_times
from app.services.policy_book import Policy
from app.services.rules.holidays import HolidayBook, HolidayDays, changed_spans
from app.services.rules.sla import Clock, Unit
from app.services.tickets.clocks import OPEN, promise_anew, running, write_back
from app.services.tickets.records import event_values, timeline_row

_PASSES = 2
_ROLLED_OUT = timedelta(hours=1)  # by then no process of an older release is at work: time for the second pass
_SEEN_EVERY = timedelta(minutes=1)
_TAKEN_BACK = timedelta(minutes=15)
_WORKING_UNITS = (Unit.WORKING_HOURS, Unit.WORKING_DAYS)
_log = structlog.get_logger("aftersales.holidays")


async def follow_holidays(session: AsyncSession, known: Known, *, now: datetime | None = None, limit: int = 50) -> int:
    """Count again what a change of holidays touches, up to `limit` tickets; return how many were looked at.

    One worker at a time. `now` is the database's clock unless a test sets it.
    """
    at = now or await database_now(session)
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended("holidays", 0)))):
        return 0
    current = await _adopt(session, known.book.holidays, at)
    if current is None or current.passes >= _PASSES or (current.passes and at < current.adopted_at + _ROLLED_OUT):
        return 0
    tickets = await _next_tickets(session, current, limit)
    if not tickets:
        current.passes, current.last_ticket_id = current.passes + 1, None
        return 0
    current.last_ticket_id = tickets[-1].id
    await _recount(session, tickets, known, at)
    return len(tickets)


async def _adopt(session: AsyncSession, book: HolidayBook, at: datetime) -> HolidayCalendar | None:
    """Return the holidays that count, if they are this process's own."""
    latest = await session.scalar(select(HolidayCalendar).order_by(HolidayCalendar.adopted_at.desc()).limit(1))
    days = book.days.model_dump(mode="json")
    fingerprint = sha256(json.dumps(days).encode()).hexdigest()
    if latest is not None and latest.fingerprint == fingerprint:
        latest.seen_at = at if at - latest.seen_at >= _SEEN_EVERY else latest.seen_at
        return latest
    own = await session.get(HolidayCalendar, fingerprint)
    if latest is not None and own is not None and at - latest.seen_at < _TAKEN_BACK:
        return None
    if own is None:
        own = HolidayCalendar(fingerprint=fingerprint, days=days)
        session.add(own)
    own.adopted_at = own.seen_at = at
    own.last_ticket_id = None
    own.touched = _touched(latest, book.days) if latest else []
    own.passes = 0 if own.touched else _PASSES
    _log.info("holidays adopted", fingerprint=fingerprint[:12], touched=own.touched)
    return own


def _touched(before: HolidayCalendar, after: HolidayDays) -> list[list[str]]:
    """Return what changed, with what a change before it had still to see to."""
    left = before.touched if before.passes < _PASSES else []
    changed = changed_spans(HolidayDays.model_validate(before.days), after)
    return [*left, *([first.isoformat(), last.isoformat()] for first, last in changed)]


async def _next_tickets(session: AsyncSession, current: HolidayCalendar, limit: int) -> Sequence[Ticket]:
    """Lock the next tickets with an open deadline in working time that a change touches."""
    row = TicketCommitment
    touching = (
        select(row.ticket_id)
        .where(row.state.in_(OPEN), row.target_unit.in_(_WORKING_UNITS), or_(*map(_spans, current.touched)))
        .distinct()
        .order_by(row.ticket_id)
        .limit(limit)
    )
    if current.last_ticket_id is not None:
        touching = touching.where(row.ticket_id > current.last_ticket_id)
    tickets = select(Ticket).where(Ticket.id.in_(touching)).order_by(Ticket.id).with_for_update()
    return (await session.scalars(tickets)).all()


def _spans(touched: list[str]) -> ColumnElement[bool]:
    """Say that a deadline's way leads through these dates: in whatever zone, and with hours that run past midnight."""
    first, last = (datetime.combine(date.fromisoformat(day), time(), UTC) for day in touched)
    since, until = first - timedelta(days=1), last + timedelta(days=3)
    ends = func.greatest(TicketCommitment.due_at, TicketCommitment.next_fire_at)  # escalations come after the deadline
    return and_(TicketCommitment.started_at < until, ends > since)


async def _recount(session: AsyncSession, tickets: Sequence[Ticket], known: Known, at: datetime) -> None:
    """Count again ticket by ticket; one that cannot be is named in the log, and stops no other."""
    rows = defaultdict[UUID, list[TicketCommitment]](list)
    theirs = select(TicketCommitment).where(TicketCommitment.ticket_id.in_([ticket.id for ticket in tickets]))
    for row in await session.scalars(theirs):
        rows[row.ticket_id].append(row)
    times = await own_times(session, tickets, now=at)
    for ticket_id, ticket in [(ticket.id, ticket) for ticket in tickets]:
        try:
            async with session.begin_nested():
                policy = known.edition(ticket.policy_name, ticket.policy_version)
                _recount_ticket(session, ticket, rows[ticket_id], policy, times[ticket.test_clock_id])
        except Exception as error:
            WORKER_ERRORS.labels("follow holidays").inc()
            _log.error("deadlines not counted again", ticket=ticket_id.hex, error=type(error).__name__)


def _recount_ticket(
    session: AsyncSession, ticket: Ticket, rows: Sequence[TicketCommitment], policy: Policy, at: datetime
) -> None:
    """Count the open deadlines in working time again. Only where one moves is there anything to tell."""
    moved = []
    for row in rows:
        commitment, before = running(row), row.due_at
        if row.state not in OPEN or commitment.target.clock is not Clock.WORKING:
            continue
        write_back(row, commitment.recounted(policy.time), policy)
        if row.due_at != before:
            moved.append({
                "commitment_id": id_text("cmt", row.id), "milestone": row.milestone,
                "before": instant_text(before), "due_at": instant_text(row.due_at),
            })  # fmt: skip
    if not moved:
        return
    promise_anew(ticket, rows, policy, at)
    ticket.version += 1
    ticket.updated_at = at
    told = {"cause": "holidays", "deadlines": moved}
    session.add(timeline_row(ticket, "changed", at=at, request_id="holidays", data=told))
    values = event_values(ticket, "ticket.changed", at=at, request_id=None, changed=["commitments"], **told)
    session.add(Event(position=None, **values))
