"""Opening a CAPA, by itself or from a ticket, and linking it to the tickets it answers."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.ids import id_from, new_id
from app.models.capas import CAPA_NUMBER, Capa, CapaTicket
from app.models.tickets import Ticket
from app.schemas.capas import CapaIn, TicketCapaIn
from app.services.capas.loading import Loaded, answer_again, find_capa, load_capa
from app.services.capas.reading import answer_capa
from app.services.capas.records import note, note_on_ticket
from app.services.capas.refusals import CapaMoveNotAllowed, CapaNotFound, NoSuchCapa, NoSuchTickets
from app.services.context import Context
from app.services.directory import Line
from app.services.rules.capa import UNDER_WAY, CapaSource, CapaStatus
from app.services.rules.facts import Channel
from app.services.tickets import answering
from app.services.tickets.loading import find_ticket


async def open_capa(ctx: Context, body: CapaIn) -> Answer:
    """Open a CAPA under the edition in force, for the tickets it answers.

    Raises: NotFound for a line that is not the caller's; NoSuchTickets.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, None)
        tickets = await lock_tickets(unit.session, line, body.tickets)
        loaded = await new_capa(
            ctx, unit.session, line,
            title=body.title, problem=body.problem, source=body.source, opened_by=body.opened_by,
        )  # fmt: skip
        return unit.answer(await announce(ctx, unit.session, loaded, tickets))


async def answer_ticket(ctx: Context, reference: str, body: TicketCapaIn) -> Answer:
    """Open a CAPA for a ticket, or link one that is there; linking it again changes nothing.

    Raises: TicketNotFound, NoSuchCapa, CapaMoveNotAllowed if the one to link is over.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answering.answer_again(ctx, unit, reference)
        if body.capa is not None:
            return unit.answer(await _linked(ctx, unit.session, reference, body.capa, body.staff_no))
        ticket = await find_ticket(unit.session, ctx, reference, lock=True)
        found_by_us = ticket.channel is Channel.INTERNAL
        loaded = await new_capa(
            ctx, unit.session, ctx.known.by_id[ticket.business_line_id],
            title=body.title or "", problem=body.problem or "", opened_by=body.staff_no,
            source=body.source or (CapaSource.INTERNAL_FINDING if found_by_us else CapaSource.COMPLAINT),
        )  # fmt: skip
        return unit.answer(await announce(ctx, unit.session, loaded, [ticket]))


async def lock_tickets(session: AsyncSession, line: Line, references: Sequence[str]) -> list[Ticket]:
    """Return the tickets, their rows held; always in the same order, so that nobody waits in a circle.

    Raises: NoSuchTickets.
    """
    ids = [id_from("tkt", reference) for reference in references]
    numbers = [reference.upper() for reference in references]
    wanted = or_(Ticket.id.in_([found for found in ids if found is not None]), Ticket.number.in_(numbers))
    chosen = select(Ticket).where(Ticket.business_line_id == line.id, wanted).order_by(Ticket.id)
    tickets = (await session.scalars(chosen.with_for_update())).all()
    there = {ticket.id for ticket in tickets} | {ticket.number for ticket in tickets}
    missing = [place for place in range(len(references)) if ids[place] not in there and numbers[place] not in there]
    if missing:
        raise NoSuchTickets(missing)
    return list(tickets)


async def new_capa(
    ctx: Context, session: AsyncSession, line: Line, *, title: str, problem: str, source: CapaSource, opened_by: str
) -> Loaded:
    """Make a CAPA under the edition in force; `announce` is to follow."""
    policy = ctx.known.policy_on(line, ctx.now)
    serial = await session.scalar(select(CAPA_NUMBER.next_value()))
    capa = Capa(
        id=new_id(),
        number=f"CA-{policy.time.date_of(ctx.now):%Y%m%d}-{serial:06}",
        business_line_id=line.id,
        version=0,
        events_emitted=0,
        policy_name=policy.name,
        policy_version=policy.version,
        status=CapaStatus.OPEN,
        round=1,
        source=source,
        title=title,
        problem=problem,
        criteria=None,
        analyses=[],
        decisions=[],
        history=[],
        opened_by=opened_by,
        opened_at=ctx.now,
        closed_at=None,
    )
    session.add(capa)
    return Loaded(capa, [], policy)


async def announce(ctx: Context, session: AsyncSession, loaded: Loaded, tickets: Sequence[Ticket]) -> Answer:
    """Announce a new CAPA, link it to tickets whose rows are held, and answer with it."""
    capa = loaded.capa
    note(
        ctx, session, capa, move="open", event="capa.opened", staff_no=capa.opened_by,
        source=capa.source, tickets=[ticket.number for ticket in tickets],
    )  # fmt: skip
    await session.flush()
    for ticket in tickets:
        await _link(ctx, session, capa, ticket, capa.opened_by)
    return await answer_capa(ctx, session, loaded, status=201)


async def _linked(ctx: Context, session: AsyncSession, reference: str, to_link: str, staff_no: str) -> Answer:
    """The CAPA is locked before the ticket, as wherever both are."""
    try:
        capa = await find_capa(session, ctx, to_link, lock=True)
    except CapaNotFound:
        raise NoSuchCapa from None
    ticket = await find_ticket(session, ctx, reference, lock=True)
    if capa.business_line_id != ticket.business_line_id:
        raise NoSuchCapa
    if await session.get(CapaTicket, (capa.id, ticket.id)) is None:
        if capa.status not in UNDER_WAY:
            raise CapaMoveNotAllowed(capa.status, "link")
        note(ctx, session, capa, move="link", event="capa.linked", staff_no=staff_no, tickets=[ticket.number])
        await _link(ctx, session, capa, ticket, staff_no)
    return await answer_capa(ctx, session, await load_capa(session, ctx, capa.number))


async def _link(ctx: Context, session: AsyncSession, capa: Capa, ticket: Ticket, staff_no: str) -> None:
    session.add(
        CapaTicket(
            capa_id=capa.id, ticket_id=ticket.id, business_line_id=ticket.business_line_id,
            linked_by=staff_no, linked_at=ctx.now,
        )
    )  # fmt: skip
    await note_on_ticket(ctx, session, capa, ticket, kind="capa_linked", staff_no=staff_no)
