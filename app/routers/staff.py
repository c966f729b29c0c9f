"""Staff who can be given matters, and the departments' queues."""

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
from app.schemas.lists import QueueFilter, StaffFilter
from app.schemas.staff import AvailabilityIn, Queues, StaffIn, StaffList, StaffOut, StaffPatch
from app.services import queues, staff
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1", tags=["staff"], route_class=StrictRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.STAFF_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.STAFF_WRITE])]


@router.post(
    "/staff", status_code=201, response_model=StaffOut, responses=problems(NotFound, staff.StaffExists, *RETRY)
)
async def add_staff(body: StaffIn, ctx: Writer) -> Response:
    """Register a staff member: from then on waiting tickets of the departments are given to them, up to `capacity`."""
    return response_of(await staff.add_staff(ctx, body))


@router.get(
    "/staff",
    response_model=StaffList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_staff(wanted: Annotated[StaffFilter, Query()], ctx: Reader) -> Response:
    """List staff members with the tickets they have open."""
    return response_of(await staff.list_staff(ctx, wanted))


@router.get("/staff/{member}", response_model=StaffOut, responses=problems(NotFound))
async def get_staff(member: str, ctx: Reader) -> Response:
    """Read a staff member."""
    return response_of(await staff.get_staff(ctx, member))


@router.patch(
    "/staff/{member}",
    response_model=StaffOut,
    responses=problems(NotFound, IfMatchRequired, VersionMismatch, *RETRY),
)
async def change_staff(member: str, body: StaffPatch, ctx: Writer) -> Response:
    """Change departments, skills, capacity or availability (JSON merge patch, `If-Match` required)."""
    return response_of(await staff.change_staff(ctx, member, body))


@router.post(
    "/staff/{member}/availability", response_model=StaffOut, responses=problems(NotFound, VersionMismatch, *RETRY)
)
async def set_availability(member: str, body: AvailabilityIn, ctx: Writer) -> Response:
    """Say that a staff member has come or gone. What they have open stays with them."""
    return response_of(await staff.change_staff(ctx, member, body))


@router.get("/queues", responses=problems(NotFound, ValidationFailed))
async def list_queues(wanted: Annotated[QueueFilter, Query()], ctx: Reader) -> Queues:
    """Say what waits in each department for somebody to take it, and who is there."""
    return await queues.list_queues(ctx, wanted)
