"""The chain over the audit records: which rows await their seal, and the seals."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class AuditPending(Base):
    """A row to be sealed: written by a trigger in the row's own transaction, deleted in that of its seal."""

    __tablename__ = "audit_pending"

    pending_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    business_line_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(20))  # the row's table, or `erasure` of its text
    row_id: Mapped[UUID]


class AuditSeal(Base):
    """One link of a business line's chain. Never changed, but that an erasure takes the salt."""

    __tablename__ = "audit_seal"
    __table_args__ = (Index("uq_audit_seal_row", "row_id", "kind", unique=True),)

    business_line_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(20))
    row_id: Mapped[UUID]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)  # None if the row was gone before it was sealed
    text_digest: Mapped[bytes | None] = mapped_column(LargeBinary)  # of what an erasure may remove, with the salt
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
    chain: Mapped[bytes] = mapped_column(LargeBinary)
