"""部门用时: who had a ticket, in which stage, from when to when; kept through every transfer."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.tickets import Ticket, TicketAssignment
from app.schemas.tickets import AssignmentOut, Assignments
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.tickets import OVER
from app.services.tickets.loading import load_ticket


def assignment_row(ticket: Ticket, since: datetime) -> TicketAssignment:
    return TicketAssignment(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        department=ticket.department,
        staff_no=ticket.assignee_staff_no,
        status=ticket.status,
        since=since,
        until=None,
    )


async def hand_over(session: AsyncSession, ticket: Ticket, now: datetime) -> None:
    """Note it if the ticket changed hands or stage, or is over, since the last time."""
    ours = TicketAssignment.ticket_id == ticket.id, TicketAssignment.until.is_(None)
    current = await session.scalar(select(TicketAssignment).where(*ours))
    over = ticket.status in OVER
    if current is not None:
        held = current.department, current.staff_no, current.status
        if held == (ticket.department, ticket.assignee_staff_no, ticket.status):
            return
        current.until = now
        await session.flush()
    if not over:
        session.add(assignment_row(ticket, now))


async def list_assignments(ctx: Context, reference: str) -> Assignments:
    """Return who had a ticket, in order, with the time each had it for.

    Raises: TicketNotFound.
    """
    async with ctx.db.read() as session:
        ctx, loaded = await load_ticket(session, ctx, reference)
        ours = select(TicketAssignment).where(TicketAssignment.ticket_id == loaded.ticket.id)
        rows = (await session.scalars(ours.order_by(TicketAssignment.since, TicketAssignment.id))).all()
    return Assignments(items=[_shown(row, loaded.policy, loaded.ticket.recorded_at, ctx.now) for row in rows])


def _shown(row: TicketAssignment, policy: Policy, begun: datetime, now: datetime) -> AssignmentOut:
    """Show a spell in whole seconds, such that the spells add up to the whole seconds since `begun`."""
    until = row.until or now
    return AssignmentOut(
        department=row.department,
        staff_no=row.staff_no,
        status=row.status,
        since=row.since,
        until=row.until,
        seconds=int((until - begun).total_seconds()) - int((row.since - begun).total_seconds()),
        working_seconds=policy.time.calendar.between(row.since, until),
    )
