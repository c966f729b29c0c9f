"""The moves of nonconforming goods. Each locks them, asks the table of moves and whose step it is, and tells."""

from typing import Any

from app.core.answers import Answer
from app.core.unit import Unit
from app.schemas.capas import ReasonIn
from app.schemas.fields import instant_text
from app.schemas.nonconformities import CloseGoodsIn, CorrectIn, DisposeIn, ReviewIn, StepIn, VerifyGoodsIn
from app.services.context import Context
from app.services.departments import require_member
from app.services.nonconformities.loading import Loaded, answer_again, take_up
from app.services.nonconformities.reading import answer_nonconformity
from app.services.nonconformities.records import lock_linked, note, note_on_ticket
from app.services.nonconformities.refusals import QuantitiesDiffer, StepOfAnother, TooManyFailed
from app.services.rules.nonconformities import (
    LIFE_CYCLE,
    Disposition,
    NonconformityMove,
    NonconformityStatus,
    Portion,
    after_correction,
    after_verification,
    decide_step,
    departments_of,
    quantity_to_verify,
    step_of,
)
from app.services.tickets.clocks import decision_documents

_ANNOUNCED = {
    NonconformityMove.REVIEW: "nonconformity.reviewed",
    NonconformityMove.DISPOSE: "nonconformity.disposed",
    NonconformityMove.CORRECT: "nonconformity.corrected",
    NonconformityMove.VERIFY: "nonconformity.verified",
    NonconformityMove.CLOSE: "nonconformity.closed",
    NonconformityMove.CANCEL: "nonconformity.cancelled",
}


async def review(ctx: Context, reference: str, body: ReviewIn) -> Answer:
    """Put on record what the review found; a later review adds to it.

    Raises: NonconformityNotFound, VersionMismatch, NonconformityMoveNotAllowed, StepOfAnother, NotOfDepartment.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await _taken(unit, ctx, reference, NonconformityMove.REVIEW, body)
        loaded.goods.reviews = [*loaded.goods.reviews, _signed(ctx, body)]
        return await _moved(ctx, unit, loaded, NonconformityMove.REVIEW, body, text=body.finding)


async def dispose(ctx: Context, reference: str, body: DisposeIn) -> Answer:
    """Decide what becomes of the goods of the present round.

    Raises: as `review`, and QuantitiesDiffer.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await _taken(unit, ctx, reference, NonconformityMove.DISPOSE, body)
        goods = loaded.goods
        given = sum(portion.quantity for portion in body.portions)
        if given != goods.quantity_open:
            raise QuantitiesDiffer(given, goods.quantity_open)
        begun = {"round": goods.round, "quantity": given, "correction": None, "verification": None}
        goods.rounds = [*goods.rounds, begun | _signed(ctx, body)]
        return await _moved(
            ctx, unit, loaded, NonconformityMove.DISPOSE, body, text=body.reason,
            dispositions=sorted({portion.disposition for portion in body.portions}),
        )  # fmt: skip


async def correct(ctx: Context, reference: str, body: CorrectIn) -> Answer:
    """Record that the goods were dealt with as was decided.

    Raises: as `review`.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await _taken(unit, ctx, reference, NonconformityMove.CORRECT, body)
        portions = _portions(loaded)
        _complete_round(loaded, correction=_signed(ctx, body))
        loaded.goods.quantity_open = quantity_to_verify(portions)
        return await _moved(
            ctx, unit, loaded, NonconformityMove.CORRECT, body, status=after_correction(portions), text=body.text
        )


async def verify(ctx: Context, reference: str, body: VerifyGoodsIn) -> Answer:
    """Record how many of the goods failed on being looked at again; those begin another round.

    Raises: as `review`, and TooManyFailed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await _taken(unit, ctx, reference, NonconformityMove.VERIFY, body)
        goods, failed = loaded.goods, body.failed_quantity
        if failed > goods.quantity_open:
            raise TooManyFailed(goods.quantity_open)
        _complete_round(loaded, verification=_signed(ctx, body))
        goods.quantity_open = failed
        if failed:
            goods.round += 1
        return await _moved(
            ctx, unit, loaded, NonconformityMove.VERIFY, body, status=after_verification(failed), text=body.finding,
            failed_quantity=failed,
        )  # fmt: skip


async def close(ctx: Context, reference: str, body: CloseGoodsIn) -> Answer:
    """Close what is settled; the tickets about these goods are told.

    Raises: as `review`.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await _taken(unit, ctx, reference, NonconformityMove.CLOSE, body)
        loaded.goods.closed_at = ctx.now
        for ticket in await lock_linked(unit.session, loaded.goods):
            await note_on_ticket(ctx, unit.session, loaded.goods, ticket, kind="goods_settled", staff_no=body.staff_no)
        return await _moved(ctx, unit, loaded, NonconformityMove.CLOSE, body, text=body.conclusion)


async def cancel(ctx: Context, reference: str, body: ReasonIn) -> Answer:
    """Take the record back before anything was decided about the goods.

    Raises: NonconformityNotFound, VersionMismatch, NonconformityMoveNotAllowed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, NonconformityMove.CANCEL)
        loaded.goods.closed_at = ctx.now
        return await _moved(ctx, unit, loaded, NonconformityMove.CANCEL, body, text=body.reason)


async def _taken(unit: Unit, ctx: Context, reference: str, move: NonconformityMove, body: StepIn) -> Loaded:
    """Lock the goods for a move of the department whose step it is, and keep why it may."""
    loaded = await take_up(unit, ctx, reference, move)
    goods, edition = loaded.goods, loaded.policy.edition
    steps = edition.quality.nonconforming_goods if edition.quality else ()
    name = step_of(move, goods.source)
    decision = decide_step(name, body.department, steps, edition.departments)
    if decision is None:
        raise StepOfAnother(departments_of(name, steps, edition.departments))
    await require_member(unit.session, goods.business_line_id, body.staff_no, body.department)
    goods.decisions = [*goods.decisions, *decision_documents([decision], ctx.now)]
    return loaded


async def _moved(
    ctx: Context,
    unit: Unit,
    loaded: Loaded,
    move: NonconformityMove,
    body: StepIn | ReasonIn,
    *,
    text: str,
    status: NonconformityStatus | None = None,
    **data: Any,
) -> Answer:
    """Bring the goods to where the move leads, or to `status`; note and announce it, and answer with them."""
    goods = loaded.goods
    goods.status = status or LIFE_CYCLE[move][goods.status]
    department = body.department if isinstance(body, StepIn) else None
    note(
        ctx, unit.session, goods, move=move, event=_ANNOUNCED[move], staff_no=body.staff_no, text=text,
        department=department, **data,
    )  # fmt: skip
    return unit.answer(await answer_nonconformity(ctx, unit.session, loaded))


def _signed(ctx: Context, body: StepIn) -> dict[str, Any]:
    return body.model_dump(mode="json") | {"at": instant_text(ctx.now)}


def _portions(loaded: Loaded) -> list[Portion]:
    stored = loaded.goods.rounds[-1]["portions"]
    return [Portion(Disposition(portion["disposition"]), portion["quantity"]) for portion in stored]


def _complete_round(loaded: Loaded, **part: dict[str, Any]) -> None:
    *earlier, present = loaded.goods.rounds
    loaded.goods.rounds = [*earlier, present | part]
