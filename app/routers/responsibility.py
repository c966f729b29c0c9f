"""Inspections, whose fault a matter is, and the letter that explains it."""

from typing import Annotated

from fastapi import APIRouter, Response, Security

from app.core.errors import IdempotencyInProgress, IdempotencyKeyReused, NotFound, ValidationFailed
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import context, writing
from app.schemas.responsibility import (
    DeterminationOut,
    InspectionIn,
    InspectionList,
    InspectionOut,
    LetterSentIn,
    ResponsibilityIn,
    ResponsibilityOut,
)
from app.services import responsibility, responsibility_letter
from app.services.context import Context
from app.services.responsibility_letter import LetterSentAlready, NothingToExplain
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/tickets/{ticket}", tags=["complaints"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.COMPLAINTS_WRITE])]
_WRITES = (NotFound, IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed)


@router.post("/inspections", status_code=201, response_model=InspectionOut, responses=problems(*_WRITES))
async def record_inspection(ticket: str, body: InspectionIn, ctx: Writer) -> Response:
    """Put an inspection on record: sample, method, finding, and whether it confirms what was reported."""
    return response_of(await responsibility.record_inspection(ctx, ticket, body))


@router.get("/inspections", responses=problems(NotFound))
async def list_inspections(ticket: str, ctx: Reader) -> InspectionList:
    """Read the inspections of a ticket, the earliest first."""
    return await responsibility.list_inspections(ctx, ticket)


@router.post("/responsibility", status_code=201, response_model=DeterminationOut, responses=problems(*_WRITES))
async def determine(ticket: str, body: ResponsibilityIn, ctx: Writer) -> Response:
    """Determine whose fault the matter is.

    Ours needs the department and the cause; not ours needs evidence and an explanation; shared needs all four. A later
    determination supersedes the one before and needs a `reason`. `warnings` name what speaks against it: the
    inspection on record, or whose duty the matter is by the policy.
    """
    return response_of(await responsibility.determine_responsibility(ctx, ticket, body))


@router.get("/responsibility", responses=problems(NotFound))
async def read_responsibility(ticket: str, ctx: Reader) -> ResponsibilityOut:
    """Read the determination that holds, and those it superseded."""
    return await responsibility.read_responsibility(ctx, ticket)


@router.get(
    "/responsibility/letter",
    response_class=Response,
    responses={
        200: {"description": "A letter to print", "content": {"text/html": {"schema": {"type": "string"}}}},
        **problems(NotFound, NothingToExplain),
    },
)
async def letter(ticket: str, ctx: Reader) -> Response:
    """Show the letter to the customer about what is not ours, as a page to print in the language of `Accept-Language`.

    The customer's name is in it for a key of the tier `sensitive`.
    """
    return response_of(await responsibility_letter.show_letter(ctx, ticket))


@router.post(
    "/responsibility/letter/sent",
    response_model=DeterminationOut,
    responses=problems(*_WRITES, NothingToExplain, LetterSentAlready),
)
async def letter_sent(ticket: str, body: LetterSentIn, ctx: Writer) -> Response:
    """Note that the customer was sent the letter."""
    return response_of(await responsibility_letter.record_letter_sent(ctx, ticket, body))
