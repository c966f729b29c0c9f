"""The customer archive: customers and everything on file of them."""

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
from app.schemas.customers import (
    ArchivedCustomerIn,
    ArchivedCustomerList,
    ArchivedCustomerOut,
    ArchivedCustomerPatch,
    CustomerHistory,
    CustomerSearchIn,
)
from app.schemas.lists import ArchiveFilter
from app.services.archive import customers
from app.services.archive.records import RecordExists
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/customers", tags=["archive"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.ARCHIVE_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.ARCHIVE_WRITE])]
_RETRY = (IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed)
_PAGE = (InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed)


@router.post(
    "", status_code=201, response_model=ArchivedCustomerOut, responses=problems(NotFound, RecordExists, *_RETRY)
)
async def add_customer(body: ArchivedCustomerIn, ctx: Writer) -> Response:
    """Put a customer on file. Personal data is shown by the key's tier, here too."""
    return response_of(await customers.add_customer(ctx, body))


@router.get("", response_model=ArchivedCustomerList, responses=problems(*_PAGE))
async def list_customers(wanted: Annotated[ArchiveFilter, Query()], ctx: Reader) -> Response:
    """List customers, the latest first."""
    return response_of(await customers.list_customers(ctx, wanted))


@router.post("/search", response_model=ArchivedCustomerList, responses=problems(*_PAGE))
async def search_customers(body: CustomerSearchIn, ctx: Reader) -> Response:
    """Find customers by whole phone number, email, name or the CRM's id: personal data is never in an address."""
    return response_of(await customers.search_customers(ctx, body))


@router.get("/{customer}", response_model=ArchivedCustomerOut, responses=problems(NotFound))
async def get_customer(customer: str, ctx: Reader) -> Response:
    """Read a customer."""
    return response_of(await customers.get_customer(ctx, customer))


@router.patch(
    "/{customer}",
    response_model=ArchivedCustomerOut,
    responses=problems(NotFound, RecordExists, IfMatchRequired, VersionMismatch, *_RETRY),
)
async def change_customer(customer: str, body: ArchivedCustomerPatch, ctx: Writer) -> Response:
    """Change what is on file (JSON merge patch, `If-Match` required)."""
    return response_of(await customers.change_customer(ctx, customer, body))


@router.get("/{customer}/history", response_model=CustomerHistory, responses=problems(NotFound))
async def customer_history(customer: str, ctx: Reader) -> Response:
    """Read everything on file of a customer: tickets and purchases, the latest first."""
    return response_of(await customers.customer_history(ctx, customer))
