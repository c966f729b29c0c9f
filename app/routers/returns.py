"""Returns, exchanges and repairs."""

from typing import Annotated

from fastapi import APIRouter, Response, Security

from app.core.errors import NotFound, ValidationFailed
from app.core.http import DirectRoute, problems, response_of
from app.routers.context import context
from app.schemas.returns import EligibilityIn, EligibilityOut
from app.services.context import Context
from app.services.returns import eligibility
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/returns", tags=["returns"], route_class=DirectRoute)
Checker = Annotated[Context, Security(context, scopes=[Scope.RETURNS_CHECK])]


@router.post("/eligibility", response_model=EligibilityOut, responses=problems(NotFound, ValidationFailed))
async def check_eligibility(body: EligibilityIn, ctx: Checker) -> Response:
    """Say whether goods may come back, how, at whose cost and until when, and by which rules.

    A refusal is an answer. A fact given as null is unknown; one that the answer turns on is asked for in
    `missing_facts`, never guessed. Where the law is open `disclose_uncertainty` says so. Nothing is stored.
    """
    return response_of(await eligibility.check_eligibility(ctx, body))
