"""A worker's sign of life, in the database, so that every process can tell whether one is at work."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_FORGOTTEN = timedelta(days=1)


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


async def forget_silent(session: AsyncSession, now: datetime) -> None:
    """Delete the signs of workers that have been silent for a day: each start of one leaves a row."""
    await session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.seen_at < now - _FORGOTTEN))
