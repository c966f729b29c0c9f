"""Reading tickets: one, a list, a search, a timeline. Nothing of another line ever shows."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.answers import Answer
from app.core.conditional import etag, unchanged
from app.core.ids import id_text
from app.core.pagination import Cursors, next_link
from app.core.personal import Tier
from app.models.tickets import Ticket, TicketCommitment, TicketSearch, TimelineEntry
from app.schemas.lists import TicketFilter, TimelineFilter
from app.schemas.tickets import SearchIn, TicketList, Timeline
from app.services.access_log import log_access, log_texts
from app.services.context import Context
from app.services.own_time import own_time, own_times
from app.services.rules.search_tokens import whole_tokens
from app.services.rules.sla import CommitmentState
from app.services.tickets.customers import person_criteria
from app.services.tickets.loading import TICKET, commitments_to_show, find_ticket, find_to_show, tickets_to_show
from app.services.tickets.rendering import render_entry, render_ticket

COUNT_CAP = 10_000


async def get_ticket(ctx: Context, reference: str) -> Answer:
    """Return a ticket, or 304 if the caller holds this representation already.

    Raises: TicketNotFound.
    """
    async with ctx.db.read() as session:
        ticket = await find_to_show(session, ctx, reference)
        tag = etag(ticket.version, ctx.caller.tier)
        [item] = await _rendered(session, ctx, [ticket])
        # A deadline that passes changes what is shown without a new version.
        breached = any(shown.state is CommitmentState.BREACHED for shown in item.commitments)
        if unchanged(ctx.call, tag) and not breached:
            return Answer(304, b"", {"etag": tag, "vary": "Authorization"})
        return Answer.of(200, item, etag=tag, vary="Authorization")


@dataclass(frozen=True, slots=True)
class _Order:
    """A sort order by time, ties broken by id."""

    column: InstrumentedAttribute[datetime]
    descending: bool

    def after(self, cursor: list[str]) -> ColumnElement[bool]:
        here = tuple_(self.column, Ticket.id)
        there = tuple_(datetime.fromisoformat(cursor[0]), UUID(cursor[1]))
        return here < there if self.descending else here > there

    def apply(self, query: Select[Any]) -> Select[Any]:
        keys = (self.column, Ticket.id)
        return query.order_by(*(key.desc() if self.descending else key.asc() for key in keys))

    def key(self, ticket: Ticket) -> list[str]:
        return [getattr(ticket, self.column.key).isoformat(), ticket.id.hex]


_ORDERS = {
    "opened_at": _Order(Ticket.opened_at, descending=False),
    "-opened_at": _Order(Ticket.opened_at, descending=True),
    "updated_at": _Order(Ticket.updated_at, descending=False),
    "-updated_at": _Order(Ticket.updated_at, descending=True),
}


async def list_tickets(ctx: Context, wanted: TicketFilter) -> Answer:
    """Return one page of tickets that pass the filter.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    conditions = [Ticket.business_line_id.in_(ctx.line_ids(wanted.business_line)), *_filters(ctx, wanted)]
    query = wanted.model_dump(mode="json", exclude={"cursor", "limit", "include"})
    total = wanted.include == "total"
    return await _page(ctx, conditions, query, _ORDERS[wanted.sort], wanted.limit, wanted.cursor, count=total)


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
    conditions = [Ticket.business_line_id.in_(ctx.line_ids(wanted.business_line)), *_criteria(ctx, wanted)]
    query = wanted.model_dump(mode="json", exclude={"cursor", "limit"})
    return await _page(ctx, conditions, query, _ORDERS["-opened_at"], wanted.limit, wanted.cursor)


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
    if wanted.text is not None:
        conditions.append(_says(wanted.text))
    return conditions


def _says(text: str) -> ColumnElement[bool]:
    """The description says it, in any width and case; tokens narrow down where the worker has been already."""
    folded = func.lower(func.normalize(Ticket.description, literal_column("NFKC")))
    literally = func.strpos(folded, unicodedata.normalize("NFKC", text).lower()) > 0
    tokens = whole_tokens(text)
    if not tokens:
        return literally
    indexed = select(TicketSearch.ticket_id).where(TicketSearch.tokens.contains(list(tokens)))
    pending = select(TicketSearch.ticket_id).where(TicketSearch.tokens.is_(None))
    return or_(Ticket.id.in_(indexed), Ticket.id.in_(pending)) & literally


async def _page(
    ctx: Context,
    conditions: Sequence[ColumnElement[bool]],
    query: dict[str, Any],
    order: _Order,
    limit: int,
    cursor: str | None,
    *,
    count: bool = False,
) -> Answer:
    """Run a query for one page; the cursor is bound to the query and to the caller's lines."""
    lines = sorted(line.hex for line in ctx.line_ids())
    cursors = Cursors(ctx.keyring, {**query, "lines": lines, "path": ctx.call.route}, now=ctx.now)
    chosen = select(TICKET).where(*conditions)
    page = chosen.where(order.after(cursors.read(cursor))) if cursor is not None else chosen
    async with ctx.db.read() as session:
        tickets = await tickets_to_show(session, order.apply(page).limit(limit + 1))
        more, tickets = len(tickets) > limit, tickets[:limit]
        items = await _rendered(session, ctx, tickets)
        following = cursors.issue(order.key(tickets[-1])) if more else None
        total = await _count(session, conditions) if count else None
    body = TicketList.model_construct(
        items=items,
        next_cursor=following,
        has_more=more,
        total=None if total is None else min(total, COUNT_CAP),
        total_is_capped=None if total is None else total > COUNT_CAP,
    )
    return Answer.of(200, body, **next_link(ctx.call, following))


async def _count(session: AsyncSession, conditions: Sequence[ColumnElement[bool]]) -> int:
    capped = select(Ticket.id).where(*conditions).limit(COUNT_CAP + 1).subquery()
    return await session.scalar(select(func.count()).select_from(capped)) or 0


async def _rendered(session: AsyncSession, ctx: Context, tickets: Sequence[Ticket]) -> list[Any]:
    """Render tickets with their commitments, in one more query; full views are logged in this transaction."""
    by_ticket: dict[UUID, list[TicketCommitment]] = defaultdict(list)
    if tickets:
        for row in await commitments_to_show(session, tickets):
            by_ticket[row.ticket_id].append(row)
    tier, times = ctx.caller.tier, await own_times(session, tickets, now=ctx.now)
    items = [
        render_ticket(
            ticket, by_ticket[ticket.id], known=ctx.known, keyring=ctx.keyring, tier=tier,
            now=times[ticket.test_clock_id],
        )
        for ticket in tickets
    ]  # fmt: skip
    if tier is Tier.SENSITIVE:
        log_access(session, ctx, items)
    return items


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
