"""What a worker does to the tables from time to time; each in a transaction of its own."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core.db import Database, database_now
from app.core.heartbeat import beat, forget_silent
from app.core.idempotency import purge_expired
from app.core.ids import id_text
from app.core.limits import forget_counts
from app.core.outbox import seal_events
from app.services.audit.sealing import seal_audit
from app.services.capas.timers import fire_due_tasks, retry_tasks, stuck_tasks
from app.services.complaint_reports.due_measures import announce_due
from app.services.directory import Known
from app.services.holidays import follow_holidays
from app.services.progress import tell_due
from app.services.quality_watch import watch_line
from app.services.queues import drain
from app.services.return_requests.timers import fire_due_deadlines, retry_deadlines, stuck_deadlines
from app.services.search_index import index_pending
from app.services.surveys.counting import fold_changes
from app.services.surveys.inviting import send_due
from app.services.test_clocks import finish_advances
from app.services.timers import fire_due, retry_stuck, stuck_timers
from app.services.webhooks import fanning, tidying


async def seal(db: Database) -> int:
    """Give committed events their place in the feed; return how many got one."""
    async with db.begin() as session:
        return await seal_events(session)


async def seal_audit_trail(db: Database) -> int:
    """Give committed audit rows their place in the chain of their line; return how many got one."""
    async with db.begin() as session:
        return await seal_audit(session)


async def fire(db: Database, known: Known, now: datetime | None = None) -> int:
    """Fire a batch of timers that are due, by the database's clock unless a test sets it; return how many fired."""
    async with db.begin() as session:
        return await fire_due(session, known, now=now)


async def fire_tasks(db: Database, known: Known, now: datetime | None = None) -> int:
    """Fire a batch of timers of CAPAs that are due, by the same clock; return how many fired."""
    async with db.begin() as session:
        return await fire_due_tasks(session, known, now=now)


async def fire_deadlines(db: Database, known: Known, now: datetime | None = None) -> int:
    """Fire a batch of timers of return requests that are due, by the same clock; return how many fired."""
    async with db.begin() as session:
        return await fire_due_deadlines(session, known, now=now)


async def watch_quality(db: Database, known: Known, now: datetime | None = None) -> int:
    """Look at every line's new complaints for a rate that has risen; return how many alerts were raised."""
    raised = 0
    for line in known.by_id:
        async with db.begin() as session:
            raised += await watch_line(session, line, now or await database_now(session))
    return raised


async def announce_measures(db: Database, known: Known, now: datetime | None = None) -> int:
    """Announce a batch of measures of handling reports that are due or late; return how many announcements it took."""
    async with db.begin() as session:
        return await announce_due(session, known, now or await database_now(session))


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


async def add_up_satisfaction(db: Database) -> int:
    """Add a batch of changed surveys to the figures of their days; return how many changes there were."""
    async with db.begin() as session:
        return await fold_changes(session)


async def tell_progress(db: Database, known: Known, now: datetime | None = None) -> int:
    """Tell a batch of customers how their matters stand; return how many tickets were looked at."""
    async with db.begin() as session:
        return await tell_due(session, known, now or await database_now(session))


async def recount(db: Database, known: Known, now: datetime | None = None) -> int:
    """Count a batch of deadlines again that a change of holidays touches; return how many tickets were looked at."""
    async with db.begin() as session:
        return await follow_holidays(session, known, now=now)


async def finish_test_clocks(db: Database, known: Known) -> int:
    """Fire what is due on tickets that live by a test clock; return how many timers fired."""
    async with db.begin() as session:
        return await finish_advances(session, known)


async def fan_out(db: Database, now: datetime | None = None) -> int:
    """Make the webhook deliveries of events that were sealed since; return how many endpoints moved on."""
    async with db.begin() as session:
        return await fanning.fan_out(session, now=now)


async def tidy_webhooks(db: Database, now: datetime | None = None) -> int:
    """Give up and forget a batch of webhook deliveries, and set their gauges; return how many there were."""
    async with db.begin() as session:
        await tidying.measure(session)
        return await tidying.give_up(session) + await tidying.forget(session, now or await database_now(session))


async def index(db: Database) -> int:
    """Make new descriptions searchable; return how many were."""
    async with db.begin() as session:
        return await index_pending(session)


async def purge(db: Database, now: datetime | None = None) -> int:
    """Delete a batch of what is kept for a time only, by the database's clock unless a test sets it; say how much."""
    async with db.begin() as session:
        now = now or await database_now(session)
        await forget_silent(session, now)
        await forget_counts(session, now)
        return await purge_expired(session, now=now)


async def show_life(db: Database, worker_id: UUID) -> None:
    """Let every process know that this worker is at work."""
    async with db.begin() as session:
        await beat(session, worker_id, await database_now(session))


@dataclass(frozen=True, slots=True)
class StuckTimer:
    """A timer that was set aside: of which ticket, CAPA or return request, of what there, and what that was due for."""

    number: str
    id: str
    what: str
    due_at: datetime


async def list_stuck(db: Database) -> list[StuckTimer]:
    """Return the timers that were set aside."""
    async with db.begin() as session:
        commitments, tasks = await stuck_timers(session), await stuck_tasks(session)
        deadlines = await stuck_deadlines(session)
    return [
        *(StuckTimer(number, id_text("cmt", row.id), row.milestone, row.due_at) for number, row in commitments),
        *(StuckTimer(number, id_text("act", task.id), task.kind, task.due_at) for number, task in tasks),
        *(StuckTimer(number, id_text("rdl", row.id), row.kind, row.due_at) for number, row in deadlines),
    ]


async def try_stuck_again(db: Database) -> int:
    """Give every timer that was set aside three tries more; return how many there are."""
    async with db.begin() as session:
        return await retry_stuck(session) + await retry_tasks(session) + await retry_deadlines(session)
