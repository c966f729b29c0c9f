"""The CAPA that deals with why goods did not conform: opened from them, or one that is there."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.models.capas import Capa
from app.models.nonconformities import Nonconformity
from app.schemas.nonconformities import NonconformityCapaIn
from app.services.capas.loading import find_capa
from app.services.capas.opening import announce, new_capa
from app.services.capas.refusals import CapaMoveNotAllowed, CapaNotFound, NoSuchCapa
from app.services.context import Context
from app.services.nonconformities.loading import answer_again, take_up
from app.services.nonconformities.reading import answer_nonconformity
from app.services.nonconformities.records import lock_linked, note
from app.services.nonconformities.refusals import CapaAlreadyLinked
from app.services.rules.capa import UNDER_WAY, CapaSource
from app.services.rules.nonconformities import CAPA_FOLLOWS


async def answer_with_capa(ctx: Context, reference: str, body: NonconformityCapaIn) -> Answer:
    """Open a CAPA whose problem is the defect, for the tickets about the goods; or link one that is under way.

    Raises: NonconformityNotFound, VersionMismatch, NonconformityMoveNotAllowed once cancelled, CapaAlreadyLinked,
        NoSuchCapa, CapaMoveNotAllowed if the one to link is over.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, "capa", among=CAPA_FOLLOWS)
        goods, session = loaded.goods, unit.session
        if goods.capa_id is not None:
            raise CapaAlreadyLinked
        if body.capa is not None:
            capa = await _under_way(ctx, session, goods, body.capa)
        else:
            capa = await _opened(ctx, session, goods, body)
        goods.capa_id = capa.id
        note(
            ctx, session, goods, move="capa", event="nonconformity.capa_linked", staff_no=body.staff_no,
            capa=capa.number,
        )  # fmt: skip
        return unit.answer(await answer_nonconformity(ctx, session, loaded))


async def _opened(ctx: Context, session: AsyncSession, goods: Nonconformity, body: NonconformityCapaIn) -> Capa:
    opened = await new_capa(
        ctx, session, ctx.known.by_id[goods.business_line_id],
        title=body.title or "", problem=goods.defect, source=CapaSource.NONCONFORMING_GOODS, opened_by=body.staff_no,
    )  # fmt: skip
    await announce(ctx, session, opened, await lock_linked(session, goods))
    return opened.capa


async def _under_way(ctx: Context, session: AsyncSession, goods: Nonconformity, reference: str) -> Capa:
    try:
        capa = await find_capa(session, ctx, reference, lock=True)
    except CapaNotFound:
        raise NoSuchCapa from None
    if capa.business_line_id != goods.business_line_id:
        raise NoSuchCapa
    if capa.status not in UNDER_WAY:
        raise CapaMoveNotAllowed(capa.status, "link")
    return capa
