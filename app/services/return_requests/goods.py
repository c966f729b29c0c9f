"""The goods' way: fetched or posted back, checked on receipt, inspected again, and where they go then."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.models.return_requests import ReturnLine
from app.schemas.return_facts import local_moment
from app.schemas.return_requests import (
    DisposeIn,
    InspectIn,
    PickupIn,
    ReceivedLineIn,
    ReceiveIn,
    RestockIn,
    ShipBackIn,
)
from app.services.context import Context
from app.services.return_requests import wording
from app.services.return_requests.deadlines import add_deadline, drop
from app.services.return_requests.deciding import stated
from app.services.return_requests.judging import outcomes
from app.services.return_requests.loading import DecidedLine, Loaded, answer_again, chosen_lines, take_up
from app.services.return_requests.records import decide_anew, moved
from app.services.return_requests.refusals import GoodsNotThere, NotYet
from app.services.rules.clause import Wording
from app.services.rules.return_requests import (
    DeadlineKind,
    LineRemedy,
    ReturnMove,
    ReturnStatus,
    after_disposal,
    found_by_reinspection,
    refund_days,
)

_REFUND_RULE = "7D-13"


async def schedule_pickup(ctx: Context, reference: str, body: PickupIn) -> Answer:
    """Note when the goods are fetched; agreed anew, it holds from then on.

    Raises: ReturnNotFound, VersionMismatch, ReturnMoveNotAllowed, StaffOfAnotherDepartment.
    """
    return await _arrange(
        ctx, reference, ReturnMove.SCHEDULE_PICKUP, body,
        lambda loaded: wording.pickup(loaded, body.agreed_from, body.agreed_until),
    )  # fmt: skip


async def ship_back(ctx: Context, reference: str, body: ShipBackIn) -> Answer:
    """Note by when the customer posts the goods, and the parcel once it is known.

    Raises: as `schedule_pickup`.
    """
    return await _arrange(
        ctx, reference, ReturnMove.SHIP_BACK, body, lambda loaded: wording.posting(loaded, body.agreed_until)
    )


async def _arrange(
    ctx: Context, reference: str, move: ReturnMove, body: PickupIn | ShipBackIn, told: Callable[[Loaded], Wording]
) -> Answer:
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, move, body.staff_no)
        data = body.model_dump(mode="json", exclude={"staff_no", "note"}, exclude_none=True)
        return await moved(ctx, unit, loaded, move, body.staff_no, text=body.note, message=told(loaded), data=data)


async def receive(ctx: Context, reference: str, body: ReceiveIn) -> Answer:
    """Check a parcel against the form. What differs is noted, and counts for the decision and the refund.

    The time to pay back runs from the first parcel.
    Raises: as `schedule_pickup`; LineTwice, NoSuchLines, NotYet.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, ReturnMove.RECEIVE, body.staff_no)
        received_at = body.received_at or ctx.now
        if received_at > ctx.now:
            raise NotYet("received_at")
        lines = chosen_lines(loaded, [given.line for given in body.lines])
        for line, given in zip(lines, body.lines, strict=True):
            line.line.received += given.quantity
            came = {"quantity_received": line.line.received, "returned_goods_received_at": local_moment(received_at)}
            decide_anew(ctx, unit.session, loaded, line, came, cause=ReturnMove.RECEIVE, staff_no=body.staff_no)
        _begin_refund(ctx, unit.session, loaded, received_at)
        mismatches = [found for line, given in zip(lines, body.lines, strict=True) for found in _differs(line, given)]
        due = loaded.deadline(DeadlineKind.REFUND)
        message = wording.received(loaded, due.due_on if due else None, differs=bool(mismatches))
        data = {
            "lines": [given.model_dump(exclude={"found"}) for given in body.lines],
            "mismatches": mismatches,
        }
        text = "\n".join(part for part in (body.note, *(given.found for given in body.lines)) if part) or None
        return await moved(ctx, unit, loaded, ReturnMove.RECEIVE, body.staff_no, text=text, message=message, data=data)


def _differs(decided: DecidedLine, given: ReceivedLineIn) -> list[dict[str, Any]]:
    """Return what of a line came otherwise than the form says (001 六.3②)."""
    line = decided.line
    found: list[dict[str, Any]] = []
    if line.received != line.approved:
        found.append({"line": line.place, "what": "quantity", "expected": line.approved, "received": line.received})
    checks = (("spec", given.spec_matches), ("appearance", given.appearance_matches))
    return found + [{"line": line.place, "what": what} for what, matches in checks if not matches]


