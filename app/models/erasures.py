"""个人信息删除: which person was erased, known by keyed hash alone, on which ground, and how much it was."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.erasures import ErasureGround, ErasureState


class Erasure(Base):
    """One person of one line. What was recorded of them after `accepted_at` is not touched.

    `person_hashes` are keyed hashes of every way the person is known by, under every key of the ring when the erasure
    was accepted: enough to find their rows again after a restore, and nothing that leads to them otherwise.
    """

    __tablename__ = "erasure"
    __table_args__ = (
        Index("ix_erasure_line_accepted", "business_line_id", text("accepted_at DESC"), text("id DESC")),
        Index("ix_erasure_unfinished", "accepted_at", postgresql_where=text("completed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    state: Mapped[ErasureState] = mapped_column(worded(ErasureState))
    ground: Mapped[ErasureGround] = mapped_column(worded(ErasureGround))
    reference: Mapped[str | None] = mapped_column(String(200))  # the caller's own number of the request
    person_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    counts: Mapped[dict[str, Any]]  # rows by what they were
    purchases_kept: Mapped[int] = mapped_column(Integer)
    kept_until: Mapped[date | None] = mapped_column(Date)  # the last of them
    key_id: Mapped[UUID]
    staff_no: Mapped[str | None] = mapped_column(String(32))
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    accepted_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
