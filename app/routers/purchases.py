"""The customer archive: products and purchases."""

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
from app.schemas.lists import ArchiveFilter, PurchaseFilter
from app.schemas.orders import OrderTokenIn, OrderTokenOut
from app.schemas.purchases import (
    CatalogueItemIn,
    CatalogueItemList,
    CatalogueItemOut,
    CatalogueItemPatch,
    ImportIn,
    ImportReport,
    PurchaseIn,
    PurchaseList,
    PurchaseOut,
    PurchasePatch,
    PurchaseSearchIn,
)
from app.services.archive import catalogue, imports, orders, purchases
from app.services.archive.records import RecordExists
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1", tags=["archive"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.ARCHIVE_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.ARCHIVE_WRITE])]
Signer = Annotated[Context, Security(context, scopes=[Scope.ARCHIVE_WRITE])]  # changes nothing
_RETRY = (IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed)
_PAGE = (InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed)
_CHANGE = (NotFound, IfMatchRequired, VersionMismatch, *_RETRY)


@router.post(
    "/catalogue-items",
    status_code=201,
    response_model=CatalogueItemOut,
    responses=problems(NotFound, RecordExists, *_RETRY),
)
async def add_catalogue_item(body: CatalogueItemIn, ctx: Writer) -> Response:
    """Put a product in the catalogue, once a `sku`."""
    return response_of(await catalogue.add_item(ctx, body))


@router.get("/catalogue-items", response_model=CatalogueItemList, responses=problems(*_PAGE))
async def list_catalogue_items(wanted: Annotated[ArchiveFilter, Query()], ctx: Reader) -> Response:
    """List products, the latest first."""
    return response_of(await catalogue.list_items(ctx, wanted))


@router.get("/catalogue-items/{item}", response_model=CatalogueItemOut, responses=problems(NotFound))
async def get_catalogue_item(item: str, ctx: Reader) -> Response:
    """Read a product."""
    return response_of(await catalogue.get_item(ctx, item))


@router.patch("/catalogue-items/{item}", response_model=CatalogueItemOut, responses=problems(*_CHANGE))
async def change_catalogue_item(item: str, body: CatalogueItemPatch, ctx: Writer) -> Response:
    """Change a product (JSON merge patch, `If-Match` required). Cards made before keep their terms."""
    return response_of(await catalogue.change_item(ctx, item, body))


@router.post(
    "/purchases", status_code=201, response_model=PurchaseOut, responses=problems(NotFound, RecordExists, *_RETRY)
)
async def add_purchase(body: PurchaseIn, ctx: Writer) -> Response:
    """Put a line of an order on file, once an order number, line and serial number."""
    return response_of(await purchases.add_purchase(ctx, body))


@router.get("/purchases", response_model=PurchaseList, responses=problems(*_PAGE))
async def list_purchases(wanted: Annotated[PurchaseFilter, Query()], ctx: Reader) -> Response:
    """List purchases, the latest on file first."""
    return response_of(await purchases.list_purchases(ctx, wanted))


@router.post("/purchases/search", response_model=PurchaseList, responses=problems(*_PAGE))
async def search_purchases(body: PurchaseSearchIn, ctx: Reader) -> Response:
    """Find purchases by order number, serial number or batch."""
    return response_of(await purchases.search_purchases(ctx, body))


@router.post("/purchases/import", response_model=ImportReport, responses=problems(NotFound, *_RETRY))
async def import_purchases(body: ImportIn, ctx: Writer) -> Response:
    """Take purchases from a CSV file: every good line is kept, every bad one named with its reason.

    The same file again adds nothing.
    """
    return response_of(await imports.import_purchases(ctx, body))


@router.get("/purchases/{purchase}", response_model=PurchaseOut, responses=problems(NotFound))
async def get_purchase(purchase: str, ctx: Reader) -> Response:
    """Read a purchase."""
    return response_of(await purchases.get_purchase(ctx, purchase))


@router.patch(
    "/purchases/{purchase}",
    response_model=PurchaseOut,
    responses=problems(RecordExists, purchases.QuantityHeld, *_CHANGE),
)
async def change_purchase(purchase: str, body: PurchasePatch, ctx: Writer) -> Response:
    """Change a purchase (JSON merge patch, `If-Match` required)."""
    return response_of(await purchases.change_purchase(ctx, purchase, body))


@router.post("/order-tokens", response_model=OrderTokenOut, responses=problems(NotFound, ValidationFailed))
async def make_order_token(body: OrderTokenIn, ctx: Signer) -> Response:
    """Sign a token that proves an order to the web shop's check, in place of the phone number's last four digits.

    Nothing is stored, and the order need not be on file yet.
    """
    return response_of(orders.make_order_token(ctx, body))
