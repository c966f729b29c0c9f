"""Reading tickets: one, a list, a search, a timeline. Nothing of another line ever shows."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, func, literal, literal_column, select, text, true, tuple_, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from app.core.answers import Answer
from app.core.conditional import etag, unchanged
from app.core.ids import id_text
from app.core.pagination import Cursors, next_link
from app.core.personal import Tier
from app.core.single import Prepared
from app.models.tickets import Ticket, TicketCommitment, TicketSearch, TimelineEntry
from app.schemas.lists import TicketFilter, TimelineFilter
from app.schemas.tickets import SearchIn, Timeline
from app.services.access_log import log_access, log_texts
from app.services.context import Context
from app.services.own_time import own_time
from app.services.rules.search_tokens import whole_tokens
from app.services.rules.sla import CommitmentState
from app.services.tickets.customers import person_criteria
from app.services.tickets.loading import SHOWN, ShownCommitment, find_ticket, ticket_called
from app.services.tickets.refusals import TicketNotFound
from app.services.tickets.rendering import render_entry, render_ticket

COUNT_CAP = 10_000


async def get_ticket(ctx: Context, reference: str) -> Answer:
    """Return a ticket, or 304 if the caller holds this representation already.

    Raises: TicketNotFound.
    """
    found = await _look_up(ctx, *ticket_called(reference, ctx.line_ids()))
    if not found.items:
        raise TicketNotFound
    [item] = found.items
    tag = etag(item["version"], ctx.caller.tier)
    # A deadline that passes changes what is shown without a new version.
    breached = any(shown["state"] is CommitmentState.BREACHED for shown in item["commitments"])
    if unchanged(ctx.call, tag) and not breached:
        return Answer(304, b"", {"etag": tag, "vary": "Authorization"})
    return Answer.of(200, item, etag=tag, vary="Authorization")


_Way = tuple[ColumnElement[bool], ...]  # conditions that hold together


@dataclass(frozen=True, slots=True)
class _Order:
    """A sort order by time, ties broken by id."""

    column: InstrumentedAttribute[datetime]
    descending: bool
    words: str  # the same as SQL, which is put together more quickly

    def after(self, cursor: list[str]) -> ColumnElement[bool]:
        here = tuple_(self.column, Ticket.id)
        there = tuple_(datetime.fromisoformat(cursor[0]), UUID(cursor[1]))
        return here < there if self.descending else here > there

    def first(self, query: Select[Any], limit: int) -> Select[Any]:
        return query.order_by(text(self.words)).limit(limit)

    def key(self, ticket: Mapping[str, Any]) -> list[str]:
        return [ticket[self.column.key].isoformat(), ticket["id"].hex]


_ORDERS = {
    "opened_at": _Order(Ticket.opened_at, descending=False, words="ticket.opened_at, ticket.id"),
    "-opened_at": _Order(Ticket.opened_at, descending=True, words="ticket.opened_at DESC, ticket.id DESC"),
    "updated_at": _Order(Ticket.updated_at, descending=False, words="ticket.updated_at, ticket.id"),
    "-updated_at": _Order(Ticket.updated_at, descending=True, words="ticket.updated_at DESC, ticket.id DESC"),
}


async def list_tickets(ctx: Context, wanted: TicketFilter) -> Answer:
    """Return one page of tickets that pass the filter.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    lines, conditions = ctx.line_ids(wanted.business_line), _filters(ctx, wanted)
    query = wanted.model_dump(mode="json", exclude={"cursor", "limit", "include"})
    total = wanted.include == "total"
    return await _page(ctx, lines, conditions, query, _ORDERS[wanted.sort], wanted.limit, wanted.cursor, count=total)


