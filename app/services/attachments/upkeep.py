"""What a worker does for attachments: has them scanned, and takes away blobs that nothing has."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.blobs import BlobMissing, Blobs
from app.core.db import Database, database_now
from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.core.scanner import Scanner, ScannerUnavailable
from app.models.attachments import Attachment, StoredBlob
from app.models.tickets import Ticket
from app.services.rules.attachments import ScanState
from app.services.tickets.records import event_values, timeline_row

GRACE = timedelta(hours=1)  # longer than any upload takes
_LEASE = timedelta(minutes=2)
_SWEPT_AT_ONCE = 100
_log = structlog.get_logger("aftersales.attachments")


async def scan_next(db: Database, blobs: Blobs, scanner: Scanner | None, now: datetime | None = None) -> int:
    """Have one waiting file scanned; return how many were.

    A file without a verdict waits two minutes for its next turn and holds up no other.
    """
    if scanner is None:
        return 0
    async with db.begin() as session:
        at = now or await database_now(session)
        waiting = (
            select(Attachment.id)
            .where(Attachment.scan == ScanState.PENDING, Attachment.blob.is_not(None), Attachment.scan_due_at <= at)
            .order_by(Attachment.scan_due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        lease = update(Attachment).where(Attachment.id.in_(waiting)).values(scan_due_at=at + _LEASE)
        row = await session.scalar(lease.returning(Attachment))
    if row is None or row.blob is None:
        return 0
    try:
        clean = await scanner.is_clean(await blobs.read(row.blob))
    except (ScannerUnavailable, BlobMissing) as error:
        _log.warning("not scanned", attachment=id_text("att", row.id), reason=str(error))
        return 1
    await _record(db, row, ScanState.CLEAN if clean else ScanState.INFECTED, now)
    return 1


async def _record(db: Database, scanned: Attachment, verdict: ScanState, now: datetime | None) -> None:
    async with db.begin() as session:
        at = now or await database_now(session)
        ticket = await session.get_one(Ticket, scanned.ticket_id, with_for_update=True)
        row = await session.get_one(Attachment, scanned.id, with_for_update=True)
        if row.scan is not ScanState.PENDING or row.blob is None:
            return
        row.scan = verdict
        if verdict is ScanState.CLEAN:
            return
        row.blob = row.name_sealed = None
        row.removed_at, row.removal_reason = at, "infected"
        data = {"attachment_id": id_text("att", row.id), "kind": row.kind, "scan": verdict}
        request_id = f"scan_{new_id().hex}"
        ticket.version += 1
        ticket.updated_at = at
        session.add(timeline_row(ticket, "attachment_removed", at=at, request_id=request_id, data=data))
        values = event_values(ticket, "ticket.attachment_removed", at=at, request_id=request_id, **data)
        session.add(Event(position=None, **values))


async def sweep_blobs(db: Database, blobs: Blobs, now: datetime | None = None) -> int:
    """Delete blobs that no attachment has an hour after they were noted; return how many."""
    async with db.begin() as session:
        at = now or await database_now(session)
        kept = select(Attachment.blob).where(Attachment.blob == StoredBlob.name).exists()
        stray = select(StoredBlob.name).where(StoredBlob.noted_at < at - GRACE, ~kept)
        names = list(await session.scalars(stray.limit(_SWEPT_AT_ONCE).with_for_update(skip_locked=True)))
        for name in names:
            await blobs.delete(name)
        await session.execute(delete(StoredBlob).where(StoredBlob.name.in_(names)))
    return len(names)


async def blobs_on_file(session: AsyncSession) -> list[str]:
    """Return the names of all blobs that attachments have."""
    return list(await session.scalars(select(Attachment.blob).where(Attachment.blob.is_not(None))))
