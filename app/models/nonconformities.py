"""不合格品审理: goods that do not conform, what becomes of them, and the complaints and CAPA they belong to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Sequence, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.nonconformities import DefectSeverity, NonconformitySource, NonconformityStatus

# Six digits in the number a person reads; the local date before them keeps numbers apart when they start again.
NONCONFORMITY_NUMBER = Sequence(
    "nonconformity_number", minvalue=1, maxvalue=999_999, cycle=True, metadata=Base.metadata
)


class Nonconformity(Base):
    """Goods of one batch with one defect, under the edition in force when they were recorded.

    `rounds` hold what was disposed, corrected and found on looking again; only the last is still written to. `reviews`,
    `decisions` and `history` grow, and are never rewritten. `quantity_open` is what the present round is about.
    """

    __tablename__ = "nonconformity"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("quantity_open BETWEEN 0 AND quantity", name="quantity_open_within"),
        Index("ix_nonconformity_line_recorded", "business_line_id", text("recorded_at DESC"), text("id DESC")),
        Index("ix_nonconformity_capa", "capa_id", postgresql_where=text("capa_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer)
    events_emitted: Mapped[int] = mapped_column(Integer)
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    status: Mapped[NonconformityStatus] = mapped_column(worded(NonconformityStatus))
    round: Mapped[int] = mapped_column(SmallInteger)
    source: Mapped[NonconformitySource] = mapped_column(worded(NonconformitySource))
    product: Mapped[str | None] = mapped_column(String(100))
    model: Mapped[str | None] = mapped_column(String(100))
    batch: Mapped[str | None] = mapped_column(String(100))
    quantity: Mapped[int] = mapped_column(Integer)
    quantity_open: Mapped[int] = mapped_column(Integer)
    unit: Mapped[str | None] = mapped_column(String(100))
    severity: Mapped[DefectSeverity] = mapped_column(worded(DefectSeverity))
    defect: Mapped[str] = mapped_column(Text)
    inspection_id: Mapped[UUID | None] = mapped_column(ForeignKey("inspection.id"))
    capa_id: Mapped[UUID | None] = mapped_column(ForeignKey("capa.id"))
    reviews: Mapped[list[dict[str, Any]]]
    rounds: Mapped[list[dict[str, Any]]]
    decisions: Mapped[list[dict[str, Any]]]
    history: Mapped[list[dict[str, Any]]]
    recorded_by: Mapped[str] = mapped_column(String(32))
    recorded_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class NonconformityTicket(Base):
    """A ticket that is about such goods."""

    __tablename__ = "nonconformity_ticket"
    __table_args__ = (Index("ix_nonconformity_ticket_ticket", "ticket_id"),)

    nonconformity_id: Mapped[UUID] = mapped_column(ForeignKey("nonconformity.id"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    business_line_id: Mapped[UUID]
