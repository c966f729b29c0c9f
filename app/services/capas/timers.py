"""Warnings before the date of an action or a check, its passing, and escalation: each once for each date promised.

The thresholds are those of the edition's service levels, counted round the clock from when the date was given. As with
tickets a worker locks CAPAs that nobody else has, and effect and timer are one transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import database_now
from app.core.ids import id_text
from app.core.metrics import TIMERS_FIRED
from app.core.outbox import Event
from app.models.capas import Capa, CapaTask
from app.schemas.fields import instant_text
from app.services.capas.records import event_values, set_timer
from app.services.directory import Known
from app.services.notices.telling import News, tell
from app.services.policy_book import Policy
from app.services.rules.classification import Kind
from app.services.rules.notices import Told, handler_role_of, told_of
from app.services.rules.thresholds import Threshold, ThresholdKind, thresholds_of
from app.services.timers import MOST_TRIES, set_back

_TYPES = {
    ThresholdKind.WARNING: "capa.action_due",
    ThresholdKind.BREACH: "capa.action_overdue",
    ThresholdKind.ESCALATION: "capa.action_escalated",
}


@dataclass(frozen=True, slots=True)
class _Firing:
    """One threshold that is due on one task."""

    capa: Capa
    task: CapaTask
    policy: Policy
    threshold: Threshold
    due_at: datetime  # of the threshold


async def fire_due_tasks(session: AsyncSession, known: Known, *, now: datetime | None = None, limit: int = 200) -> int:
    """Fire what is due on up to `limit` tasks; return how many thresholds fired.

    `now` is the database's clock unless a test sets it. The very instant of a deadline is still in time.
    """
    at = now or await database_now(session)
    capas = await _claim(session, at, limit)
    if not capas:
        return 0
    tasks = await session.scalars(
        select(CapaTask).where(CapaTask.capa_id.in_(capas), CapaTask.next_fire_at < at).order_by(CapaTask.id)
    )
    firings = [firing for task in tasks for firing in _attempt(capas[task.capa_id], task, known, at)]
    firings.sort(key=lambda firing: (firing.due_at, firing.task.id, firing.threshold.percent))
    await _announce(session, firings, at)
    return len(firings)


async def _claim(session: AsyncSession, at: datetime, limit: int) -> dict[UUID, Capa]:
    """Lock the CAPAs with the most pressing timers that no other worker holds."""
    due = select(CapaTask.capa_id).where(CapaTask.next_fire_at < at).order_by(CapaTask.next_fire_at).limit(limit)
    locked = await session.scalars(select(Capa).where(Capa.id.in_(due)).with_for_update(skip_locked=True))
    return {capa.id: capa for capa in locked}


def _attempt(capa: Capa, task: CapaTask, known: Known, at: datetime) -> list[_Firing]:
    """Fire one task's thresholds; one that cannot be fired is tried three times, then set aside."""
    fired_before = task.thresholds_fired
    try:
        firings = list(_fire(capa, task, known.edition(capa.policy_name, capa.policy_version), at))
    except Exception as error:  # whatever it is, it is that row's: the others are due all the same
        task.thresholds_fired = fired_before
        set_back(task, at, error)
        return []
    task.firing_failures = 0
    return firings


def _fire(capa: Capa, task: CapaTask, policy: Policy, at: datetime) -> Iterator[_Firing]:
    """Yield every threshold of a task that is due, in order, and move its timer on.

    A timer that failed was put off, so what is due when is reckoned again first.
    """
    thresholds = thresholds_of(policy.edition.sla)
    set_timer(task, policy)
    while task.next_fire_at is not None and task.next_fire_at < at:
        threshold, due_at = thresholds[task.thresholds_fired], task.next_fire_at
        task.thresholds_fired += 1
        set_timer(task, policy)
        yield _Firing(capa, task, policy, threshold, due_at)


async def _announce(session: AsyncSession, firings: Sequence[_Firing], at: datetime) -> None:
    events, news = [], []
    for firing in firings:
        kind, edition = firing.threshold.kind, firing.policy.edition
        told = told_of(edition, kind, firing.threshold.level, handler_role_of(Kind.COMPLAINT, edition))
        data = _data(firing, told, at)
        events.append(event_values(firing.capa, _TYPES[kind], at=at, request_id=None, **data))
        news.append(News(firing.capa, _TYPES[kind], told, data, at, firing.task.id))
        TIMERS_FIRED.labels(kind).inc()
    await session.flush()
    if events:
        await session.execute(insert(Event), events)
        await tell(session, news)


def _data(firing: _Firing, told: Sequence[Told], at: datetime) -> dict[str, Any]:
    task, threshold = firing.task, firing.threshold
    return {
        "task_id": id_text("act", task.id),
        "kind": task.kind,
        "percent": threshold.percent,
        "level": threshold.level,
        "told": [{"role": whom.role, "channel": whom.channel} for whom in told],
        "owner_staff_no": task.owner_staff_no,
        "department": task.department,
        "due_on": task.due_on.isoformat(),
        "due_at": instant_text(task.due_at),
        "late_by_seconds": max(int((at - firing.due_at).total_seconds()), 0),
    }


# What was done or dropped meanwhile has no timer that could be missed.
_SET_ASIDE = (
    CapaTask.firing_failures >= MOST_TRIES,
    CapaTask.next_fire_at.is_(None),
    CapaTask.done_at.is_(None),
    CapaTask.dropped_at.is_(None),
)


async def stuck_tasks(session: AsyncSession, *, limit: int = 100) -> Sequence[tuple[str, CapaTask]]:
    """Return the tasks whose timer was set aside, with their CAPA's number, the latest first."""
    found = await session.execute(
        select(Capa.number, CapaTask)
        .join(Capa, Capa.id == CapaTask.capa_id)
        .where(*_SET_ASIDE)
        .order_by(CapaTask.due_at.desc())
        .limit(limit)
    )
    return [(number, task) for number, task in found]


async def retry_tasks(session: AsyncSession) -> int:
    """Give every timer that was set aside three tries more; return how many there are."""
    stuck = (await session.scalars(select(CapaTask).where(*_SET_ASIDE))).all()
    for task in stuck:
        task.firing_failures, task.next_fire_at = 0, task.planned_at  # looked at now; firing says what is due
    return len(stuck)
