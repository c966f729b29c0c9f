"""Measures that fall due: a worker announces them as their day begins, and again once it is over.

As with the timers of deadlines, the announcement and the timer's next time are one transaction, under the ticket's
lock: each comes once, whatever the number of workers, and after downtime in order. A ticket bound to a test clock
lives by that.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text
from app.core.outbox import Event
from app.models.complaint_reports import ComplaintReportMeasure
from app.models.test_clocks import TestClock
from app.models.tickets import Ticket
from app.services.directory import Known
from app.services.rules.complaint_reports import announcements
from app.services.rules.tickets import Status
from app.services.tickets.records import event_values, timeline_row

_LATE = "report.measure_late"


def set_timer(row: ComplaintReportMeasure, timezone: str) -> None:
    """Note when a measure is announced next; never once it is done."""
    left = announcements(row.due_on, timezone)[row.times_announced :]
    row.next_announced_at = left[0][1] if left and row.done_on is None else None


async def announce_due(session: AsyncSession, known: Known, now: datetime, *, limit: int = 100) -> int:
    """Announce what is due on up to `limit` measures; return how many announcements it took."""
    own_time = func.coalesce(TestClock.now, now)
    due = (
        select(ComplaintReportMeasure.id, own_time)
        .join(Ticket, Ticket.id == ComplaintReportMeasure.ticket_id)
        .outerjoin(TestClock, TestClock.id == Ticket.test_clock_id)
        .where(ComplaintReportMeasure.next_announced_at <= own_time)
        .order_by(ComplaintReportMeasure.next_announced_at)
        .limit(limit)
    )
    times = {found[0]: found[1] for found in await session.execute(due)}
    locked = (
        select(ComplaintReportMeasure, Ticket)
        .join(Ticket, Ticket.id == ComplaintReportMeasure.ticket_id)
        .where(ComplaintReportMeasure.id.in_(times))
        .order_by(ComplaintReportMeasure.next_announced_at)
        .with_for_update(skip_locked=True)
    )
    announced = 0
    for row, ticket in await session.execute(locked):
        announced += _announce_all(session, ticket, row, known, times[row.id])
    return announced


def _announce_all(
    session: AsyncSession, ticket: Ticket, row: ComplaintReportMeasure, known: Known, at: datetime
) -> int:
    """Announce what is due of one measure, in order; nothing of a ticket that was cancelled."""
    if ticket.status is Status.CANCELLED:
        row.next_announced_at = None
        return 0
    timezone = known.timekeeping_of(ticket.policy_name, ticket.policy_version).timezone
    before = row.times_announced
    while row.next_announced_at is not None and row.next_announced_at <= at:
        _announce(session, ticket, row, announcements(row.due_on, timezone)[row.times_announced][0], at)
        row.times_announced += 1
        set_timer(row, timezone)
    return row.times_announced - before


def _announce(session: AsyncSession, ticket: Ticket, row: ComplaintReportMeasure, type_: str, at: datetime) -> None:
    data = {
        "report_id": id_text("rpt", row.report_id), "department": row.department,
        "owner_staff_no": row.owner_staff_no, "due_on": row.due_on.isoformat(),
    }  # fmt: skip
    session.add(Event(position=None, **event_values(ticket, type_, at=at, request_id=None, **data)))
    if type_ == _LATE:
        session.add(timeline_row(ticket, "report_measure_late", at=at, request_id="timer", data=data))
