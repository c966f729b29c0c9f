"""A worker's sign of life, in the database, so that every process can tell whether one is at work."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class WorkerHeartbeat(Base):
    __tablename__ = "worker_heartbeat"

    worker_id: Mapped[UUID] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


async def beat(session: AsyncSession, worker_id: UUID, now: datetime) -> None:
    row = insert(WorkerHeartbeat).values(worker_id=worker_id, seen_at=now)
    await session.execute(row.on_conflict_do_update(index_elements=["worker_id"], set_={"seen_at": now}))


async def last_heartbeat(session: AsyncSession) -> datetime | None:
    """Return when any worker was last seen; None if none ever was."""
    return await session.scalar(select(func.max(WorkerHeartbeat.seen_at)))
