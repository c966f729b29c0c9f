"""What is promised, and what is late."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import CursorFilterMismatch, InvalidCursor, NotFound, ValidationFailed
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import context
from app.schemas.lists import HandlingFilter, OverdueFilter, PerformanceFilter
from app.schemas.sla import HandlingTimes, OverdueList, Performance, PreviewIn, PreviewOut
from app.services import sla, sla_performance
from app.services.context import Context
from app.services.handling_times import read_handling_times
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/sla", tags=["sla"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.SLA_READ])]


@router.post("/preview", responses=problems(NotFound, ValidationFailed))
async def preview(body: PreviewIn, ctx: Reader) -> PreviewOut:
    """Say what a ticket with these facts would be promised, by which clauses and counted how. Nothing is stored."""
    return await sla.preview_sla(ctx, body)


@router.get("/performance", responses=problems(NotFound, ValidationFailed))
async def performance(wanted: Annotated[PerformanceFilter, Query()], ctx: Reader) -> Performance:
    """Say how the promises of time were kept: met, breached and paused, by milestone and group."""
    return await sla_performance.read_performance(ctx, wanted)


@router.get("/handling-times", responses=problems(NotFound, ValidationFailed))
async def handling_times(wanted: Annotated[HandlingFilter, Query()], ctx: Reader) -> HandlingTimes:
    """Say how long tickets stayed in each stage, with each department or person."""
    return await read_handling_times(ctx, wanted)


@router.get(
    "/overdue",
    response_model=OverdueList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def overdue(wanted: Annotated[OverdueFilter, Query()], ctx: Reader) -> Response:
    """List running commitments that are late, or due within `within_seconds`; the most pressing first."""
    return response_of(await sla.list_overdue(ctx, wanted))
