"""Reading nonconforming goods: one record with all that hangs on it, and a list."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import etag
from app.core.pagination import next_link
from app.core.personal import Tier
from app.models.capas import Capa
from app.models.nonconformities import Nonconformity, NonconformityTicket
from app.models.tickets import Ticket
from app.schemas.lists import NonconformityFilter
from app.schemas.nonconformities import NonconformityList
from app.services.access_log import log_nonconformity
from app.services.capas.loading import find_capa
from app.services.context import Context
from app.services.listing import latest_first
from app.services.nonconformities.loading import Loaded, load_nonconformity
from app.services.nonconformities.rendering import render_nonconformity, render_summary
from app.services.tickets.loading import find_ticket


async def get_nonconformity(ctx: Context, reference: str) -> Answer:
    """Raises: NonconformityNotFound."""
    async with ctx.db.read() as session:
        return await answer_nonconformity(ctx, session, await load_nonconformity(session, ctx, reference))


async def answer_nonconformity(ctx: Context, session: AsyncSession, loaded: Loaded, *, status: int = 200) -> Answer:
    """Write what changed and answer with the goods; what is shown in full is logged in the same transaction."""
    await session.flush()
    goods = loaded.goods
    if ctx.caller.tier is Tier.SENSITIVE:
        log_nonconformity(session, ctx, goods)
    linked = select(Ticket.number).join(NonconformityTicket, NonconformityTicket.ticket_id == Ticket.id)
    linked = linked.where(NonconformityTicket.nonconformity_id == goods.id).order_by(Ticket.opened_at, Ticket.id)
    tickets = (await session.scalars(linked)).all()
    capa = await session.scalar(select(Capa.number).where(Capa.id == goods.capa_id)) if goods.capa_id else None
    shown = render_nonconformity(ctx.known, loaded, tickets=tickets, capa=capa, tier=ctx.caller.tier)
    return Answer.of(
        status, shown, location=f"/v1/nonconformities/{goods.number}",
        etag=etag(goods.version, ctx.caller.tier), vary="Authorization",
    )  # fmt: skip


async def list_nonconformities(ctx: Context, wanted: NonconformityFilter) -> Answer:
    """Return the nonconforming goods of the caller's lines, the latest first.

    Raises: NotFound for a line, a ticket or a CAPA that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(Nonconformity).where(Nonconformity.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    for column, values in (
        (Nonconformity.status, wanted.status),
        (Nonconformity.source, wanted.source),
        (Nonconformity.severity, wanted.severity),
    ):
        if values:
            chosen = chosen.where(column.in_(values))
    for name, value in ((Nonconformity.model, wanted.model), (Nonconformity.batch, wanted.batch)):
        if value is not None:
            chosen = chosen.where(name == value)
    async with ctx.db.read() as session:
        if wanted.ticket is not None:
            ticket = await find_ticket(session, ctx, wanted.ticket)
            of_ticket = select(NonconformityTicket.nonconformity_id).where(NonconformityTicket.ticket_id == ticket.id)
            chosen = chosen.where(Nonconformity.id.in_(of_ticket))
        if wanted.capa is not None:
            capa = await find_capa(session, ctx, wanted.capa)
            chosen = chosen.where(Nonconformity.capa_id == capa.id)
        found, following = await latest_first(ctx, session, chosen, Nonconformity.recorded_at, wanted=wanted)
    items = [render_summary(ctx.known, goods) for goods in found]
    page = NonconformityList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))
