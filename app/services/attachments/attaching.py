"""Attaching files to a ticket, listing and removing them."""

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_text, new_id
from app.core.language import Text
from app.core.media.formats import MEDIA_TYPES, format_named
from app.core.personal import Tier
from app.models.attachments import Attachment, StoredBlob
from app.models.tickets import Ticket
from app.schemas.attachments import AttachmentIn, AttachmentList, AttachmentOut, RemovalIn, SentFile
from app.services.access_log import log_texts
from app.services.attachments.loading import attachments_of, check_about, check_place, find_attachment
from app.services.attachments.receiving import Received, file_name, receive
from app.services.attachments.refusals import UnsupportedFile
from app.services.context import Context
from app.services.rules.attachments import EXTENSIONS_OF, AttachmentKind, ScanState
from app.services.tickets.answering import answer_again
from app.services.tickets.loading import find_ticket, load_ticket
from app.services.tickets.records import note_change

NAME_PLACE = "attachment.name_sealed"


async def attach(
    ctx: Context, reference: str, asked: AttachmentIn, disposition: str | None, parts: AsyncIterator[bytes]
) -> Answer:
    """Take a file in and bind it to a ticket.

    The blob is written before the row, and noted before it is written: whatever breaks off in between leaves a note of
    a blob that no row has, which the sweeper takes.
    Raises: TicketNotFound, ValidationFailed, TooManyAttachments, UnsupportedFile, UnusableFile, FilesUnavailable.
    """
    name = file_name(disposition)
    _check_kind(asked.kind, name)
    blob = ctx.kit.blobs.new_name()
    async with ctx.db.begin() as session:
        ticket = await find_ticket(session, ctx, reference)
        if ctx.call.idempotency_key is None:  # a repeat of what took the last place is to get its answer again
            await check_place(session, ticket)
        await check_about(session, ticket, asked.about)
        session.add(StoredBlob(name=blob, noted_at=ctx.kit.clock()))
    received = await receive(ctx.kit.blobs, blob, name, parts)
    body = SentFile(**asked.model_dump(), name=name, sha256=received.sent_sha256.hex())
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        await check_place(unit.session, loaded.ticket)
        row = _attached(ctx, loaded.ticket, asked, received, blob)
        unit.session.add(row)
        data = {
            "attachment_id": id_text("att", row.id), "kind": row.kind, "format": row.format, "about": row.about,
            "size_bytes": row.size_bytes, "sha256": row.sha256.hex(),
        }  # fmt: skip
        note_change(
            ctx, unit.session, loaded.ticket, kind="attached", event="ticket.attachment_added",
            staff_no=asked.staff_no, data=data,
        )  # fmt: skip
        _log(ctx, unit.session, loaded.ticket)
        await unit.session.flush()
        return unit.answer(Answer.of(201, _shown(ctx, row)))


def _check_kind(kind: AttachmentKind, name: str) -> None:
    """Raises: UnsupportedFile, ValidationFailed if it is no file of this kind."""
    format_ = format_named(name)
    if format_ is None:
        raise UnsupportedFile
    taken = EXTENSIONS_OF[kind]
    if format_ not in taken:
        listed = ", ".join(sorted(taken))
        detail = Text(f"{kind} 可用的格式：{listed}", f"For {kind} these are taken: {listed}")
        raise ValidationFailed(errors=[FieldError(("parameter", "kind"), "format_not_of_kind", detail)])


def _attached(ctx: Context, ticket: Ticket, asked: AttachmentIn, received: Received, blob: str) -> Attachment:
    row_id = new_id()
    return Attachment(
        id=row_id,
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        about=asked.about,
        kind=asked.kind,
        format=received.format,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
        sent_sha256=received.sent_sha256,
        name_sealed=ctx.keyring.seal({"name": received.name}, place=NAME_PLACE, row=row_id),
        blob=blob,
        scan=ScanState.PENDING if ctx.kit.scanned else ScanState.NOT_SCANNED,
        scan_due_at=ctx.kit.clock(),
        attached_by=asked.staff_no,
        attached_at=ctx.now,
        removed_by=None,
        removed_at=None,
        removal_reason=None,
    )


async def list_attachments(ctx: Context, reference: str) -> AttachmentList:
    """Raises: TicketNotFound."""
    async with ctx.db.read() as session:
        ticket = await find_ticket(session, ctx, reference)
        rows = await attachments_of(session, ticket.id)
        if rows:
            _log(ctx, session, ticket)
    return AttachmentList(items=[_shown(ctx, row) for row in rows])


async def remove_attachment(ctx: Context, reference: str, attachment: str, body: RemovalIn) -> Answer:
    """Remove a file for good; who did and why stays in the timeline, the content goes with the next sweep.

    Raises: TicketNotFound, AttachmentNotFound.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        ctx, loaded = await load_ticket(unit.session, ctx, reference, lock=True)
        row, _ = await find_attachment(unit.session, loaded.ticket, attachment, lock=True)
        shown = _shown(ctx, row)
        row.blob = row.name_sealed = None
        row.removed_at, row.removed_by, row.removal_reason = ctx.now, body.staff_no, body.reason
        note_change(
            ctx, unit.session, loaded.ticket, kind="attachment_removed", event="ticket.attachment_removed",
            staff_no=body.staff_no, text=body.reason, data={"attachment_id": shown.id, "kind": row.kind},
        )  # fmt: skip
        _log(ctx, unit.session, loaded.ticket)
        await unit.session.flush()
        return unit.answer(Answer.of(200, shown))


def name_of(ctx: Context, row: Attachment) -> str | None:
    """Return a file's name as it was given, for those who may see it."""
    if ctx.caller.tier is not Tier.SENSITIVE or row.name_sealed is None:
        return None
    name: str = ctx.keyring.open(row.name_sealed, place=NAME_PLACE, row=row.id)["name"]
    return name


def _shown(ctx: Context, row: Attachment) -> AttachmentOut:
    return AttachmentOut(
        id=id_text("att", row.id),
        kind=row.kind,
        about=row.about,
        name=name_of(ctx, row),
        format=row.format,
        media_type=MEDIA_TYPES[row.format],
        size_bytes=row.size_bytes,
        sha256=row.sha256.hex(),
        sent_sha256=row.sent_sha256.hex(),
        scan=row.scan,
        attached_by=row.attached_by,
        attached_at=row.attached_at,
    )


def _log(ctx: Context, session: AsyncSession, ticket: Ticket) -> None:
    if ctx.caller.tier is Tier.SENSITIVE:
        log_texts(session, ctx, ticket, "attachment names")