def _begin_refund(ctx: Context, session: AsyncSession, loaded: Loaded, received_at: datetime) -> None:
    """Let the time to pay back run, if anything that came back is to be paid for."""
    due = any(line.line.remedy is LineRemedy.RETURN and line.line.units.kept for line in loaded.lines)
    if due and loaded.deadline(DeadlineKind.REFUND) is None:
        law = ctx.known.book.statutes.on(loaded.request.noticed_on)
        loaded.deadlines.append(
            add_deadline(
                session, loaded.request, loaded.policy, DeadlineKind.REFUND,
                begins=local_moment(received_at).day, days=refund_days(law, loaded.policy.returns), rule=_REFUND_RULE,
            )
        )  # fmt: skip


async def reinspect(ctx: Context, reference: str, body: InspectIn) -> Answer:
    """Record the second inspection. Where it contradicts the first, the decision says so, and both stay on record.

    Raises: as `schedule_pickup`; LineTwice, NoSuchLines.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        move = ReturnMove.REINSPECT
        loaded = await take_up(unit, ctx, reference, move, body.staff_no)
        lines = chosen_lines(loaded, body.lines)
        for line in lines:
            found = found_by_reinspection(body.result)
            decide_anew(
                ctx, unit.session, loaded, line, stated(ctx, body.facts), found, cause=move, staff_no=body.staff_no
            )
        data = {"result": body.result, "lines": outcomes(lines)}
        return await moved(ctx, unit, loaded, move, body.staff_no, text=body.finding, data=data)


async def restock(ctx: Context, reference: str, body: RestockIn) -> Answer:
    """Put goods in stock.

    Raises: as `schedule_pickup`; LineTwice, NoSuchLines, GoodsNotThere.
    """
    return await _dispose(ctx, reference, ReturnMove.RESTOCK, body, "restocked")


async def scrap(ctx: Context, reference: str, body: DisposeIn) -> Answer:
    """Scrap goods. Raises: as `restock`."""
    return await _dispose(ctx, reference, ReturnMove.SCRAP, body, "scrapped")


async def return_to_customer(ctx: Context, reference: str, body: DisposeIn) -> Answer:
    """Send goods to the customer again: for these nothing is due. Raises: as `restock`."""
    return await _dispose(ctx, reference, ReturnMove.RETURN_TO_CUSTOMER, body, "sent_again")


async def _dispose(ctx: Context, reference: str, move: ReturnMove, body: RestockIn, counted: str) -> Answer:
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, move, body.staff_no)
        gone = _take_off(loaded, body, counted)
        status = after_disposal(sum(line.line.on_hand for line in loaded.lines))
        if status is ReturnStatus.DISPOSED:
            _settle_units(ctx, loaded)
        total = sum(units for _, units in gone)
        message = wording.sent_again(loaded, total) if move is ReturnMove.RETURN_TO_CUSTOMER else None
        data = {"lines": [{"line": line.place, "quantity": units} for line, units in gone]}
        return await moved(
            ctx, unit, loaded, move, body.staff_no, status=status, text=body.reason or body.note, message=message,
            data=data,
        )  # fmt: skip


def _take_off(loaded: Loaded, body: RestockIn, counted: str) -> list[tuple[ReturnLine, int]]:
    """Count the units of the body, or all that are on hand, as gone one way; return them.

    Raises: LineTwice, NoSuchLines, GoodsNotThere.
    """
    chosen = chosen_lines(loaded, None if body.lines is None else [given.line for given in body.lines])
    units = [line.line.on_hand for line in chosen] if body.lines is None else [given.quantity for given in body.lines]
    gone = [(line.line, count) for line, count in zip(chosen, units, strict=True) if count]
    if any(count > line.on_hand for line, count in gone):
        raise GoodsNotThere
    for line, count in gone:
        setattr(line, counted, getattr(line, counted) + count)
    return gone


def _settle_units(ctx: Context, loaded: Loaded) -> None:
    """Free the units that did not stay; where none stayed that are to be paid for, no payment is due."""
    for line in loaded.lines:
        line.line.held = line.line.units.kept
    if not any(line.line.remedy is LineRemedy.RETURN and line.line.units.kept for line in loaded.lines):
        drop(loaded.deadline(DeadlineKind.REFUND), ctx.now)
