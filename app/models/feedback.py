"""What staff said of the machine's reading of a ticket."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ClassificationFeedback(Base):
    """One confirmation or correction. Never changed: a later one of the same ticket is a row of its own.

    `proposed` is what the machine read when the ticket was taken, all fields of it; `confirmed` what staff gave.
    The text stays with the ticket.
    """

    __tablename__ = "classification_feedback"
    __table_args__ = (
        Index("ix_classification_feedback_ticket", "ticket_id", "confirmed_at"),
        Index("ix_classification_feedback_line", "business_line_id", "confirmed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    staff_no: Mapped[str] = mapped_column(String(32))
    model: Mapped[str | None] = mapped_column(String(40))  # the version that proposed; None: nothing did
    proposed: Mapped[dict[str, Any]]
    confirmed: Mapped[dict[str, Any]]
    confirmed_at: Mapped[datetime]
