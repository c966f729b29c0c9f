"""Handing a file out: to those who may see people in full, on record, and in a form no browser runs."""

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from app.core.blobs import BlobMissing
from app.core.ids import id_text
from app.core.media.formats import MEDIA_TYPES
from app.core.personal import Tier
from app.models.attachments import Attachment
from app.services.access_log import log_texts
from app.services.attachments.attaching import name_of
from app.services.attachments.loading import find_attachment
from app.services.attachments.refusals import AttachmentNotFound, AttachmentNotScanned, ContentNotShown
from app.services.context import Context
from app.services.rules.attachments import DOWNLOADABLE
from app.services.tickets.loading import find_ticket


@dataclass(frozen=True, slots=True)
class Content:
    """A file on its way out: its parts are read as they are sent."""

    headers: Mapping[str, str]
    parts: AsyncIterator[bytes]


async def hand_out(ctx: Context, reference: str, attachment: str) -> Content:
    """Open an attachment for reading.

    Raises: TicketNotFound, AttachmentNotFound, ContentNotShown, AttachmentNotScanned, FilesUnavailable.
    """
    async with ctx.db.begin() as session:
        ticket = await find_ticket(session, ctx, reference)
        row, blob = await find_attachment(session, ticket, attachment)
        if ctx.caller.tier is not Tier.SENSITIVE:
            raise ContentNotShown
        if row.scan not in DOWNLOADABLE:
            raise AttachmentNotScanned(row.scan)
        log_texts(session, ctx, ticket, id_text("att", row.id))
    try:
        parts = await ctx.kit.blobs.read(blob)
    except BlobMissing:  # removed a moment ago
        raise AttachmentNotFound from None
    return Content(_headers(ctx, row), parts)


def _headers(ctx: Context, row: Attachment) -> dict[str, str]:
    plain = f"{id_text('att', row.id)}.{row.format}"
    name = quote(name_of(ctx, row) or plain, safe="")
    return {
        "content-type": MEDIA_TYPES[row.format],
        "content-length": str(row.size_bytes),
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{name}",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
        "repr-digest": f"sha-256=:{base64.b64encode(row.sha256).decode()}:",
    }
