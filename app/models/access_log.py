"""Who saw which personal data, when: one row a look, written in the transaction that reads (004 5.2)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class AccessLog(Base):
    """The fields are named, their values never."""

    __tablename__ = "access_log"
    __table_args__ = (
        Index("ix_access_log_line_at", "business_line_id", "at"),
        Index("ix_access_log_purpose", "subject", postgresql_where=text("purpose IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    key_id: Mapped[UUID]
    staff_no: Mapped[str | None] = mapped_column(String(32))  # who was at work, where the caller said so
    subject: Mapped[str] = mapped_column(String(80))
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    purpose: Mapped[str | None] = mapped_column(String(200))  # of a reveal; the key's own reads have none
    request_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
