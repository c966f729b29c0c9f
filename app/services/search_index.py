"""The search index follows the tickets: a worker gives each new description its tokens."""

from typing import Final, TypedDict
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import availability_problem
from app.core.metrics import WORKER_ERRORS
from app.models.tickets import Ticket, TicketSearch
from app.services.rules.search_tokens import search_tokens


class _Row(TypedDict):
    ticket: UUID
    found: list[str]


INDEXED_AT_ONCE: Final = 100
_log = structlog.get_logger("aftersales.search")

_FILL = (
    update(TicketSearch)
    .where(TicketSearch.ticket_id == bindparam("ticket"))
    .values(tokens=bindparam("found"))
    .execution_options(synchronize_session=False)
)


async def index_pending(session: AsyncSession, *, limit: int = INDEXED_AT_ONCE) -> int:
    """Give up to `limit` tickets their tokens; return how many got them. Several workers share the tickets out.

    A text that cannot be indexed is named in the log, and its ticket found by other criteria only; it stops no other.
    """
    waiting = (
        select(TicketSearch.ticket_id, Ticket.description)
        .join(Ticket, Ticket.id == TicketSearch.ticket_id)
        .where(TicketSearch.tokens.is_(None))
        .order_by(TicketSearch.ticket_id)
        .limit(limit)
        .with_for_update(of=TicketSearch, skip_locked=True)
    )
    rows = [_Row(ticket=ticket, found=_tokens(ticket, text)) for ticket, text in await session.execute(waiting)]
    if rows:
        await _fill(session, rows)
    return len(rows)


def _tokens(ticket: UUID, description: str) -> list[str]:
    try:
        return list(search_tokens(description))
    except Exception as error:  # whatever one text does, the others of its batch are indexed
        _skipped(ticket, error)
        return []


async def _fill(session: AsyncSession, rows: list[_Row]) -> None:
    """Write a batch; one that the database refuses is halved, until what it refuses stands alone."""
    try:
        async with session.begin_nested():
            await (await session.connection()).execute(_FILL, rows)
    except DBAPIError as refused:
        if availability_problem(refused) is not None or (len(rows) == 1 and not rows[0]["found"]):
            raise
        if len(rows) == 1:
            _skipped(rows[0]["ticket"], refused)
            await _fill(session, [_Row(ticket=rows[0]["ticket"], found=[])])
            return
        middle = len(rows) // 2
        await _fill(session, rows[:middle])
        await _fill(session, rows[middle:])


def _skipped(ticket: UUID, error: Exception) -> None:
    WORKER_ERRORS.labels("index texts").inc()
    _log.error("text not indexed", ticket=ticket.hex, error=type(error).__name__)
