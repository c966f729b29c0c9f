"""Files of a ticket: sent as they are, one request each."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, Response, Security
from fastapi.responses import StreamingResponse

from app.core.blobs import FilesUnavailable
from app.core.errors import NotFound
from app.core.http import StreamedRoute, StrictRoute, problems, response_of
from app.core.streaming import Streamed
from app.routers.context import RETRY, context, writing
from app.schemas.attachments import AttachmentIn, AttachmentList, AttachmentOut, RemovalIn
from app.services.attachments import attaching, handing_out
from app.services.attachments.refusals import (
    AttachmentNotScanned,
    ContentNotShown,
    FileTooLarge,
    TooManyAttachments,
    UnsupportedFile,
    UnusableFile,
)
from app.services.context import Context
from app.services.rules.attachments import MOST_BYTES
from app.services.scopes import Scope

FILES: Final = re.compile(r"/v1/tickets/[^/]+/attachments(/[^/]+/content)?")
UPLOADS: Final = Streamed(re.compile(r"/v1/tickets/[^/]+/attachments"), MOST_BYTES, 60.0, FileTooLarge)

router = APIRouter(prefix="/v1/tickets/{ticket}/attachments", tags=["attachments"], route_class=StrictRoute)
sending = APIRouter(prefix="/v1/tickets/{ticket}/attachments", tags=["attachments"], route_class=StreamedRoute)
Reader = Annotated[Context, Security(context, scopes=[Scope.TICKETS_READ])]
Writer = Annotated[Context, Security(writing, scopes=[Scope.TICKETS_WRITE])]
_NAME = Header(alias="Content-Disposition", description="the file's name: `attachment; filename*=UTF-8''…`")
_BYTES = {"schema": {"type": "string", "format": "binary"}}


@sending.post(
    "",
    status_code=201,
    response_model=AttachmentOut,
    responses=problems(
        NotFound, FileTooLarge, UnsupportedFile, UnusableFile, TooManyAttachments, FilesUnavailable, *RETRY
    ),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BYTES}}},
)
async def attach(
    ticket: str,
    asked: Annotated[AttachmentIn, Query()],
    request: Request,
    ctx: Writer,
    content_disposition: Annotated[str | None, _NAME] = None,
) -> Response:
    """Attach a file: the body is the file itself, at most 10 MB; a ticket holds ten.

    Taken are jpg, png, webp, pdf, mp4, m4a, mp3, wav and amr, by name and content. Of images, sound and film place,
    device and other metadata are left out, so `sha256` may differ from `sent_sha256`.
    """
    return response_of(await attaching.attach(ctx, ticket, asked, content_disposition, request.stream()))


@router.get("", responses=problems(NotFound))
async def list_attachments(ticket: str, ctx: Reader) -> AttachmentList:
    """List what is attached to a ticket, the earliest first. Names are for the tier `sensitive`."""
    return await attaching.list_attachments(ctx, ticket)


@router.get(
    "/{attachment}/content",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The file", "content": {"application/octet-stream": _BYTES}},
        **problems(NotFound, ContentNotShown, AttachmentNotScanned, FilesUnavailable),
    },
)
async def download(ticket: str, attachment: str, ctx: Reader) -> Response:
    """Download a file, with a key of the tier `sensitive`; each download is logged.

    What still has to be scanned is not handed out: 409 `attachment_not_scanned`.
    """
    content = await handing_out.hand_out(ctx, ticket, attachment)
    return StreamingResponse(content.parts, headers=dict(content.headers))


@router.post("/{attachment}/remove", response_model=AttachmentOut, responses=problems(NotFound, *RETRY))
async def remove(ticket: str, attachment: str, body: RemovalIn, ctx: Writer) -> Response:
    """Remove a file for good; who did and why stays in the timeline."""
    return response_of(await attaching.remove_attachment(ctx, ticket, attachment, body))
