"""附件: files bound to a ticket, and the blobs they are kept in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.core.media.formats import Format
from app.services.rules.attachments import AttachmentKind, ScanState


class StoredBlob(Base):
    """A blob that was, or is about to be, written: noted before it is, so that none is ever lost sight of."""

    __tablename__ = "stored_blob"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    noted_at: Mapped[datetime] = mapped_column(index=True)


class Attachment(Base):
    """One file. What was removed, or found harmful, keeps its row and loses blob and name."""

    __tablename__ = "attachment"
    __table_args__ = (
        CheckConstraint("(removed_at IS NULL) = (blob IS NOT NULL)", name="kept_or_removed"),
        Index("ix_attachment_ticket", "ticket_id", "attached_at"),
        Index("uq_attachment_blob", "blob", unique=True),
        Index("ix_attachment_scan_due", "scan_due_at", postgresql_where=text("scan = 'pending' AND blob IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    about: Mapped[str | None] = mapped_column(String(40))  # the id of what else of the ticket it belongs to
    kind: Mapped[AttachmentKind] = mapped_column(worded(AttachmentKind))
    format: Mapped[Format] = mapped_column(worded(Format, 8))
    size_bytes: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)  # of what is kept
    sent_sha256: Mapped[bytes] = mapped_column(LargeBinary)  # of what was sent
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # people name files after people
    blob: Mapped[str | None] = mapped_column(ForeignKey("stored_blob.name"))
    scan: Mapped[ScanState] = mapped_column(worded(ScanState, 16))
    scan_due_at: Mapped[datetime]
    attached_by: Mapped[str | None] = mapped_column(String(32))
    attached_at: Mapped[datetime]
    removed_by: Mapped[str | None] = mapped_column(String(32))
    removed_at: Mapped[datetime | None]
    removal_reason: Mapped[str | None] = mapped_column(Text)
