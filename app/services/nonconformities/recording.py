"""Recording nonconforming goods, and correcting the record until they are reviewed."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.ids import id_from, new_id
from app.models.nonconformities import NONCONFORMITY_NUMBER, Nonconformity, NonconformityTicket
from app.models.responsibility import Inspection
from app.schemas.nonconformities import NonconformityIn, NonconformityPatch
from app.services.capas.opening import lock_tickets
from app.services.context import Context
from app.services.directory import Line
from app.services.nonconformities.loading import Loaded, answer_again, take_up
from app.services.nonconformities.reading import answer_nonconformity
from app.services.nonconformities.records import note, note_on_ticket
from app.services.nonconformities.refusals import NoSuchInspection
from app.services.rules.nonconformities import NonconformityStatus


async def record_nonconformity(ctx: Context, body: NonconformityIn) -> Answer:
    """Record nonconforming goods under the edition in force, with the tickets that are about them.

    Raises: NotFound for a line that is not the caller's; NoSuchTickets, NoSuchInspection.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, None)
        session = unit.session
        tickets = await lock_tickets(session, line, body.tickets)
        loaded = await _recorded(ctx, session, line, body)
        goods = loaded.goods
        note(
            ctx, session, goods, move="record", event="nonconformity.recorded", staff_no=body.recorded_by,
            source=goods.source, severity=goods.severity, tickets=[ticket.number for ticket in tickets],
        )  # fmt: skip
        await session.flush()
        for ticket in tickets:
            link = NonconformityTicket(nonconformity_id=goods.id, ticket_id=ticket.id, business_line_id=line.id)
            session.add(link)
            await note_on_ticket(ctx, session, goods, ticket, kind="goods_under_review", staff_no=body.recorded_by)
        return unit.answer(await answer_nonconformity(ctx, session, loaded, status=201))


async def _recorded(ctx: Context, session: AsyncSession, line: Line, body: NonconformityIn) -> Loaded:
    policy = ctx.known.policy_on(line, ctx.now)
    serial = await session.scalar(select(NONCONFORMITY_NUMBER.next_value()))
    goods = Nonconformity(
        id=new_id(),
        number=f"NC-{policy.time.date_of(ctx.now):%Y%m%d}-{serial:06}",
        business_line_id=line.id,
        version=0,
        events_emitted=0,
        policy_name=policy.name,
        policy_version=policy.version,
        status=NonconformityStatus.OPEN,
        round=1,
        source=body.source,
        product=body.product.name,
        model=body.product.model,
        batch=body.product.batch,
        quantity=body.quantity,
        quantity_open=body.quantity,
        unit=body.unit,
        severity=body.severity,
        defect=body.defect,
        inspection_id=await _inspection(session, line, body.inspection),
        capa_id=None,
        reviews=[],
        rounds=[],
        decisions=[],
        history=[],
        recorded_by=body.recorded_by,
        recorded_at=ctx.now,
        closed_at=None,
    )
    session.add(goods)
    return Loaded(goods, policy)


async def _inspection(session: AsyncSession, line: Line, reference: str | None) -> UUID | None:
    if reference is None:
        return None
    wanted = select(Inspection.id).where(
        Inspection.id == id_from("ins", reference), Inspection.business_line_id == line.id
    )
    found = await session.scalar(wanted)
    if found is None:
        raise NoSuchInspection
    return found


async def change_nonconformity(ctx: Context, reference: str, body: NonconformityPatch) -> Answer:
    """Correct quantity, severity or defect until the goods are reviewed.

    Raises: NonconformityNotFound, IfMatchRequired, VersionMismatch, NonconformityMoveNotAllowed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, "change", among={NonconformityStatus.OPEN}, required=True)
        goods = loaded.goods
        given = body.model_dump(exclude={"staff_no", "reason"}, exclude_none=True)
        changed = sorted(name for name, value in given.items() if getattr(goods, name) != value)
        for name in changed:
            setattr(goods, name, given[name])
        goods.quantity_open = goods.quantity
        if changed:
            note(
                ctx, unit.session, goods, move="change", event="nonconformity.changed", staff_no=body.staff_no,
                text=body.reason, changed=changed,
            )  # fmt: skip
        return unit.answer(await answer_nonconformity(ctx, unit.session, loaded))
