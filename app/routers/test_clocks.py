"""Test clocks. Served in a sandbox only (`AFTERSALES_SANDBOX`)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    CursorFilterMismatch,
    InvalidCursor,
    NotFound,
    ValidationFailed,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import RETRY, context, writing
from app.schemas.lists import TestClockFilter
from app.schemas.test_clocks import AdvancedOut, AdvanceIn, TestClockIn, TestClockList, TestClockOut
from app.services import test_clocks
from app.services.context import Context
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/test-clocks", tags=["test clocks"], route_class=StrictRoute)

Reader = Annotated[Context, Security(context, scopes=[Scope.TICKETS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.TICKETS_WRITE])]


@router.post("", status_code=201, response_model=TestClockOut, responses=problems(NotFound, *RETRY))
async def create_test_clock(body: TestClockIn, ctx: Writer) -> Response:
    """Make a clock that stands at `now` until it is advanced.

    A ticket taken with `test_clock` lives by it: opened, answered, paused and late by the clock's time, never by ours.
    """
    return response_of(await test_clocks.create_clock(ctx, body))


@router.get(
    "",
    response_model=TestClockList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_test_clocks(wanted: Annotated[TestClockFilter, Query()], ctx: Reader) -> Response:
    """List test clocks, the latest first."""
    return response_of(await test_clocks.list_clocks(ctx, wanted))


@router.get("/{test_clock}", responses=problems(NotFound))
async def get_test_clock(test_clock: str, ctx: Reader) -> TestClockOut:
    """Read a test clock."""
    return await test_clocks.get_clock(ctx, test_clock)


@router.post("/{test_clock}/advance", response_model=AdvancedOut, responses=problems(NotFound, *RETRY))
async def advance_test_clock(test_clock: str, body: AdvanceIn, ctx: Writer) -> Response:
    """Move a clock forwards; warnings, breaches and escalations on the way fire in due order before the answer.

    Each bears the time it was due at. Of very many the rest follow within seconds: the clock is `advancing` until then.
    """
    return response_of(await test_clocks.advance_clock(ctx, test_clock, body))
