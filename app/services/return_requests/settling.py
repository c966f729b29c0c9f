"""What the customer gets: the price back or a replacement; and the end of a request."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.ids import id_text
from app.models.warranty import WarrantyCard
from app.schemas.return_requests import CompleteIn, RefundIn, ReplacementIn
from app.services.context import Context
from app.services.return_requests import wording
from app.services.return_requests.deadlines import drop, meet
from app.services.return_requests.loading import DecidedLine, Loaded, answer_again, chosen_lines, take_up
from app.services.return_requests.records import moved, note_on_ticket
from app.services.return_requests.refusals import NothingToReplace, ReasonRequired, RefundBeyondDecision
from app.services.rules.purchases import SHANGHAI
from app.services.rules.return_requests import Approval, DeadlineKind, LineRemedy, ReturnMove
from app.services.surveys.inviting import ENDED
from app.services.surveys.queueing import queue_survey
from app.services.tickets.loading import load_ticket


async def refund(ctx: Context, reference: str, body: RefundIn) -> Answer:
    """Note what was paid back, all at once or in parts, up to what was decided for the units kept.

    Raises: ReturnNotFound, VersionMismatch, ReturnMoveNotAllowed, StaffOfAnotherDepartment, LineTwice, NoSuchLines,
    RefundBeyondDecision, ReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.REFUND, body.staff_no)
        lines = chosen_lines(loaded, [given.line for given in body.lines])
        _pay(lines, [given.amount for given in body.lines])
        whole = all(line.is_settled for line in loaded.lines if line.line.remedy is LineRemedy.RETURN)
        contested = any(_contested(loaded, line) for line in lines)
        if body.reason is None and (contested or not whole):
            raise ReasonRequired
        if whole:
            meet(loaded.deadline(DeadlineKind.REFUND), ctx.now)
        total = sum((given.amount for given in body.lines), Decimal(0))
        data = {
            "lines": [{"line": given.line, "amount": f"{given.amount:.2f}"} for given in body.lines],
            "amount": f"{total:.2f}",
            "reference": body.reference,
        }
        return await moved(
            ctx, unit, loaded, ReturnMove.REFUND, body.staff_no, text=body.reason or body.note,
            message=wording.refunded(loaded, total), data=data,
        )  # fmt: skip


def _contested(loaded: Loaded, decided: DecidedLine) -> bool:
    """Tell whether what was approved as a right or by consent turned out to be none."""
    return decided.approval is Approval.GOODWILL and not loaded.request.goodwill


def _pay(lines: list[DecidedLine], amounts: list[Decimal]) -> None:
    """Raises: RefundBeyondDecision, saying of each line what is left to pay; null: nothing says how much."""
    beyond = []
    for line, amount in zip(lines, amounts, strict=True):
        limit = line.refund_limit
        left = None if limit is None else max(limit - line.line.refunded, Decimal(0))
        if left is None or amount > left:
            beyond.append({"line": line.line.place, "left": None if left is None else f"{left:.2f}"})
        else:
            line.line.refunded += amount
    if beyond:
        raise RefundBeyondDecision(beyond)


async def ship_replacement(ctx: Context, reference: str, body: ReplacementIn) -> Answer:
    """Note that replacements are on their way. The warranty card of their purchase starts anew today.

    Raises: as `refund`, without its last two; NothingToReplace.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.SHIP_REPLACEMENT, body.staff_no)
        lines = [line for line in chosen_lines(loaded, body.lines) if _to_replace(line)]
        if not lines:
            raise NothingToReplace
        today = loaded.policy.time.date_of(ctx.now)
        for line in lines:
            line.line.replaced_on = today
        restarted = await _restart_cards(ctx, unit.session, [line.line.purchase_id for line in lines])
        data = {
            "lines": [line.line.place for line in lines],
            "warranty_cards": restarted,
            **body.model_dump(include={"carrier", "tracking_no", "serial_nos"}, exclude_none=True),
        }
        return await moved(
            ctx, unit, loaded, ReturnMove.SHIP_REPLACEMENT, body.staff_no, text=body.note,
            message=wording.replaced(loaded, body.carrier, body.tracking_no), data=data,
        )  # fmt: skip


def _to_replace(decided: DecidedLine) -> bool:
    line = decided.line
    return line.remedy is LineRemedy.EXCHANGE and line.replaced_on is None and line.units.kept > 0


async def _restart_cards(ctx: Context, session: AsyncSession, purchases: list[UUID | None]) -> list[str]:
    """Let the guarantee of exchanged goods run anew from today, Asia/Shanghai; return the cards."""
    of_purchases = select(WarrantyCard).where(WarrantyCard.purchase_id.in_([one for one in purchases if one]))
    cards = (await session.scalars(of_purchases.order_by(WarrantyCard.id).with_for_update())).all()
    for card in cards:
        card.replaced_on = ctx.now.astimezone(SHANGHAI).date()
        card.version += 1
        card.updated_at = ctx.now
    return [id_text("wty", card.id) for card in cards]


async def complete(ctx: Context, reference: str, body: CompleteIn) -> Answer:
    """End a request whose customer has what is due, or say why not; its ticket's customer is asked how it was.

    Raises: as `ship_replacement`; ReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.COMPLETE, body.staff_no)
        if body.reason is None and not all(line.is_settled for line in loaded.lines):
            raise ReasonRequired
        drop(loaded.deadline(DeadlineKind.REFUND), ctx.now)
        for line in loaded.lines:
            if line.line.replaced_on is not None:
                line.line.held = 0
        await note_on_ticket(ctx, unit.session, loaded.request, "return_completed", body.staff_no)
        await _ask(ctx, unit.session, loaded)
        return await moved(
            ctx, unit, loaded, ReturnMove.COMPLETE, body.staff_no, text=body.reason or body.note,
            message=wording.completed(loaded),
        )  # fmt: skip


async def _ask(ctx: Context, session: AsyncSession, loaded: Loaded) -> None:
    """Have the customer of its ticket asked (001 六.3⑤). A ticket that still runs asks when it ends."""
    if loaded.ticket is None:
        return
    own, of_ticket = await load_ticket(session, ctx, loaded.ticket)
    if of_ticket.ticket.status in ENDED:
        await queue_survey(session, own, of_ticket)
