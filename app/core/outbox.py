"""Events as rows: written with the change, given their place in the feed after it is committed.

Sequence numbers are handed out before a transaction commits, so a reader that goes by them misses whatever commits
late. A sealer therefore numbers events once they are visible; the feed shows sealed events only.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Sequence, String, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

SEALED_AT_ONCE: Final = 1000
EVENT_POSITION = Sequence("event_position", metadata=Base.metadata)


class Event(Base):
    """One announced change. `sequence` counts the events of one subject, without a gap."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_unsealed", "event_no", postgresql_where=text("position IS NULL")),
        Index("uq_event_position", "position", unique=True),
        Index("ix_event_business_line_position", "business_line_id", "position"),
        Index("uq_event_subject_sequence", "subject", "sequence", unique=True),
        Index("ix_event_occurred_at", "occurred_at", postgresql_using="brin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    position: Mapped[int | None] = mapped_column(BigInteger)
    business_line_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(80))
    sequence: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str | None] = mapped_column(String(64))
    occurred_at: Mapped[datetime]


_ONE_SEALER = text("SELECT pg_try_advisory_xact_lock(hashtext('aftersales.event.sealer'))")
_SEAL = text("""
    UPDATE event SET position = sealed.position
    FROM (SELECT id, nextval('event_position') AS position
          FROM (SELECT id FROM event WHERE position IS NULL ORDER BY event_no LIMIT :limit) AS unsealed) AS sealed
    WHERE event.id = sealed.id
    RETURNING event.id
""")


async def seal_events(session: AsyncSession, *, limit: int = SEALED_AT_ONCE) -> int:
    """Give committed events their place in the feed; return how many. One sealer works at a time.

    Two events of one subject are written under the subject's row lock, so their numbers, and with them their places,
    are in the order of the changes.
    """
    if not await session.scalar(_ONE_SEALER):
        return 0
    return len((await session.execute(_SEAL, {"limit": limit})).all())
