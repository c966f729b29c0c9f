"""Which holidays the deadlines on record were counted with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import SmallInteger, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class HolidayCalendar(Base):
    """One state of the holidays, for all lines: the one adopted last counts."""

    __tablename__ = "holiday_calendar"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)  # of `days`
    days: Mapped[dict[str, Any]]
    touched: Mapped[list[list[str]]] = mapped_column(JSONB(none_as_null=True))  # the dates it changed, first and last
    adopted_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # when a worker was last at work with it
    passes: Mapped[int] = mapped_column(SmallInteger)  # over the open deadlines, completed
    last_ticket_id: Mapped[UUID | None]  # how far the pass under way has come