def _filters(ctx: Context, wanted: TicketFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, values in (
        (Ticket.status, wanted.status),
        (Ticket.kind, wanted.kind),
        (Ticket.channel, wanted.channel),
        (Ticket.urgency, wanted.urgency),
        (Ticket.severity, wanted.severity),
        (Ticket.department, wanted.department),
        (Ticket.assignee_staff_no, wanted.assignee_staff_no),
        (Ticket.owner_staff_no, wanted.owner_staff_no),
        (Ticket.served_by, wanted.served_by),
    ):
        if values:
            conditions.append(column.in_(values))
    if wanted.external_ref is not None:
        conditions.append(Ticket.external_ref == wanted.external_ref)
    if wanted.opened_at_gte is not None:
        conditions.append(Ticket.opened_at >= wanted.opened_at_gte)
    if wanted.opened_at_lt is not None:
        conditions.append(Ticket.opened_at < wanted.opened_at_lt)
    if wanted.overdue is not None:
        late = _overdue(ctx)
        conditions.append(late if wanted.overdue == "true" else ~late)
    return conditions


def _overdue(ctx: Context) -> ColumnElement[bool]:
    return (
        select(TicketCommitment.id)
        .where(
            TicketCommitment.ticket_id == Ticket.id,
            TicketCommitment.state == CommitmentState.RUNNING,
            TicketCommitment.due_at < own_time(ctx, TicketCommitment.test_clock_id),
        )
        .exists()
    )


async def search_tickets(ctx: Context, wanted: SearchIn) -> Answer:
    """Return tickets that meet every criterion, the newest first. People are found by keyed hash.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    lines, conditions = ctx.line_ids(wanted.business_line), _criteria(ctx, wanted)
    query = wanted.model_dump(mode="json", exclude={"cursor", "limit"})
    ways = [()] if wanted.text is None else _says(wanted.text)
    return await _page(ctx, lines, conditions, query, _ORDERS["-opened_at"], wanted.limit, wanted.cursor, ways=ways)


def _criteria(ctx: Context, wanted: SearchIn) -> list[ColumnElement[bool]]:
    conditions = person_criteria(Ticket, wanted, ctx.keyring)
    if wanted.external_id is not None:
        conditions.append(Ticket.customer_external_id == wanted.external_id)
    if wanted.number is not None:
        conditions.append(Ticket.number == wanted.number.upper())
    for name in ("order_no", "batch", "model"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(Ticket.product[name].astext == value)
    return conditions


def _says(text: str) -> list[_Way]:
    """The description says it, in any width and case; tokens narrow down where the worker has been already.

    Tickets with and without tokens are two ways to find some: as alternatives of one condition they would use no index.
    """
    folded = func.lower(func.normalize(Ticket.description, literal_column("NFKC")))
    literally = func.strpos(folded, unicodedata.normalize("NFKC", text).lower()) > 0
    tokens = whole_tokens(text)
    if not tokens:
        return [(literally,)]
    its_own = select(TicketSearch.ticket_id).where(TicketSearch.ticket_id == Ticket.id)
    indexed, pending = TicketSearch.tokens.contains(list(tokens)), TicketSearch.tokens.is_(None)
    return [(its_own.where(which).exists(), literally) for which in (indexed, pending)]


async def _page(
    ctx: Context,
    lines: Sequence[UUID],
    conditions: Sequence[ColumnElement[bool]],
    query: dict[str, Any],
    order: _Order,
    limit: int,
    cursor: str | None,
    *,
    ways: Sequence[_Way] = ((),),
    count: bool = False,
) -> Answer:
    """Run a query for one page; the cursor is bound to the query and to the caller's lines."""
    seen = sorted(line.hex for line in ctx.line_ids())
    cursors = Cursors(ctx.keyring, {**query, "lines": seen, "path": ctx.call.route}, now=ctx.now)
    following = [] if cursor is None else [order.after(cursors.read(cursor))]
    page = Prepared(_first(lines, [*conditions, *following], order, limit + 1, ways))
    total = _total(lines, conditions) if count else None
    found = await _look_up(ctx, page, limit=limit, total=total)
    more = len(found.rows) > limit
    next_cursor = cursors.issue(order.key(found.rows[limit - 1])) if more else None
    body = {
        "items": found.items,
        "next_cursor": next_cursor,
        "has_more": more,
        "total": None if found.total is None else min(found.total, COUNT_CAP),
        "total_is_capped": None if found.total is None else found.total > COUNT_CAP,
    }
    return Answer.of(200, body, **next_link(ctx.call, next_cursor))


def _first(
    lines: Sequence[UUID],
    conditions: Sequence[ColumnElement[bool]],
    order: _Order,
    limit: int,
    ways: Sequence[_Way],
) -> Select[Any]:
    """Find the first tickets of some lines, by either of the ways, of which no ticket goes two.

    Each line's are read in the order of its index, then put together: no index has the order of several lines.
    """
    line = func.unnest(literal(lines, ARRAY(Uuid()))).table_valued("id", name="line").render_derived()
    table = Ticket.__table__  # which is put into words more quickly than its class
    of_line = select(text("ticket.*")).select_from(table).where(table.c.business_line_id == line.c.id, *conditions)
    found = [order.first(of_line.correlate(line).where(*way), limit).subquery() for way in ways]
    either = union_all(*(select(text("*")).select_from(each) for each in found)).lateral("ticket")
    return order.first(select(SHOWN).select_from(line.join(either, true())), limit)


def _total(lines: Sequence[UUID], conditions: Sequence[ColumnElement[bool]]) -> Select[int]:
    chosen = select(Ticket.id).where(Ticket.business_line_id.in_(lines), *conditions)
    capped = chosen.limit(COUNT_CAP + 1).subquery()
    return select(func.count()).select_from(capped)


@dataclass(frozen=True, slots=True)
class _Found:
    rows: Sequence[Mapping[str, Any]]
    items: list[dict[str, Any]]  # of the first rows
    total: int | None


async def _look_up(
    ctx: Context,
    tickets: Prepared,
    values: Mapping[str, Any] = MappingProxyType({}),
    *,
    limit: int = 1,
    total: Select[int] | None = None,
) -> _Found:
    """Read tickets and render as many as are to be shown.

    What is shown in full is logged in the transaction that reads it, and a total counted at the same moment.
    """
    if ctx.caller.tier is not Tier.SENSITIVE and total is None:
        rows: Sequence[Mapping[str, Any]] = await ctx.db.fetch(tickets, **values)
        return _Found(rows, [_rendered(ctx, row) for row in rows[:limit]], None)
    async with ctx.db.read() as session:
        connection = await session.connection()  # which, unlike the session, looks for no objects in the columns
        result = await connection.execute(tickets.statement, values)
        rows = cast("Sequence[Mapping[str, Any]]", result.mappings().all())
        items = [_rendered(ctx, row) for row in rows[:limit]]
        if ctx.caller.tier is Tier.SENSITIVE:
            log_access(session, ctx, items)
        return _Found(rows, items, None if total is None else await session.scalar(total))


def _rendered(ctx: Context, row: Mapping[str, Any]) -> dict[str, Any]:
    """Render a row of `SHOWN` at the ticket's own time."""
    commitments = cast("list[TicketCommitment]", [ShownCommitment(*each) for each in row["commitments"]])
    now, tier = row["own_time"] or ctx.now, ctx.caller.tier
    return render_ticket(row, commitments, known=ctx.known, keyring=ctx.keyring, tier=tier, now=now)


async def read_timeline(ctx: Context, reference: str, wanted: TimelineFilter) -> Answer:
    """Return one page of what happened, the earliest first.

    Raises: TicketNotFound, InvalidCursor, CursorFilterMismatch.
    """
    async with ctx.db.read() as session:
        ticket = await find_ticket(session, ctx, reference)
        query = {"timeline": id_text("tkt", ticket.id), "visibility": wanted.visibility}
        cursors = Cursors(ctx.keyring, query, now=ctx.now)
        chosen = select(TimelineEntry).where(TimelineEntry.ticket_id == ticket.id)
        if wanted.visibility is not None:
            chosen = chosen.where(TimelineEntry.visibility == wanted.visibility)
        if wanted.cursor is not None:
            chosen = chosen.where(TimelineEntry.entry_no > int(cursors.read(wanted.cursor)[0]))
        entries = (await session.scalars(chosen.order_by(TimelineEntry.entry_no).limit(wanted.limit + 1))).all()
        if ctx.caller.tier is Tier.SENSITIVE:
            log_texts(session, ctx, ticket)
    more, entries = len(entries) > wanted.limit, entries[: wanted.limit]
    following = cursors.issue([str(entries[-1].entry_no)]) if more else None
    items = [render_entry(entry, ctx.caller.tier) for entry in entries]
    return Answer.of(200, Timeline(items=items, next_cursor=following, has_more=more), **next_link(ctx.call, following))
