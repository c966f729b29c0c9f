"""人员: who of a company can be given matters."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class StaffMember(Base):
    """A staff member by number, with departments and skills. Names stay with the CRM."""

    __tablename__ = "staff_member"
    __table_args__ = (
        Index("uq_staff_member_line_staff_no", "business_line_id", "staff_no", unique=True),
        CheckConstraint("capacity > 0", name="capacity_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    staff_no: Mapped[str] = mapped_column(String(32))
    departments: Mapped[list[str]] = mapped_column(ARRAY(Text))
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    capacity: Mapped[int] = mapped_column(SmallInteger)  # open matters at a time
    available: Mapped[bool] = mapped_column(Boolean)
    last_assigned_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
