"""服务网点: the branches, dealers, agents and service providers through which a company sells and serves."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.service_points import PointKind


class ServicePoint(Base):
    """One point of a line, by number. It is never deleted: tickets name it; it ceases on `active_until`.

    Without regions it sells and does not serve. `regions` are as `region_chain` writes them.
    """

    __tablename__ = "service_point"
    __table_args__ = (
        Index("uq_service_point_line_number", "business_line_id", "number", unique=True),
        Index("ix_service_point_line_created", "business_line_id", text("created_at DESC"), text("id DESC")),
        CheckConstraint("active_until >= active_from", name="active_forward"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[PointKind] = mapped_column(worded(PointKind))
    regions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    categories: Mapped[list[str]] = mapped_column(ARRAY(Text))  # of goods; none: all
    ticket_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))  # none: all
    department: Mapped[str | None] = mapped_column(String(40))  # that it answers to
    contact: Mapped[str | None] = mapped_column(String(100))  # as published, of the point and not of a person
    active_from: Mapped[date] = mapped_column(Date)
    active_until: Mapped[date | None] = mapped_column(Date)  # its last day
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
