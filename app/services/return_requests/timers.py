"""Warnings before a deadline of a return request, its passing, and escalation: each once.

The thresholds are those of the edition's service levels, counted round the clock. As with tickets a worker locks
requests that nobody else has, and effect and timer are one transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import database_now
from app.core.metrics import TIMERS_FIRED
from app.core.outbox import Event
from app.models.return_requests import ReturnDeadline, ReturnRequest
from app.schemas.fields import instant_text
from app.services.directory import Known
from app.services.notices.telling import News, tell
from app.services.policy_book import Policy
from app.services.return_requests.deadlines import set_timer
from app.services.return_requests.records import event_values
from app.services.rules.classification import Kind
from app.services.rules.notices import Told, handler_role_of, told_of
from app.services.rules.thresholds import Threshold, ThresholdKind, thresholds_of
from app.services.timers import MOST_TRIES, set_back

_TYPES = {
    ThresholdKind.WARNING: "return.deadline_due",
    ThresholdKind.BREACH: "return.deadline_overdue",
    ThresholdKind.ESCALATION: "return.deadline_escalated",
}


@dataclass(frozen=True, slots=True)
class _Firing:
    """One threshold that is due on one deadline."""

    request: ReturnRequest
    row: ReturnDeadline
    policy: Policy
    threshold: Threshold
    due_at: datetime  # of the threshold


async def fire_due_deadlines(
    session: AsyncSession, known: Known, *, now: datetime | None = None, limit: int = 200
) -> int:
    """Fire what is due on up to `limit` deadlines; return how many thresholds fired.

    `now` is the database's clock unless a test sets it. The very instant of a deadline is still in time.
    """
    at = now or await database_now(session)
    requests = await _claim(session, at, limit)
    if not requests:
        return 0
    rows = await session.scalars(
        select(ReturnDeadline)
        .where(ReturnDeadline.return_request_id.in_(requests), ReturnDeadline.next_fire_at < at)
        .order_by(ReturnDeadline.id)
    )
    firings = [firing for row in rows for firing in _attempt(requests[row.return_request_id], row, known, at)]
    firings.sort(key=lambda firing: (firing.due_at, firing.row.id, firing.threshold.percent))
    await _announce(session, firings, at)
    return len(firings)


async def _claim(session: AsyncSession, at: datetime, limit: int) -> dict[UUID, ReturnRequest]:
    """Lock the requests with the most pressing timers that no other worker holds."""
    due = (
        select(ReturnDeadline.return_request_id)
        .where(ReturnDeadline.next_fire_at < at)
        .order_by(ReturnDeadline.next_fire_at)
        .limit(limit)
    )
    locked = select(ReturnRequest).where(ReturnRequest.id.in_(due)).with_for_update(skip_locked=True)
    return {request.id: request for request in await session.scalars(locked)}


def _attempt(request: ReturnRequest, row: ReturnDeadline, known: Known, at: datetime) -> list[_Firing]:
    """Fire one deadline's thresholds; one that cannot be fired is tried three times, then set aside."""
    fired_before = row.thresholds_fired
    try:
        firings = list(_fire(request, row, known.edition(request.policy_name, request.policy_version), at))
    except Exception as error:  # whatever it is, it is that row's: the others are due all the same
        row.thresholds_fired = fired_before
        set_back(row, at, error)
        return []
    row.firing_failures = 0
    return firings


def _fire(request: ReturnRequest, row: ReturnDeadline, policy: Policy, at: datetime) -> Iterator[_Firing]:
    """Yield every threshold of a deadline that is due, in order, and move its timer on."""
    thresholds = thresholds_of(policy.edition.sla)
    set_timer(row, policy)
    while row.next_fire_at is not None and row.next_fire_at < at:
        threshold, due_at = thresholds[row.thresholds_fired], row.next_fire_at
        row.thresholds_fired += 1
        set_timer(row, policy)
        yield _Firing(request, row, policy, threshold, due_at)


async def _announce(session: AsyncSession, firings: Sequence[_Firing], at: datetime) -> None:
    events, news = [], []
    for firing in firings:
        request, kind = firing.request, firing.threshold.kind
        edition = firing.policy.edition
        told = told_of(edition, kind, firing.threshold.level, handler_role_of(Kind.RETURN_EXCHANGE, edition))
        data = _data(firing, told, at)
        events.append(event_values(request, _TYPES[kind], at=at, request_id=None, **data))
        news.append(News(request, _TYPES[kind], told, data, at, firing.row.id))
        TIMERS_FIRED.labels(kind).inc()
    await session.flush()
    if events:
        await session.execute(insert(Event), events)
        await tell(session, news)


def _data(firing: _Firing, told: Sequence[Told], at: datetime) -> dict[str, Any]:
    row, threshold = firing.row, firing.threshold
    return {
        "deadline": row.kind,
        "rule": row.rule,
        "percent": threshold.percent,
        "level": threshold.level,
        "told": [{"role": whom.role, "channel": whom.channel} for whom in told],
        "due_on": row.due_on.isoformat(),
        "due_at": instant_text(row.due_at),
        "late_by_seconds": max(int((at - firing.due_at).total_seconds()), 0),
    }


# What was met or dropped meanwhile has no timer that could be missed.
_SET_ASIDE = (
    ReturnDeadline.firing_failures >= MOST_TRIES,
    ReturnDeadline.next_fire_at.is_(None),
    ReturnDeadline.met_at.is_(None),
    ReturnDeadline.dropped_at.is_(None),
)


async def stuck_deadlines(session: AsyncSession, *, limit: int = 100) -> Sequence[tuple[str, ReturnDeadline]]:
    """Return the deadlines whose timer was set aside, with their request's number, the latest first."""
    found = await session.execute(
        select(ReturnRequest.number, ReturnDeadline)
        .join(ReturnRequest, ReturnRequest.id == ReturnDeadline.return_request_id)
        .where(*_SET_ASIDE)
        .order_by(ReturnDeadline.due_at.desc())
        .limit(limit)
    )
    return [(number, row) for number, row in found]


async def retry_deadlines(session: AsyncSession) -> int:
    """Give every timer that was set aside three tries more; return how many there are."""
    stuck = (await session.scalars(select(ReturnDeadline).where(*_SET_ASIDE))).all()
    for row in stuck:
        row.firing_failures, row.next_fire_at = 0, row.started_at  # looked at now; firing says what is due
    return len(stuck)
