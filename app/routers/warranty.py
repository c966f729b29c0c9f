"""Warranty cards, the question whether something is under guarantee, and charges outside it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    CursorFilterMismatch,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    IfMatchRequired,
    InvalidCursor,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import context, writing
from app.schemas.lists import ArchiveFilter
from app.schemas.warranty import (
    ChargeIn,
    ChargeOut,
    ExtensionIn,
    WarrantyCardIn,
    WarrantyCardList,
    WarrantyCardOut,
    WarrantyCardPatch,
    WarrantyCheckIn,
    WarrantyCheckOut,
)
from app.services.archive import warranty, warranty_cards
from app.services.archive.records import RecordExists
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1", tags=["archive"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.ARCHIVE_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.ARCHIVE_WRITE])]
Charging = Annotated[Context, Security(writing, scopes=[Scope.TICKETS_WRITE])]
_RETRY = (IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed)


@router.post(
    "/warranty-cards",
    status_code=201,
    response_model=WarrantyCardOut,
    responses=problems(NotFound, RecordExists, *_RETRY),
)
async def add_warranty_card(body: WarrantyCardIn, ctx: Writer) -> Response:
    """Make out the card of a purchase, on the catalogue's terms unless others are given."""
    return response_of(await warranty_cards.add_card(ctx, body))


@router.get(
    "/warranty-cards",
    response_model=WarrantyCardList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_warranty_cards(wanted: Annotated[ArchiveFilter, Query()], ctx: Reader) -> Response:
    """List warranty cards, the latest first."""
    return response_of(await warranty_cards.list_cards(ctx, wanted))


@router.get("/warranty-cards/{card}", response_model=WarrantyCardOut, responses=problems(NotFound))
async def get_warranty_card(card: str, ctx: Reader) -> Response:
    """Read a warranty card with its extensions."""
    return response_of(await warranty_cards.get_card(ctx, card))


@router.patch(
    "/warranty-cards/{card}",
    response_model=WarrantyCardOut,
    responses=problems(NotFound, IfMatchRequired, VersionMismatch, *_RETRY),
)
async def change_warranty_card(card: str, body: WarrantyCardPatch, ctx: Writer) -> Response:
    """Change a card: repair days, an exchange, its terms (JSON merge patch, `If-Match` required)."""
    return response_of(await warranty_cards.change_card(ctx, card, body))


@router.post(
    "/warranty-cards/{card}/extensions",
    response_model=WarrantyCardOut,
    responses=problems(NotFound, VersionMismatch, *_RETRY),
)
async def extend_warranty_card(card: str, body: ExtensionIn, ctx: Writer) -> Response:
    """Extend a guarantee, with the reason."""
    return response_of(await warranty_cards.extend_card(ctx, card, body))


@router.post("/warranty/check", response_model=WarrantyCheckOut, responses=problems(NotFound, ValidationFailed))
async def check_warranty(body: WarrantyCheckIn, ctx: Reader) -> Response:
    """Say whether something is under guarantee, until when, what is free, and else what the price list asks."""
    return response_of(await warranty.check_warranty(ctx, body))


@router.post(
    "/tickets/{ticket}/charges",
    status_code=201,
    response_model=ChargeOut,
    responses=problems(NotFound, RecordExists, warranty.ChargeBeyondList, warranty.ChargeUnderGuarantee, *_RETRY),
)
async def charge(ticket: str, body: ChargeIn, ctx: Charging) -> Response:
    """Put on record what a customer pays on a ticket, each item once: nothing under guarantee, and never more than
    the price list."""
    return response_of(await warranty.charge(ctx, ticket, body))
