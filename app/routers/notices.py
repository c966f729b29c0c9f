"""Notices to staff: what became of each."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, Security

from app.core.errors import (
    CursorFilterMismatch,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidCursor,
    NotFound,
    ValidationFailed,
)
from app.core.http import StrictRoute, problems, response_of
from app.routers.context import context, writing
from app.schemas.fields import EmptyBody
from app.schemas.lists import NoticeFilter
from app.schemas.notices import NoticeList, NoticeOut
from app.services.context import Context
from app.services.notices import history
from app.services.notices.history import ChannelGone
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/notices", tags=["notices"], route_class=StrictRoute)

Reader = Annotated[Context, Security(context, scopes=[Scope.NOTICES_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.NOTICES_WRITE])]


@router.get(
    "",
    response_model=NoticeList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_notices(wanted: Annotated[NoticeFilter, Query()], ctx: Reader) -> Response:
    """List notices, the latest first, with what the receiving server said; `state=failed` needs somebody to look."""
    return response_of(await history.list_notices(ctx, wanted))


@router.post(
    "/{notice}/resend",
    response_model=NoticeOut,
    responses=problems(NotFound, ChannelGone, IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed),
)
async def resend_notice(notice: str, ctx: Writer, body: EmptyBody = EmptyBody()) -> Response:
    """Have a notice sent again, whether it failed or was lost on the way; it keeps its reference."""
    return response_of(await history.resend_notice(ctx, notice, body))
