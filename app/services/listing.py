"""One page of a list, the latest first: keyset order by a time and the id, for lists that know no other order."""

from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.pagination import Cursors
from app.services.context import Context


class Row(Protocol):
    """What can be listed: a table's row with an id."""

    id: Any


RowType = TypeVar("RowType", bound=Row)


async def latest_first(
    ctx: Context,
    session: AsyncSession,
    chosen: Select[RowType],
    at: InstrumentedAttribute[datetime],
    *,
    wanted: BaseModel,
) -> tuple[list[RowType], str | None]:
    """Return a page of the rows and the cursor of the next one, None at the end.

    `at` is the time rows are ordered by, of a class that has an `id`. `wanted` holds the filters with `limit` and
    `cursor`; a cursor is good for the same filters, path and lines only.

    Raises: InvalidCursor, CursorFilterMismatch.
    """
    filters = wanted.model_dump(mode="json")
    limit, cursor = filters.pop("limit"), filters.pop("cursor")
    lines = sorted(line.hex for line in ctx.line_ids())
    cursors = Cursors(ctx.keyring, {**filters, "lines": lines, "path": ctx.call.path}, now=ctx.now)
    row_id: InstrumentedAttribute[UUID] = at.class_.id
    chosen = chosen.order_by(at.desc(), row_id.desc())
    if cursor is not None:
        seen_at, seen_id = cursors.read(cursor)
        chosen = chosen.where(tuple_(at, row_id) < tuple_(datetime.fromisoformat(seen_at), UUID(seen_id)))
    rows: list[RowType] = list(await session.scalars(chosen.limit(limit + 1)))
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], cursors.issue([getattr(last, at.key).isoformat(), last.id.hex])
