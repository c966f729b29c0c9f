"""The service network: who sells and who serves where."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    CursorFilterMismatch,
    IfMatchRequired,
    InvalidCursor,
    NotFound,
    ValidationFailed,
    VersionMismatch,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import RETRY, context, writing
from app.schemas.lists import ServicePointFilter
from app.schemas.service_points import ServicePointIn, ServicePointList, ServicePointOut, ServicePointPatch
from app.services import service_points
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/service-points", tags=["service points"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.SERVICE_POINTS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.SERVICE_POINTS_WRITE])]


@router.post(
    "",
    status_code=201,
    response_model=ServicePointOut,
    responses=problems(NotFound, service_points.ServicePointExists, *RETRY),
)
async def add_service_point(body: ServicePointIn, ctx: Writer) -> Response:
    """Put in a branch, dealer, agent or service provider: from then on new tickets name the one that serves them."""
    return response_of(await service_points.add_service_point(ctx, body))


@router.get(
    "",
    response_model=ServicePointList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_service_points(wanted: Annotated[ServicePointFilter, Query()], ctx: Reader) -> Response:
    """List service points, the latest put in first."""
    return response_of(await service_points.list_service_points(ctx, wanted))


@router.get("/{point}", response_model=ServicePointOut, responses=problems(NotFound))
async def get_service_point(point: str, ctx: Reader) -> Response:
    """Read a service point."""
    return response_of(await service_points.get_service_point(ctx, point))


@router.patch(
    "/{point}",
    response_model=ServicePointOut,
    responses=problems(NotFound, IfMatchRequired, VersionMismatch, *RETRY),
)
async def change_service_point(point: str, body: ServicePointPatch, ctx: Writer) -> Response:
    """Change a service point (JSON merge patch, `If-Match` required). It ceases with the last day it is given."""
    return response_of(await service_points.change_service_point(ctx, point, body))
