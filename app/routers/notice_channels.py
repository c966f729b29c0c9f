"""Notice channels: where the notices of a line for a role go."""

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
from app.schemas.fields import EmptyBody
from app.schemas.lists import NoticeChannelFilter
from app.schemas.notice_channels import (
    NoticeChannelIn,
    NoticeChannelList,
    NoticeChannelOut,
    NoticeChannelPatch,
    NoticeTestOut,
)
from app.services.context import Context
from app.services.notices import channels
from app.services.notices.channels import NoticeChannelExists
from app.services.scopes import Scope

router = APIRouter(prefix="/v1/notice-channels", tags=["notices"], route_class=StrictRoute)

Reader = Annotated[Context, Security(context, scopes=[Scope.NOTICES_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.NOTICES_WRITE])]

_VERSIONS = (IfMatchRequired, VersionMismatch)


@router.post(
    "",
    status_code=201,
    response_model=NoticeChannelOut,
    responses=problems(NotFound, NoticeChannelExists, *RETRY),
)
async def create_notice_channel(body: NoticeChannelIn, ctx: Writer) -> Response:
    """Say where notices for these roles go: an email address, or a group robot of DingTalk, WeCom or Feishu.

    A robot's URL must be its vendor's, or one of `AFTERSALES_ROBOT_GATEWAYS`. Neither it nor the secret is shown again.
    """
    return response_of(await channels.create_channel(ctx, body))


@router.get(
    "",
    response_model=NoticeChannelList,
    responses=problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed),
)
async def list_notice_channels(wanted: Annotated[NoticeChannelFilter, Query()], ctx: Reader) -> Response:
    """List the channels of the key's lines, in the order in which they were put in."""
    return response_of(await channels.list_channels(ctx, wanted))


@router.get("/{channel}", response_model=NoticeChannelOut, responses=problems(NotFound))
async def get_notice_channel(channel: str, ctx: Reader) -> Response:
    """Read a channel, its address masked."""
    return response_of(await channels.get_channel(ctx, channel))


@router.patch(
    "/{channel}",
    response_model=NoticeChannelOut,
    responses=problems(NotFound, NoticeChannelExists, *_VERSIONS, *RETRY),
)
async def change_notice_channel(channel: str, body: NoticeChannelPatch, ctx: Writer) -> Response:
    """Change a channel (`If-Match` required). While it is not enabled nothing is sent or newly written for it."""
    return response_of(await channels.change_channel(ctx, channel, body))


@router.delete("/{channel}", status_code=204, response_model=None, responses=problems(NotFound, *_VERSIONS))
async def delete_notice_channel(channel: str, ctx: Writer) -> Response:
    """Take a channel away (`If-Match` required). What waits for it is dropped; its notices stay on record."""
    return response_of(await channels.delete_channel(ctx, channel))


@router.post("/{channel}/test", responses=problems(NotFound, ValidationFailed))
async def try_notice_channel(channel: str, ctx: Writer, body: EmptyBody = EmptyBody()) -> NoticeTestOut:  # noqa: ARG001
    """Send a test notice now and say what the receiving server answered, and what to do if it refuses.

    A refusal is an answer: 200 with `verdict: refused`. Nothing is stored, so a repeat sends again.
    """
    return await channels.try_channel(ctx, channel)
