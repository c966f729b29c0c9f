"""Policies: what is in force, what is wrong with a draft, and a company's own editions."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import ValidationFailed
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import RETRY, context
from app.schemas.policies import CheckOut, DraftIn, PolicyDocument, PolicyList, PolicyWanted, RegisteredOut
from app.services import policies
from app.services.context import Context
from app.services.policies import EditionExists, PolicyInvalid, PolicyNotFound, PolicyShared
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/policies", tags=["policies"], route_class=StrictRoute)

Reader = Annotated[Context, Security(context, scopes=[Scope.POLICIES_READ])]
Writer = Annotated[Context, Security(context, scopes=[Scope.POLICIES_WRITE])]


@router.get("", responses=problems())
async def list_policies(ctx: Reader) -> PolicyList:
    """List every policy with its editions; the list is short and comes whole.

    Shipped editions are public. Those a company registered show where one of the key's lines is under the policy.
    """
    return await policies.list_policies(ctx)


@router.get(
    "/{name}",
    response_model=PolicyDocument,
    responses={
        304: {"description": "`If-None-Match` names this edition"},
        **problems(PolicyNotFound, ValidationFailed),
    },
)
async def get_policy(name: str, wanted: Annotated[PolicyWanted, Query()], ctx: Reader) -> Response:
    """Read the edition in force on a date (default: today, in the policy's zone), or one `version`.

    Every value stands with its basis (`policy`, `statute`, `assumed`) and clause. `edition` may be changed and sent
    back to `check` and to registration. `ETag` is the SHA-256 of the edition's text.
    """
    return response_of(await policies.get_policy(ctx, name, wanted))


@router.post("/check", responses=problems(ValidationFailed))
async def check_policy(body: DraftIn, ctx: Reader) -> CheckOut:
    """Check a draft, as TOML text or as JSON: errors keep it out, warnings are oddities that may stand.

    A document that is wrong is an answer, not a problem: 200 with `valid: false`. Nothing is stored.
    """
    return await policies.check_draft(ctx, body)


@router.post(
    "",
    status_code=201,
    response_model=RegisteredOut,
    responses={
        200: {"model": RegisteredOut, "description": "This very edition was registered before"},
        **problems(PolicyShared, PolicyNotFound, EditionExists, PolicyInvalid, *RETRY),
    },
)
async def register_edition(body: DraftIn, ctx: Writer) -> Response:
    """Register a company's own edition, in force from `effective_from`: today or later, from 0:00 in its zone.

    It may be the next edition of a shipped policy or begin a new policy; the latter takes a key for all lines. Of
    two editions with the same date the last registered counts. Tickets already open keep the edition they were
    opened under. Every process follows within 5 seconds; `policy.activated` is announced to each line under it now,
    with the date from which it applies.
    """
    return response_of(await policies.register_edition(ctx, body))
