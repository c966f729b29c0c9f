"""质量预警: a batch or a model whose rate of quality complaints has risen, and how far a worker has looked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class QualityAlert(Base):
    """One alarm about a model, or about a batch of one. There is one open alert a subject at most."""

    __tablename__ = "quality_alert"
    __table_args__ = (
        Index("ix_quality_alert_line_raised", "business_line_id", text("raised_at DESC"), text("id DESC")),
        Index(
            "uq_quality_alert_open", "business_line_id", text("coalesce(model, '')"), text("coalesce(batch, '')"),
            unique=True, postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    model: Mapped[str | None] = mapped_column(String(100))
    batch: Mapped[str | None] = mapped_column(String(100))
    raised_at: Mapped[datetime]
    since: Mapped[datetime]  # from when on the rate has been higher
    complaints_before: Mapped[int] = mapped_column(Integer)
    complaints_after: Mapped[int] = mapped_column(Integer)
    rate_before: Mapped[float] = mapped_column(Float)  # complaints a day
    rate_after: Mapped[float] = mapped_column(Float)
    evidence: Mapped[float] = mapped_column(Float)
    false_alarm_rate: Mapped[float] = mapped_column(Float)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(32))
    conclusion: Mapped[str | None] = mapped_column(Text)


class QualityWatch(Base):
    """Up to when a worker has looked at a line's complaints."""

    __tablename__ = "quality_watch"

    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"), primary_key=True)
    seen_until: Mapped[datetime]
