"""What the file knows of the purchase a check is about, put together with what the caller says."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import FieldError, ValidationFailed
from app.core.language import Text
from app.models.purchases import Purchase
from app.schemas.orders import OrderProofIn
from app.schemas.return_facts import ReturnFactsIn
from app.schemas.returns import EligibilityIn
from app.services.archive.file import facts_on_file, units_held
from app.services.archive.orders import OrderNotProven, purchase_by_order
from app.services.archive.records import RecordNotFound, find_record
from app.services.context import Context
from app.services.directory import Line
from app.services.rules.purchases import ComingBack
from app.services.rules.returns.facts import Moment

# What was paid is nobody's to learn who knows an order number and four digits: it does not even enter the decision.
_PRICES: Final = frozenset({"price_paid", "gift", "bundle"})
_NEEDS_PROOF: Final = Text(
    "网页用密钥请改用 order_no 与 proof", "With a browser key send order_no and proof instead"
)  # fmt: skip


async def purchase_facts(ctx: Context, body: EligibilityIn) -> tuple[Line, ReturnFactsIn, list[str]]:
    """Return the line of the purchase that is named, the facts with those on file, and the names of those overruled.

    Raises: RecordNotFound, OrderNotProven, NotFound for the line, ValidationFailed.
    """
    if body.order_no is not None and body.proof is not None:
        line, on_file = await _by_order(ctx, body, body.order_no, body.proof)
    else:
        line, on_file = await _by_id(ctx, body, body.purchase_id or "")
    return line, *_joined(body.facts, on_file)


async def _by_id(ctx: Context, body: EligibilityIn, purchase_id: str) -> tuple[Line, Mapping[str, object]]:
    if ctx.caller.origins is not None:
        raise ValidationFailed(errors=[FieldError(("pointer", "#/purchase_id"), "not_allowed", _NEEDS_PROOF)])
    lines = ctx.line_ids(body.business_line)
    async with ctx.db.read() as session:
        purchase = await find_record(session, ctx, Purchase, purchase_id)
        if purchase.business_line_id not in lines:
            raise RecordNotFound
        facts = await _on_file(ctx, session, purchase, body.facts)
    return ctx.known.by_id[purchase.business_line_id], facts


async def _by_order(
    ctx: Context, body: EligibilityIn, order_no: str, proof: OrderProofIn
) -> tuple[Line, Mapping[str, object]]:
    line = ctx.line(body.business_line)
    async with ctx.db.begin() as session:
        purchase = await purchase_by_order(ctx, session, line, order_no, proof, order_line=body.order_line)
        facts = {} if purchase is None else await _on_file(ctx, session, purchase, body.facts)
    if purchase is None:  # here, so that the attempt is counted
        raise OrderNotProven
    return line, {name: value for name, value in facts.items() if name not in _PRICES}


async def _on_file(
    ctx: Context, session: AsyncSession, purchase: Purchase, given: ReturnFactsIn
) -> Mapping[str, object]:
    facts = await facts_on_file(session, purchase, ctx.now, coming_back(given, given.quantity_requested))
    held = (await units_held(session, [purchase.id])).get(purchase.id)
    return facts if held is None else facts | {"quantity_returned_before": held}


def coming_back(given: ReturnFactsIn, quantity: int | None) -> ComingBack:
    """Return what of a purchase comes back: a gift unless the caller says otherwise, of a bundle what they say."""
    return ComingBack(
        quantity=quantity,
        gift=given.gift is None or given.gift.returned,
        returning=given.bundle.returning if given.bundle else None,
    )


def _joined(given: ReturnFactsIn, on_file: Mapping[str, object]) -> tuple[ReturnFactsIn, list[str]]:
    """Put the file's facts over the caller's; name those the caller gave otherwise."""
    overruled = [
        name for name, value in on_file.items()
        if name in given.model_fields_set and not _agree(getattr(given, name), value)
    ]  # fmt: skip
    return given.model_copy(update=on_file), overruled


def _agree(said: object, kept: object) -> bool:
    """Say whether the caller contradicts the file: not if nothing is said, or of a moment only the day."""
    if isinstance(said, Moment) and isinstance(kept, Moment) and None in (said.at, kept.at):
        return said.day == kept.day
    return said is None or said == kept
