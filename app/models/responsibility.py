"""检验与责任判定: what an inspection found, and whose fault a matter is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.responsibility import Conclusion, Share


class Inspection(Base):
    """One inspection of what a ticket is about. Never changed."""

    __tablename__ = "inspection"
    __table_args__ = (Index("ix_inspection_ticket", "ticket_id", "inspected_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    sample: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    finding: Mapped[str] = mapped_column(Text)
    conclusion: Mapped[Conclusion] = mapped_column(worded(Conclusion))
    inspected_by: Mapped[str] = mapped_column(String(32))
    department: Mapped[str] = mapped_column(String(40))
    inspected_at: Mapped[datetime]
    attachments: Mapped[list[str]] = mapped_column(ARRAY(Text))
    recorded_at: Mapped[datetime]


class Responsibility(Base):
    """One determination; the one with the highest `revision` holds. Only the sending of its letter is added later.

    `decision`, `duty` and `warnings` are as they were decided then.
    """

    __tablename__ = "responsibility"
    __table_args__ = (Index("uq_responsibility_ticket_revision", "ticket_id", "revision", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    revision: Mapped[int] = mapped_column(SmallInteger)
    share: Mapped[Share] = mapped_column(worded(Share))
    our_percent: Mapped[int | None] = mapped_column(SmallInteger)
    department: Mapped[str | None] = mapped_column(String(40))
    cause: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[list[str]] = mapped_column(ARRAY(Text))
    explanation: Mapped[str | None] = mapped_column(Text)
    next_step: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)  # why an earlier one no longer holds
    decision: Mapped[dict[str, Any]]
    duty: Mapped[dict[str, Any] | None]
    warnings: Mapped[list[dict[str, Any]]]
    determined_by: Mapped[str | None] = mapped_column(String(32))
    determined_at: Mapped[datetime]
    letter_sent_at: Mapped[datetime | None]
    letter_sent_by: Mapped[str | None] = mapped_column(String(32))
    letter_channel: Mapped[str | None] = mapped_column(String(20))
