"""What a worker does to the tables from time to time; each in a transaction of its own."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.db import Database, database_now
from app.core.heartbeat import beat, forget_silent
from app.core.idempotency import purge_expired
from app.core.outbox import seal_events
from app.models.tickets import TicketCommitment
from app.services.directory import Known
from app.services.holidays import follow_holidays
from app.services.quality_watch import watch_line
from app.services.queues import drain
from app.services.search_index import index_pending
from app.services.surveys.inviting import send_due
from app.services.test_clocks import finish_advances
from app.services.timers import fire_due, retry_stuck, stuck_timers


async def seal(db: Database) -> int:
    """Give committed events their place in the feed; return how many got one."""
    async with db.begin() as session:
        return await seal_events(session)


async def fire(db: Database, known: Known, now: datetime | None = None) -> int:
    """Fire a batch of timers that are due, by the database's clock unless a test sets it; return how many fired."""
    async with db.begin() as session:
        return await fire_due(session, known, now=now)


async def watch_quality(db: Database, known: Known, now: datetime | None = None) -> int:
    """Look at every line's new complaints for a rate that has risen; return how many alerts were raised."""
    raised = 0
    for line in known.by_id:
        async with db.begin() as session:
            raised += await watch_line(session, line, now or await database_now(session))
    return raised


async def drain_queues(db: Database, known: Known, now: datetime | None = None) -> int:
    """Give waiting tickets to staff who are free; return how many were given out."""
    given = 0
    for line in known.by_id:
        async with db.begin() as session:
            given += await drain(session, known, line, now or await database_now(session))
    return given


async def send_surveys(db: Database, known: Known, now: datetime | None = None) -> int:
    """Invite and remind the customers whose time has come; return how many surveys were looked at."""
    async with db.begin() as session:
        return await send_due(session, known, now or await database_now(session))


async def recount(db: Database, known: Known, now: datetime | None = None) -> int:
    """Count a batch of deadlines again that a change of holidays touches; return how many tickets were looked at."""
    async with db.begin() as session:
        return await follow_holidays(session, known, now=now)


async def finish_test_clocks(db: Database, known: Known) -> int:
    """Fire what is due on tickets that live by a test clock; return how many timers fired."""
    async with db.begin() as session:
        return await finish_advances(session, known)


async def index(db: Database) -> int:
    """Make new descriptions searchable; return how many were."""
    async with db.begin() as session:
        return await index_pending(session)


async def purge(db: Database, now: datetime | None = None) -> int:
    """Delete a batch of what is kept for a time only, by the database's clock unless a test sets it; say how much."""
    async with db.begin() as session:
        now = now or await database_now(session)
        await forget_silent(session, now)
        return await purge_expired(session, now=now)


async def show_life(db: Database, worker_id: UUID) -> None:
    """Let every process know that this worker is at work."""
    async with db.begin() as session:
        await beat(session, worker_id, await database_now(session))


async def list_stuck(db: Database) -> Sequence[tuple[str, TicketCommitment]]:
    """Return the commitments whose timer was set aside, with their ticket's number."""
    async with db.begin() as session:
        return await stuck_timers(session)


async def try_stuck_again(db: Database) -> int:
    """Give every timer that was set aside three tries more; return how many there are."""
    async with db.begin() as session:
        return await retry_stuck(session)
