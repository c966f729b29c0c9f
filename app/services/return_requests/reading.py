"""Reading return requests: one with all that hangs on it, and lists."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import etag
from app.core.pagination import next_link
from app.core.personal import Tier
from app.models.purchases import Purchase
from app.models.return_requests import ReturnDeadline, ReturnLine, ReturnRequest
from app.models.tickets import Ticket
from app.schemas.lists import ReturnRequestFilter
from app.schemas.return_requests import ReturnRequestList
from app.services.access_log import log_return
from app.services.archive.records import find_record
from app.services.context import Context
from app.services.listing import latest_first
from app.services.return_requests.loading import Loaded, deadlines_of, find_return, load_return
from app.services.return_requests.rendering import render_return, render_summary
from app.services.tickets.loading import find_ticket


async def get_return(ctx: Context, reference: str) -> Answer:
    """Raises: ReturnNotFound."""
    async with ctx.db.read() as session:
        request = await find_return(session, ctx, reference)
        return await answer_return(ctx, session, await load_return(session, ctx, request))


async def answer_return(ctx: Context, session: AsyncSession, loaded: Loaded, *, status: int = 200) -> Answer:
    """Write what changed and answer with the request; what is shown in full is logged in the same transaction."""
    await session.flush()
    if ctx.caller.tier is Tier.SENSITIVE:
        log_return(session, ctx, loaded.request)
    shown = render_return(ctx, loaded)
    tag = etag(loaded.request.version, ctx.caller.tier)
    return Answer.of(status, shown, location=f"/v1/returns/{shown.number}", etag=tag, vary="Authorization")


async def list_returns(ctx: Context, wanted: ReturnRequestFilter) -> Answer:
    """Return the requests of the caller's lines, the latest first.

    Raises: NotFound for a line, a ticket or a purchase that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(ReturnRequest).where(ReturnRequest.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.status:
        chosen = chosen.where(ReturnRequest.status.in_(wanted.status))
    if wanted.overdue is not None:
        late = (
            select(ReturnDeadline.id)
            .where(
                ReturnDeadline.return_request_id == ReturnRequest.id,
                ReturnDeadline.met_at.is_(None),
                ReturnDeadline.dropped_at.is_(None),
                ReturnDeadline.due_at < ctx.now,
            )
            .exists()
        )
        chosen = chosen.where(late if wanted.overdue == "true" else ~late)
    async with ctx.db.read() as session:
        if wanted.ticket is not None:
            chosen = chosen.where(ReturnRequest.ticket_id == (await find_ticket(session, ctx, wanted.ticket)).id)
        if wanted.purchase is not None:
            purchase = await find_record(session, ctx, Purchase, wanted.purchase)
            of_purchase = select(ReturnLine.return_request_id).where(ReturnLine.purchase_id == purchase.id)
            chosen = chosen.where(ReturnRequest.id.in_(of_purchase))
        found, following = await latest_first(ctx, session, chosen, ReturnRequest.submitted_at, wanted=wanted)
        deadlines = await deadlines_of(session, found)
        of_requests = select(Ticket.id, Ticket.number).where(Ticket.id.in_([request.ticket_id for request in found]))
        numbers: dict[UUID | None, str] = {row.id: row.number for row in await session.execute(of_requests)}
    items = [
        render_summary(ctx.known, request, deadlines[request.id], numbers.get(request.ticket_id), ctx.now)
        for request in found
    ]
    page = ReturnRequestList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))
