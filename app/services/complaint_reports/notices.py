"""Measures that fall due: a worker announces them as their day begins, and again once it is over.

As with the timers of deadlines, the announcement and the timer's next time are one transaction, under the ticket's
lock: each notice is given once, whatever the number of workers, and after downtime in order.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text
from app.core.outbox import Event
from app.models.complaint_reports import ComplaintReportMeasure
from app.models.tickets import Ticket
from app.services.directory import Known
from app.services.rules.complaint_reports import notices
from app.services.rules.tickets import Status
from app.services.tickets.records import event_values, timeline_row

_LATE = "report.measure_late"


def set_notice(row: ComplaintReportMeasure, timezone: str) -> None:
    """Note when the next notice of a measure is due; none once it is done."""
    left = notices(row.due_on, timezone)[row.notices_given :]
    row.next_notice_at = left[0][1] if left and row.done_on is None else None


async def give_notices(session: AsyncSession, known: Known, now: datetime, *, limit: int = 100) -> int:
    """Announce what is due on up to `limit` measures; return how many notices were given."""
    due = (
        select(ComplaintReportMeasure.ticket_id)
        .where(ComplaintReportMeasure.next_notice_at <= now)
        .order_by(ComplaintReportMeasure.next_notice_at)
        .limit(limit)
    )
    locked = await session.scalars(select(Ticket).where(Ticket.id.in_(due)).with_for_update(skip_locked=True))
    tickets = {ticket.id: ticket for ticket in locked}
    rows = await session.scalars(
        select(ComplaintReportMeasure)
        .where(ComplaintReportMeasure.ticket_id.in_(tickets), ComplaintReportMeasure.next_notice_at <= now)
        .order_by(ComplaintReportMeasure.next_notice_at)
    )
    given = 0
    for row in rows:
        ticket = tickets[row.ticket_id]
        if ticket.status is Status.CANCELLED:
            row.next_notice_at = None
            continue
        timezone = known.timekeeping_of(ticket.policy_name, ticket.policy_version).timezone
        while row.next_notice_at is not None and row.next_notice_at <= now:
            _announce(session, ticket, row, notices(row.due_on, timezone)[row.notices_given][0], now)
            row.notices_given += 1
            set_notice(row, timezone)
            given += 1
    return given


def _announce(
    session: AsyncSession,
    ticket: Ticket,
    row: ComplaintReportMeasure,
    type_: str,
    now: datetime,
) -> None:
    data = {
        "report_id": id_text("rpt", row.report_id), "department": row.department,
        "owner_staff_no": row.owner_staff_no, "due_on": row.due_on.isoformat(),
    }  # fmt: skip
    session.add(Event(position=None, **event_values(ticket, type_, at=now, request_id=None, **data)))
    if type_ == _LATE:
        session.add(timeline_row(ticket, "report_measure_late", at=now, request_id="timer", data=data))
