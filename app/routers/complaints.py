"""Complaints: what a text is about."""

from typing import Annotated

from fastapi import APIRouter, Security

from app.core.errors import NotFound, ValidationFailed
from app.core.http import StrictRoute, problems
from app.routers.context import context
from app.schemas.complaints import ClassifyIn, ClassifyOut
from app.services import complaints
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/complaints", tags=["complaints"], route_class=StrictRoute)
Classifier = Annotated[Context, Security(context, scopes=[Scope.COMPLAINTS_CLASSIFY])]


@router.post("/classify", responses=problems(NotFound, ValidationFailed))
async def classify(body: ClassifyIn, ctx: Classifier) -> ClassifyOut:
    """Read a customer's text: class, issue, severity, urgency and kind, with evidence; and who would handle it."""
    return await complaints.classify_complaint(ctx, body)
