"""部门队列: what waits in each department, and giving it out as staff become free.

A worker gives out: emergencies first, then what is due soonest. Whoever holds a ticket at that moment keeps it from the
queue's hands, and who is given one by hand just then is passed over. The rows of the others are held, and one worker
serves a line at a time, so nobody gets more than their capacity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.outbox import Event
from app.models.staff import StaffMember
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.lists import QueueFilter
from app.schemas.staff import QueueRow, Queues
from app.services.context import Context
from app.services.directory import EditionUnavailable, Known
from app.services.notices.telling import tell_of_delay
from app.services.rules.classification import Urgency
from app.services.rules.queues import Member, choose, explain_choice
from app.services.rules.routing import required_skills
from app.services.rules.tickets import MEETS, WORKING, Move
from app.services.staff import open_tickets
from app.services.tickets.assignments import hand_over
from app.services.tickets.clocks import decision_documents, meet, promise_anew
from app.services.tickets.judgement import facts_of
from app.services.tickets.loading import Loaded
from app.services.tickets.records import event_values, timeline_row

_BY_QUEUE = "queue"
_MOST_PASSED = 2_000
_log = structlog.get_logger("aftersales.queues")
_QUEUED = "排队等待可分派的人员 / waited in the queue for staff to be free"


def unassigned() -> Sequence[ColumnElement[bool]]:
    """Tickets that wait for somebody to take them."""
    return [Ticket.assignee_staff_no.is_(None), Ticket.closed_at.is_(None), Ticket.status.in_(WORKING)]


async def list_queues(ctx: Context, wanted: QueueFilter) -> Queues:
    """Say what waits in each department that has staff or something waiting.

    Raises: NotFound for a line that is not the caller's.
    """
    lines = ctx.line_ids(wanted.business_line)
    waiting = (
        select(
            Ticket.business_line_id,
            Ticket.department,
            func.count(),
            func.count().filter(Ticket.urgency == Urgency.EMERGENCY),
            func.min(Ticket.opened_at),
        )
        .where(Ticket.business_line_id.in_(lines), *unassigned())
        .group_by(Ticket.business_line_id, Ticket.department)
    )
    there = select(StaffMember).where(StaffMember.business_line_id.in_(lines), StaffMember.available)
    async with ctx.db.read() as session:
        found = {(line, name): counts for line, name, *counts in await session.execute(waiting)}
        staff = list(await session.scalars(there))
        loads = await open_tickets(session, staff)
    places: dict[tuple[UUID, str], list[int]] = {}
    for member in staff:
        free = member.capacity - loads.get((member.business_line_id, member.staff_no), 0)
        for name in member.departments:
            places.setdefault((member.business_line_id, name), []).append(max(free, 0))
    rows = []
    for key in sorted({*found, *places}, key=lambda key: (ctx.known.by_id[key[0]].name, key[1])):
        count, emergencies, oldest = found.get(key, (0, 0, None))
        rows.append(
            QueueRow(
                business_line=ctx.known.by_id[key[0]].name, department=key[1], waiting=count, emergencies=emergencies,
                oldest_opened_at=oldest, available_staff=len(places.get(key, ())), free_places=sum(places.get(key, ())),
            )
        )  # fmt: skip
    return Queues(rows=rows)


async def drain(session: AsyncSession, known: Known, line: UUID, now: datetime, *, limit: int = 100) -> int:
    """Give waiting tickets of a line to staff who are there; return how many were given out."""
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"queue/{line}", 0))
    there = select(StaffMember).where(StaffMember.business_line_id == line, StaffMember.available)
    if not await session.scalar(select(lock)):
        return 0
    held = there.with_for_update(key_share=True, skip_locked=True)
    staff = {member.staff_no: member for member in await session.scalars(held)}
    if not staff:
        return 0
    loads = await open_tickets(session, list(staff.values()))
    members = {number: _member(row, loads) for number, row in staff.items()}
    # Of departments that are full nothing is looked at, or what waits there would stand before all others' matters.
    free = [member for member in members.values() if member.load < member.capacity]
    departments = sorted({name for member in free for name in member.departments})
    given, passed = 0, list[UUID]()
    # What nobody there can take is passed over, however much of it stands before what somebody can.
    while given < limit and len(passed) < _MOST_PASSED:
        page = await _waiting(session, line, departments, limit, passed)
        for ticket in page:
            chosen = await _offer(session, known, ticket, members, now)
            if chosen is None:
                passed.append(ticket.id)
                continue
            staff[chosen.staff_no].last_assigned_at = now
            members[chosen.staff_no] = replace(chosen, load=chosen.load + 1, last_assigned_at=now)
            given += 1
        if len(page) < limit:
            break
    return given


async def _offer(
    session: AsyncSession, known: Known, ticket: Ticket, members: Mapping[str, Member], now: datetime
) -> Member | None:
    """Give a ticket to whom it suits best; None if nobody there can take it, or it cannot be judged now."""
    try:
        policy = known.edition(ticket.policy_name, ticket.policy_version)
    except EditionUnavailable:
        _log.error("ticket not given out", ticket=ticket.id.hex, code=EditionUnavailable.code)
        return None
    skills = required_skills(facts_of(ticket), policy.edition.routing)
    chosen = choose(members.values(), ticket.department, skills)
    if chosen is not None:
        rows = await session.scalars(select(TicketCommitment).where(TicketCommitment.ticket_id == ticket.id))
        await _give(session, Loaded(ticket, list(rows), policy), chosen, skills, now)
    return chosen


def _member(row: StaffMember, loads: Mapping[tuple[UUID, str], int]) -> Member:
    return Member(
        row.staff_no, frozenset(row.departments), frozenset(row.skills),
        loads.get((row.business_line_id, row.staff_no), 0), row.capacity, row.last_assigned_at,
    )  # fmt: skip


async def _waiting(
    session: AsyncSession, line: UUID, departments: Sequence[str], limit: int, passed: Sequence[UUID]
) -> Sequence[Ticket]:
    """Lock the most pressing tickets of these departments: emergencies first, then by the next deadline."""
    due_at = (
        select(func.min(TicketCommitment.due_at))
        .where(TicketCommitment.ticket_id == Ticket.id, TicketCommitment.ended_at.is_(None))
        .scalar_subquery()
    )
    pressing = (
        select(Ticket)
        .where(Ticket.business_line_id == line, Ticket.department.in_(departments), *unassigned())
        .where(Ticket.id.not_in(passed), Ticket.test_clock_id.is_(None))  # those have a time of their own
        .order_by((Ticket.urgency == Urgency.EMERGENCY).desc(), due_at.asc().nulls_last(), Ticket.opened_at)
        .limit(limit)
        .with_for_update(of=Ticket, skip_locked=True)
    )
    return (await session.scalars(pressing)).all()


async def _give(session: AsyncSession, loaded: Loaded, member: Member, skills: frozenset[str], now: datetime) -> None:
    """Assign as a person would, and say why it was this one."""
    ticket, policy = loaded.ticket, loaded.policy
    ticket.assignee_staff_no = member.staff_no
    late = meet(loaded.commitments, MEETS[Move.ASSIGN], now, policy)
    await _excuse(session, loaded, [row for row in late if row.delay_reason is None], now)
    ticket.decisions = [*ticket.decisions, *decision_documents([explain_choice(member, skills)], now)]
    ticket.version += 1
    ticket.updated_at = now
    promise_anew(ticket, loaded.commitments, policy, now)
    data: dict[str, Any] = {"assignee_staff_no": member.staff_no, "by": _BY_QUEUE}
    session.add(timeline_row(ticket, Move.ASSIGN, at=now, request_id=_BY_QUEUE, data=data))
    announced = event_values(
        ticket, "ticket.assigned", at=now, request_id=None, changed=["assignee_staff_no"], by=_BY_QUEUE
    )
    session.add(Event(position=None, **announced))
    await hand_over(session, ticket, now)


async def _excuse(session: AsyncSession, loaded: Loaded, late: Sequence[TicketCommitment], now: datetime) -> None:
    """Put on record why a step is late, and report it as where a person gives the reason (002 第十五条)."""
    ticket, policy = loaded.ticket, loaded.policy
    for row in late:
        row.delay_reason = _QUEUED
    if late:
        data = {"milestones": [row.milestone for row in late], "reported_to": policy.edition.delays.role}
        session.add(timeline_row(ticket, "delay_reason", at=now, request_id=_BY_QUEUE, text=_QUEUED, data=data))
        await tell_of_delay(session, ticket, late, policy, now)
