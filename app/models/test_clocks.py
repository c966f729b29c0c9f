"""测试时钟: the time that the tickets bound to it live by, for integrators who test against a sandbox."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class TestClock(Base):
    """It stands at `now` until it is advanced, and never goes back."""

    __tablename__ = "test_clock"
    __table_args__ = (Index("ix_test_clock_line", "business_line_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    name: Mapped[str | None] = mapped_column(String(100))
    now: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]  # by the real clock
