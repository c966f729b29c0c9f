"""Finding nonconforming goods for a caller, and taking them up for a change."""

from collections.abc import Container
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.ids import id_from
from app.core.personal import Tier
from app.core.unit import Unit
from app.models.nonconformities import Nonconformity
from app.services.access_log import log_replay
from app.services.context import Context
from app.services.nonconformities.refusals import NonconformityMoveNotAllowed, NonconformityNotFound
from app.services.policy_book import Policy
from app.services.rules.nonconformities import LIFE_CYCLE, NonconformityMove, NonconformityStatus

_LONGEST_REFERENCE = 64


@dataclass(frozen=True, slots=True)
class Loaded:
    """Nonconforming goods, and the edition they keep."""

    goods: Nonconformity
    policy: Policy


async def find_nonconformity(
    session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False
) -> Nonconformity:
    """Return the goods by number or id; `lock` holds the row until the transaction ends.

    Raises: NonconformityNotFound, also for goods of a line the caller does not see.
    """
    if len(reference) > _LONGEST_REFERENCE or not reference.isascii() or not reference.isprintable():
        raise NonconformityNotFound
    goods_id = id_from("ncf", reference)
    same = Nonconformity.id == goods_id if goods_id is not None else Nonconformity.number == reference.upper()
    wanted = select(Nonconformity).where(same, Nonconformity.business_line_id.in_(ctx.line_ids()))
    goods = await session.scalar(wanted.with_for_update() if lock else wanted)
    if goods is None:
        raise NonconformityNotFound
    return goods


async def load_nonconformity(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> Loaded:
    """Raises: NonconformityNotFound."""
    goods = await find_nonconformity(session, ctx, reference, lock=lock)
    return Loaded(goods, await ctx.edition_of(goods.policy_name, goods.policy_version))


async def take_up(
    unit: Unit,
    ctx: Context,
    reference: str,
    move: str,
    *,
    among: Container[NonconformityStatus] | None = None,
    required: bool = False,
) -> Loaded:
    """Lock goods for a move of their life cycle, or for another change that may be made `among` these statuses.

    Raises: NonconformityNotFound, VersionMismatch, IfMatchRequired if the header is `required`,
        NonconformityMoveNotAllowed.
    """
    loaded = await load_nonconformity(unit.session, ctx, reference, lock=True)
    check_version(ctx.call, loaded.goods.version, ctx.caller.tier, required=required)
    if loaded.goods.status not in (LIFE_CYCLE[NonconformityMove(move)] if among is None else among):
        raise NonconformityMoveNotAllowed(loaded.goods.status, move)
    return loaded


async def answer_again(ctx: Context, unit: Unit, reference: str | None) -> Answer:
    """Give the answer that is on record, to a caller who may still see the goods; in full, it is logged again.

    Raises: NonconformityNotFound.
    """
    assert unit.replayed is not None  # noqa: S101 — asked for only then
    if reference is not None:
        await find_nonconformity(unit.session, ctx, reference)
    if ctx.caller.tier is Tier.SENSITIVE:
        log_replay(unit.session, ctx)
    return unit.replayed
