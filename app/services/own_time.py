"""The time a ticket lives by: that of the test clock it is bound to, for all others the request's own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, SQLColumnExpression, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.test_clocks import TestClock
from app.models.tickets import Ticket
from app.services.context import Context


async def own_times(
    session: AsyncSession, tickets: Iterable[Ticket], *, now: datetime
) -> Mapping[UUID | None, datetime]:
    """Return the time by `test_clock_id`: of these tickets' clocks, and for None `now`."""
    bound = {ticket.test_clock_id for ticket in tickets} - {None}
    times: dict[UUID | None, datetime] = {None: now}
    if bound:
        found = await session.execute(select(TestClock.id, TestClock.now).where(TestClock.id.in_(bound)))
        times.update((clock_id, now) for clock_id, now in found)
    return times


async def at_own_time(session: AsyncSession, ctx: Context, ticket: Ticket) -> Context:
    """Return the context whose `now` is the ticket's."""
    return replace(ctx, now=(await own_times(session, [ticket], now=ctx.now))[ticket.test_clock_id])


def own_time(ctx: Context, test_clock_id: SQLColumnExpression[UUID | None]) -> ColumnElement[datetime]:
    """Return the time of rows as an expression; outside a sandbox a plain value, which an index can be searched by."""
    now = literal(ctx.now, DateTime(timezone=True))
    if not ctx.kit.sandbox:
        return now
    return func.coalesce(select(TestClock.now).where(TestClock.id == test_clock_id).scalar_subquery(), now)
