"""Nonconforming goods (不合格品审理)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    IfMatchRequired,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import PAGES, context, writing
from app.schemas.capas import ReasonIn
from app.schemas.lists import NonconformityFilter
from app.schemas.nonconformities import (
    CloseGoodsIn,
    CorrectIn,
    DisposeIn,
    NonconformityCapaIn,
    NonconformityIn,
    NonconformityList,
    NonconformityOut,
    NonconformityPatch,
    ReviewIn,
    VerifyGoodsIn,
)
from app.services.capas.refusals import CapaMoveNotAllowed
from app.services.context import Context
from app.services.nonconformities import answering, moves, reading, recording
from app.services.nonconformities.refusals import CapaAlreadyLinked, NonconformityMoveNotAllowed
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/nonconformities", tags=["quality"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.COMPLAINTS_WRITE])]

_WRITES = (NotFound, IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed)
_MOVED = (*_WRITES, NonconformityMoveNotAllowed, VersionMismatch)
_MOVES = problems(*_MOVED)


@router.post("", status_code=201, response_model=NonconformityOut, responses=problems(*_WRITES))
async def record_nonconformity(body: NonconformityIn, ctx: Writer) -> Response:
    """Record goods that do not conform; `tickets` are the complaints about them."""
    return response_of(await recording.record_nonconformity(ctx, body))


@router.get("", response_model=NonconformityList, responses=PAGES)
async def list_nonconformities(wanted: Annotated[NonconformityFilter, Query()], ctx: Reader) -> Response:
    """List nonconforming goods, the latest first."""
    return response_of(await reading.list_nonconformities(ctx, wanted))


@router.get("/{nonconformity}", response_model=NonconformityOut, responses=problems(NotFound))
async def get_nonconformity(nonconformity: str, ctx: Reader) -> Response:
    """Read nonconforming goods by number or id."""
    return response_of(await reading.get_nonconformity(ctx, nonconformity))


@router.patch("/{nonconformity}", response_model=NonconformityOut, responses=problems(*_MOVED, IfMatchRequired))
async def change_nonconformity(nonconformity: str, body: NonconformityPatch, ctx: Writer) -> Response:
    """Correct quantity, severity or defect, with the reason (`If-Match` required), until the goods are reviewed."""
    return response_of(await recording.change_nonconformity(ctx, nonconformity, body))


@router.post("/{nonconformity}/review", response_model=NonconformityOut, responses=_MOVES)
async def review(nonconformity: str, body: ReviewIn, ctx: Writer) -> Response:
    """Put on record what the review found. Only the department that the policy names reviews."""
    return response_of(await moves.review(ctx, nonconformity, body))


@router.post("/{nonconformity}/dispose", response_model=NonconformityOut, responses=_MOVES)
async def dispose(nonconformity: str, body: DisposeIn, ctx: Writer) -> Response:
    """Decide what becomes of the goods, in portions that add up to the quantity under review."""
    return response_of(await moves.dispose(ctx, nonconformity, body))


@router.post("/{nonconformity}/correct", response_model=NonconformityOut, responses=_MOVES)
async def correct(nonconformity: str, body: CorrectIn, ctx: Writer) -> Response:
    """Record that the goods were dealt with. What was reworked, repaired or sorted is then looked at again."""
    return response_of(await moves.correct(ctx, nonconformity, body))


@router.post("/{nonconformity}/verify", response_model=NonconformityOut, responses=_MOVES)
async def verify(nonconformity: str, body: VerifyGoodsIn, ctx: Writer) -> Response:
    """Record how many failed on being looked at again; those are disposed of in another round."""
    return response_of(await moves.verify(ctx, nonconformity, body))


@router.post("/{nonconformity}/close", response_model=NonconformityOut, responses=_MOVES)
async def close(nonconformity: str, body: CloseGoodsIn, ctx: Writer) -> Response:
    """Close what is settled; goods from a customer are closed by who tells the customer."""
    return response_of(await moves.close(ctx, nonconformity, body))


@router.post("/{nonconformity}/cancel", response_model=NonconformityOut, responses=_MOVES)
async def cancel(nonconformity: str, body: ReasonIn, ctx: Writer) -> Response:
    """Take the record back before anything was decided about the goods."""
    return response_of(await moves.cancel(ctx, nonconformity, body))


@router.post(
    "/{nonconformity}/capa",
    response_model=NonconformityOut,
    responses=problems(*_MOVED, CapaAlreadyLinked, CapaMoveNotAllowed),
)
async def answer_with_capa(nonconformity: str, body: NonconformityCapaIn, ctx: Writer) -> Response:
    """Open a CAPA for the goods and their complaints, or link one that is under way."""
    return response_of(await answering.answer_with_capa(ctx, nonconformity, body))
