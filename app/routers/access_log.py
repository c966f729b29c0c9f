"""Personal data in full for a purpose, and the record of who saw what."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import NotFound, ValidationFailed
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import PAGES, context
from app.schemas.access_log import AccessList, RevealIn, RevealOut
from app.schemas.lists import AccessFilter
from app.services import access_log, revealing
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1", tags=["personal data"], route_class=StrictRoute)
Revealer = Annotated[Context, Security(context, scopes=[Scope.PERSONAL_REVEAL])]
Auditor = Annotated[Context, Security(context, scopes=[Scope.ACCESS_LOG_READ])]
_REVEAL = problems(NotFound, ValidationFailed, revealing.AccessLogUnavailable)


@router.post("/tickets/{ticket}/reveal", response_model=RevealOut, responses=_REVEAL)
async def reveal_ticket(ticket: str, body: RevealIn, ctx: Revealer) -> Response:
    """See in full, for a purpose, what the key's tier masks of a ticket's customer; each call is put on record."""
    return response_of(await revealing.reveal_ticket(ctx, ticket, body))


@router.post("/customers/{customer}/reveal", response_model=RevealOut, responses=_REVEAL)
async def reveal_customer(customer: str, body: RevealIn, ctx: Revealer) -> Response:
    """See in full, for a purpose, what the key's tier masks of a customer on file; each call is put on record."""
    return response_of(await revealing.reveal_customer(ctx, customer, body))


@router.get("/access-log", response_model=AccessList, responses=PAGES)
async def list_accesses(wanted: Annotated[AccessFilter, Query()], ctx: Auditor) -> Response:
    """List who saw which personal data in full, the latest first: fields by name, never their values."""
    return response_of(await access_log.list_accesses(ctx, wanted))
