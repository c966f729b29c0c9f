"""Return requests (退换货单)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import NotFound, VersionMismatch
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import PAGES, RETRY, context, writing
from app.schemas.lists import ReturnRequestFilter
from app.schemas.return_requests import (
    ApproveIn,
    CompleteIn,
    DisposeIn,
    InspectIn,
    MoveIn,
    PickupIn,
    ReasonIn,
    ReceiveIn,
    RedecideIn,
    RefundIn,
    ReplacementIn,
    RestockIn,
    ReturnRequestIn,
    ReturnRequestList,
    ReturnRequestOut,
    ShipBackIn,
)
from app.services.context import Context
from app.services.return_requests import goods, judging, opening, reading, settling
from app.services.return_requests.refusals import (
    GoodsNotThere,
    NoNewFacts,
    NotApprovable,
    NothingToReplace,
    NotRefusable,
    QuantityExceedsReturnable,
    RefundBeyondDecision,
    ReturnMoveNotAllowed,
)
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/returns", tags=["returns"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.RETURNS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.RETURNS_WRITE])]

_MOVED = (NotFound, *RETRY, ReturnMoveNotAllowed, VersionMismatch)
_MOVES = problems(*_MOVED)
_GOODS = problems(*_MOVED, GoodsNotThere)


@router.post(
    "",
    status_code=201,
    response_model=ReturnRequestOut,
    responses=problems(NotFound, *RETRY, QuantityExceedsReturnable),
)
async def open_return(body: ReturnRequestIn, ctx: Writer) -> Response:
    """Submit a return request; each line is decided at once, and the decision frozen with its facts.

    A right that is lacking is an answer. No unit of a purchase is in two requests, and none comes back twice.
    """
    return response_of(await opening.open_return(ctx, body))


@router.get("", response_model=ReturnRequestList, responses=PAGES)
async def list_returns(wanted: Annotated[ReturnRequestFilter, Query()], ctx: Reader) -> Response:
    """List return requests, the latest first; `overdue=true` those that are late with the answer or the refund."""
    return response_of(await reading.list_returns(ctx, wanted))


@router.get("/{number}", response_model=ReturnRequestOut, responses=problems(NotFound))
async def get_return(number: str, ctx: Reader) -> Response:
    """Read a return request by number or id, with every decision, its deadlines, its timeline and what may be next."""
    return response_of(await reading.get_return(ctx, number))


@router.post("/{number}/review", response_model=ReturnRequestOut, responses=_MOVES)
async def review(number: str, body: MoveIn, ctx: Writer) -> Response:
    """Note that the form was reviewed."""
    return response_of(await judging.review(ctx, number, body))


@router.post("/{number}/inspect", response_model=ReturnRequestOut, responses=_MOVES)
async def inspect(number: str, body: InspectIn, ctx: Writer) -> Response:
    """Record what the inspection found; the lines it was about are decided again."""
    return response_of(await judging.inspect(ctx, number, body))


@router.post("/{number}/redecide", response_model=ReturnRequestOut, responses=problems(*_MOVED, NoNewFacts))
async def redecide(number: str, body: RedecideIn, ctx: Writer) -> Response:
    """Decide again on a line by new facts. Every decision stays on record."""
    return response_of(await judging.redecide(ctx, number, body))


@router.post(
    "/{number}/approve", response_model=ReturnRequestOut, responses=problems(*_MOVED, NotApprovable, NotRefusable)
)
async def approve(number: str, body: ApproveIn, ctx: Writer) -> Response:
    """Approve all lines or some, whole or in part. What nobody could demand is approved as goodwill, with a reason."""
    return response_of(await judging.approve(ctx, number, body))


@router.post("/{number}/refuse", response_model=ReturnRequestOut, responses=problems(*_MOVED, NotRefusable))
async def refuse(number: str, body: ReasonIn, ctx: Writer) -> Response:
    """Refuse the request, with the reason. What the customer may demand cannot be refused."""
    return response_of(await judging.refuse(ctx, number, body))


@router.post("/{number}/schedule-pickup", response_model=ReturnRequestOut, responses=_MOVES)
async def schedule_pickup(number: str, body: PickupIn, ctx: Writer) -> Response:
    """Note when the goods are fetched, as agreed with the customer."""
    return response_of(await goods.schedule_pickup(ctx, number, body))


@router.post("/{number}/ship-back", response_model=ReturnRequestOut, responses=_MOVES)
async def ship_back(number: str, body: ShipBackIn, ctx: Writer) -> Response:
    """Note by when the customer posts the goods back, and the parcel once it is known."""
    return response_of(await goods.ship_back(ctx, number, body))


@router.post("/{number}/receive", response_model=ReturnRequestOut, responses=_MOVES)
async def receive(number: str, body: ReceiveIn, ctx: Writer) -> Response:
    """Check a parcel against the form: quantity, spec, appearance. What differs is recorded."""
    return response_of(await goods.receive(ctx, number, body))


@router.post("/{number}/reinspect", response_model=ReturnRequestOut, responses=_MOVES)
async def reinspect(number: str, body: InspectIn, ctx: Writer) -> Response:
    """Record the second inspection, once the goods are back."""
    return response_of(await goods.reinspect(ctx, number, body))


@router.post("/{number}/restock", response_model=ReturnRequestOut, responses=_GOODS)
async def restock(number: str, body: RestockIn, ctx: Writer) -> Response:
    """Put goods in stock, by default all that are on hand."""
    return response_of(await goods.restock(ctx, number, body))


@router.post("/{number}/scrap", response_model=ReturnRequestOut, responses=_GOODS)
async def scrap(number: str, body: DisposeIn, ctx: Writer) -> Response:
    """Scrap goods, by default all that are on hand."""
    return response_of(await goods.scrap(ctx, number, body))


@router.post("/{number}/return-to-customer", response_model=ReturnRequestOut, responses=_GOODS)
async def return_to_customer(number: str, body: DisposeIn, ctx: Writer) -> Response:
    """Send goods to the customer again, by default all that are on hand; for these nothing is due."""
    return response_of(await goods.return_to_customer(ctx, number, body))


@router.post("/{number}/refund", response_model=ReturnRequestOut, responses=problems(*_MOVED, RefundBeyondDecision))
async def refund(number: str, body: RefundIn, ctx: Writer) -> Response:
    """Note what was paid back, at once or in parts, up to each line's `refund_limit`."""
    return response_of(await settling.refund(ctx, number, body))


@router.post(
    "/{number}/ship-replacement", response_model=ReturnRequestOut, responses=problems(*_MOVED, NothingToReplace)
)
async def ship_replacement(number: str, body: ReplacementIn, ctx: Writer) -> Response:
    """Note that replacements are on their way; the warranty cards of their purchases start anew."""
    return response_of(await settling.ship_replacement(ctx, number, body))


@router.post("/{number}/complete", response_model=ReturnRequestOut, responses=_MOVES)
async def complete(number: str, body: CompleteIn, ctx: Writer) -> Response:
    """End the request. While something is due to the customer, say why."""
    return response_of(await settling.complete(ctx, number, body))


@router.post("/{number}/cancel", response_model=ReturnRequestOut, responses=_MOVES)
async def cancel(number: str, body: ReasonIn, ctx: Writer) -> Response:
    """Give the request up while the goods are with the customer."""
    return response_of(await judging.cancel(ctx, number, body))
