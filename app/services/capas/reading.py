"""Reading CAPAs: one with all that hangs on it, a list, those of a ticket."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import etag
from app.core.pagination import next_link
from app.core.personal import Tier
from app.models.capas import Capa, CapaTask, CapaTicket
from app.models.nonconformities import Nonconformity
from app.models.tickets import Ticket
from app.schemas.capas import CapaList, CapaOut, CapaSummary, TicketCapas
from app.schemas.lists import CapaFilter
from app.services.access_log import log_capa
from app.services.capas.loading import Loaded, load_capa
from app.services.capas.rendering import render_capa, render_summary
from app.services.context import Context
from app.services.listing import latest_first
from app.services.quality_watch import MODEL
from app.services.rules.capa import CapaStatus
from app.services.rules.classification import IssueType
from app.services.rules.tickets import Status
from app.services.tickets.loading import find_ticket

_ISSUE = Ticket.classification["issue_type"].astext
_MOST_RECURRENCES_NAMED = 20


async def get_capa(ctx: Context, reference: str) -> Answer:
    """Raises: CapaNotFound."""
    async with ctx.db.read() as session:
        return await answer_capa(ctx, session, await load_capa(session, ctx, reference))


async def answer_capa(ctx: Context, session: AsyncSession, loaded: Loaded, *, status: int = 200) -> Answer:
    """Write what changed and answer with the CAPA; what is shown in full is logged in the same transaction."""
    await session.flush()
    shown = await describe(ctx, session, loaded)
    tag = etag(loaded.capa.version, ctx.caller.tier)
    return Answer.of(status, shown, location=f"/v1/capas/{shown.number}", etag=tag, vary="Authorization")


async def describe(ctx: Context, session: AsyncSession, loaded: Loaded) -> CapaOut:
    """Return a CAPA with its tickets and the complaints that came all the same, as the caller may see it."""
    capa = loaded.capa
    if ctx.caller.tier is Tier.SENSITIVE:
        log_capa(session, ctx, capa)
    linked = select(Ticket.number).join(CapaTicket, CapaTicket.ticket_id == Ticket.id)
    tickets = await session.scalars(linked.where(CapaTicket.capa_id == capa.id).order_by(Ticket.opened_at, Ticket.id))
    goods = select(Nonconformity.number).where(Nonconformity.capa_id == capa.id).order_by(Nonconformity.number)
    nonconformities = (await session.scalars(goods)).all()
    count, numbers = await _recurrences(session, capa)
    return render_capa(
        ctx.known, loaded, tickets=tickets.all(), nonconformities=nonconformities, recurrences=count,
        recurred_in=numbers, tier=ctx.caller.tier, now=ctx.now,
    )  # fmt: skip


async def _recurrences(session: AsyncSession, capa: Capa) -> tuple[int, Sequence[str]]:
    """Count complaints since the closure about a model and an issue that the linked tickets are about."""
    if capa.status is not CapaStatus.CLOSED:
        return 0, []
    linked = select(CapaTicket.ticket_id).where(CapaTicket.capa_id == capa.id)
    answered = select(MODEL, _ISSUE).where(Ticket.id.in_(linked), MODEL.is_not(None), _ISSUE != IssueType.NONE)
    since = (
        Ticket.business_line_id == capa.business_line_id,
        Ticket.opened_at > capa.closed_at,
        Ticket.status != Status.CANCELLED,
        tuple_(MODEL, _ISSUE).in_(answered),
        Ticket.id.not_in(linked),
    )
    count = await session.scalar(select(func.count()).select_from(Ticket).where(*since)) or 0
    latest = select(Ticket.number).where(*since).order_by(Ticket.opened_at.desc(), Ticket.id.desc())
    return count, (await session.scalars(latest.limit(_MOST_RECURRENCES_NAMED))).all() if count else []


async def list_capas(ctx: Context, wanted: CapaFilter) -> Answer:
    """Return the CAPAs of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(Capa).where(Capa.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.status:
        chosen = chosen.where(Capa.status.in_(wanted.status))
    if wanted.source:
        chosen = chosen.where(Capa.source.in_(wanted.source))
    if wanted.owner_staff_no is not None:
        chosen = chosen.where(_still_to_do(CapaTask.owner_staff_no == wanted.owner_staff_no))
    if wanted.department is not None:
        chosen = chosen.where(_still_to_do(CapaTask.department == wanted.department))
    if wanted.overdue is not None:
        late = _still_to_do(CapaTask.due_at < ctx.now)
        chosen = chosen.where(late if wanted.overdue == "true" else ~late)
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, Capa.opened_at, wanted=wanted)
        items = await _summaries(ctx, session, found)
    page = CapaList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


def _still_to_do(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(CapaTask.id).where(CapaTask.capa_id == Capa.id, *_OPEN, condition).exists()


_OPEN = CapaTask.done_at.is_(None), CapaTask.dropped_at.is_(None)


async def list_of_ticket(ctx: Context, reference: str) -> TicketCapas:
    """Return the CAPAs that answer a ticket, the latest first.

    Raises: TicketNotFound.
    """
    async with ctx.db.read() as session:
        ticket = await find_ticket(session, ctx, reference)
        linked = select(Capa).join(CapaTicket, CapaTicket.capa_id == Capa.id).where(CapaTicket.ticket_id == ticket.id)
        found = (await session.scalars(linked.order_by(Capa.opened_at.desc(), Capa.id.desc()))).all()
        return TicketCapas(items=await _summaries(ctx, session, found))


async def _summaries(ctx: Context, session: AsyncSession, found: Sequence[Capa]) -> list[CapaSummary]:
    to_do = select(CapaTask).where(CapaTask.capa_id.in_([capa.id for capa in found]), *_OPEN)
    tasks = defaultdict[UUID, list[CapaTask]](list)
    for task in await session.scalars(to_do):
        tasks[task.capa_id].append(task)
    return [render_summary(ctx.known, capa, tasks[capa.id], ctx.caller.tier, ctx.now) for capa in found]
