"""How the promises of time were kept: met, breached and paused, by milestone and group (S8)."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, String, cast, func, literal, or_, select

from app.models.tickets import Ticket, TicketCommitment
from app.schemas.lists import PerformanceFilter
from app.schemas.sla import Performance, PerformanceRow
from app.services.context import Context
from app.services.own_time import own_time
from app.services.reporting import month_of
from app.services.rules.sla import CommitmentState

_Row = TicketCommitment


async def read_performance(ctx: Context, wanted: PerformanceFilter) -> Performance:
    """Count the commitments of tickets opened in a period. One past its time and not met yet is breached.

    Raises: NotFound for a line that is not the caller's.
    """
    late = (_Row.state == CommitmentState.RUNNING) & (_Row.due_at < own_time(ctx, _Row.test_clock_id))
    breached = or_(_Row.state == CommitmentState.BREACHED, late)
    open_still = _Row.state.in_((CommitmentState.RUNNING, CommitmentState.PAUSED)) & ~late
    key = _key(wanted.group_by)
    counts = (
        select(
            key.label("key"),
            _Row.milestone,
            func.count().label("n"),
            _count(_Row.state == CommitmentState.MET).label("met"),
            _count(breached).label("breached"),
            _count(open_still).label("running"),
            _count(_Row.state == CommitmentState.CANCELLED).label("cancelled"),
            func.avg(_Row.used_seconds).filter(_Row.met_at.is_not(None)).label("used"),
            func.avg(_Row.paused_seconds).filter(_Row.met_at.is_not(None)).label("paused"),
        )
        .join(Ticket, Ticket.id == _Row.ticket_id)
        .where(_Row.business_line_id.in_(ctx.line_ids(wanted.business_line)))
        .group_by(key, _Row.milestone)
        .order_by(key, _Row.milestone)
    )
    if wanted.opened_at_gte is not None:
        counts = counts.where(Ticket.opened_at >= wanted.opened_at_gte)
    if wanted.opened_at_lt is not None:
        counts = counts.where(Ticket.opened_at < wanted.opened_at_lt)
    async with ctx.reports.read() as session:
        found = (await session.execute(counts)).all()
    return Performance(group_by=wanted.group_by, rows=[_shown(ctx, wanted.group_by, row) for row in found])


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)


def _key(group_by: str) -> SQLColumnExpression[Any]:
    """The value a group has in common; grouping by milestone alone has none."""
    return {
        "milestone": cast(literal(None), String),
        "business_line": _Row.business_line_id,
        "department": Ticket.department,
        "staff": func.coalesce(Ticket.assignee_staff_no, Ticket.owner_staff_no),
        "month": month_of(Ticket.opened_at),
    }[group_by]


def _shown(ctx: Context, group_by: str, row: Any) -> PerformanceRow:
    key = ctx.known.by_id[row.key].name if group_by == "business_line" else row.key
    ended = row.met + row.breached
    return PerformanceRow(
        key=key,
        milestone=row.milestone,
        n=row.n,
        met=row.met,
        breached=row.breached,
        running=row.running,
        cancelled=row.cancelled,
        met_rate=round(row.met / ended, 4) if ended else None,
        mean_used_seconds=None if row.used is None else round(row.used),
        mean_paused_seconds=None if row.paused is None else round(row.paused),
    )
