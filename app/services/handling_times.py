"""How long tickets stay with a department or person, stage by stage (004 6.2)."""

from typing import Any

from sqlalchemy import Select, SQLColumnExpression, String, cast, func, literal, select

from app.models.tickets import Ticket, TicketAssignment
from app.schemas.lists import HandlingFilter
from app.schemas.sla import HandlingRow, HandlingTimes
from app.services.context import Context
from app.services.own_time import own_time
from app.services.reporting import month_of

_Row = TicketAssignment


async def read_handling_times(ctx: Context, wanted: HandlingFilter) -> HandlingTimes:
    """Add up the spells that began in a period, by stage and group.

    Raises: NotFound for a line that is not the caller's.
    """
    key = _key(wanted.group_by)
    test_clock_id = select(Ticket.test_clock_id).where(Ticket.id == _Row.ticket_id).correlate(_Row).scalar_subquery()
    seconds = func.extract("epoch", func.coalesce(_Row.until, own_time(ctx, test_clock_id)) - _Row.since)
    sums: Select[*tuple[Any, ...]] = (
        select(
            key.label("key"),
            _Row.status,
            func.count(_Row.ticket_id.distinct()).label("tickets"),
            func.count().label("spells"),
            func.sum(seconds).label("total"),
            func.max(seconds).label("longest"),
        )
        .where(_Row.business_line_id.in_(ctx.line_ids(wanted.business_line)))
        .group_by(key, _Row.status)
        .order_by(key, _Row.status)
    )
    if wanted.since_gte is not None:
        sums = sums.where(_Row.since >= wanted.since_gte)
    if wanted.since_lt is not None:
        sums = sums.where(_Row.since < wanted.since_lt)
    async with ctx.reports.read() as session:
        found = (await session.execute(sums)).all()
    return HandlingTimes(group_by=wanted.group_by, rows=[_shown(ctx, wanted.group_by, row) for row in found])


def _key(group_by: str) -> SQLColumnExpression[Any]:
    """The value a group has in common; grouping by stage alone has none."""
    return {
        "status": cast(literal(None), String),
        "business_line": _Row.business_line_id,
        "department": _Row.department,
        "staff": _Row.staff_no,
        "month": month_of(_Row.since),
    }[group_by]


def _shown(ctx: Context, group_by: str, row: Any) -> HandlingRow:
    return HandlingRow(
        key=ctx.known.by_id[row.key].name if group_by == "business_line" else row.key,
        status=row.status,
        tickets=row.tickets,
        spells=row.spells,
        total_seconds=round(row.total),
        mean_seconds=round(row.total / row.tickets),
        longest_seconds=round(row.longest),
    )
