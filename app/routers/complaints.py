"""Complaints: what a text is about."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import NotFound, ValidationFailed
from app.core.http import DirectRoute, StrictRoute, problems, response_of
from app.routers.context import context
from app.schemas.complaints import Agreement, ClassifyIn, ClassifyOut
from app.schemas.lists import AgreementFilter
from app.services import complaints, feedback
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/complaints", tags=["complaints"], route_class=StrictRoute)
direct = APIRouter(prefix="/v1/complaints", tags=["complaints"], route_class=DirectRoute)
Classifier = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_CLASSIFY])]
Reader = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_READ])]


@direct.post("/classify", response_model=ClassifyOut, responses=problems(NotFound, ValidationFailed))
async def classify(body: ClassifyIn, ctx: Classifier) -> Response:
    """Read a customer's text: class, issue, severity, urgency and kind, with evidence; and who would handle it."""
    return response_of(await complaints.classify_complaint(ctx, body))


@router.get("/agreement", responses=problems(NotFound, ValidationFailed))
async def agreement(wanted: Annotated[AgreementFilter, Query()], ctx: Reader) -> Agreement:
    """Say how often staff confirmed what the machine had read, field by field, by month, line and model."""
    return await feedback.read_agreement(ctx, wanted)
