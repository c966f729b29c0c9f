"""Deliveries given out to workers, and their results taken in: few statements for many deliveries.

A worker takes what is due under a lease and sends it outside any transaction. What it does not report, since it was
killed or lost the database, is due again when the lease ends: an event arrives at least once, under one id.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Row, Update, func, literal, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text, new_id
from app.core.metrics import WEBHOOKS_DISABLED
from app.core.outbox import Event
from app.models.webhooks import WebhookEndpoint
from app.services.rules.webhooks import FAILING_DISABLES, GONE, DisabledReason, Outcome, Verdict
from app.services.webhooks.messages import endpoint_subject, trial_event

LEASE_SECONDS = 60.0
_MOST_ATTEMPTS_KEPT = 50
_log = structlog.get_logger("aftersales.webhooks")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this worker's until `lease`."""

    id: UUID
    lease: datetime
    tries: int
    endpoint_id: UUID
    url: str
    secrets_sealed: bytes
    previous_until: datetime | None
    event: Event


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed delivery; without an outcome it was not sent, and is due as before."""

    claimed: Claimed
    outcome: Outcome | None = None
    verdict: Verdict | None = None
    duration_ms: int = 0
    reply: str | None = None


_CLAIM = text("""
    WITH moment AS MATERIALIZED (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS at),
    endpoint AS MATERIALIZED (
        SELECT webhook_endpoint.*, coalesce(known.room, :room) AS room
        FROM webhook_endpoint
        LEFT JOIN unnest(CAST(:known AS uuid[]), CAST(:rooms AS int[])) AS known (id, room) USING (id)
        WHERE disabled_at IS NULL AND deleted_at IS NULL AND coalesce(known.room, :room) > 0),
    chosen AS MATERIALIZED (
        SELECT due.id FROM endpoint CROSS JOIN LATERAL (
            SELECT id FROM webhook_delivery
            WHERE endpoint_id = endpoint.id AND next_attempt_at <= (SELECT at FROM moment)
                AND business_line_id = ANY(endpoint.business_line_ids)
            ORDER BY next_attempt_at, position LIMIT endpoint.room
            FOR UPDATE SKIP LOCKED) AS due
        LIMIT :most),
    claimed AS (
        UPDATE webhook_delivery SET next_attempt_at = moment.at + make_interval(secs => :lease)
        FROM moment WHERE webhook_delivery.id = ANY(ARRAY(SELECT id FROM chosen))
        RETURNING webhook_delivery.*)
    SELECT claimed.id, claimed.next_attempt_at AS lease, claimed.tries, claimed.endpoint_id, claimed.business_line_id,
           claimed.created_at, endpoint.url, endpoint.secrets_sealed, endpoint.previous_until, claimed.event_id,
           event.type, event.subject, event.sequence, event.data, event.request_id, event.occurred_at
    FROM claimed JOIN endpoint ON endpoint.id = claimed.endpoint_id LEFT JOIN event ON event.id = claimed.event_id
    ORDER BY claimed.position
""")


async def claim(
    session: AsyncSession, rooms: Mapping[UUID, int], *, room: int, most: int, now: datetime | None = None
) -> list[Claimed]:
    """Take up to `most` deliveries that are due, in the order of the feed: of each endpoint as many as there is
    `rooms` for, or `room` where nothing is said of it.

    `now` is the database's clock unless a test sets it.
    """
    parameters = {
        "now": now, "known": list(rooms), "rooms": list(rooms.values()), "room": room, "most": most,
        "lease": LEASE_SECONDS,
    }  # fmt: skip
    return [_claimed(row) for row in await session.execute(_CLAIM, parameters)]


def _claimed(row: Row[Any]) -> Claimed:
    if row.event_id is None:
        event = trial_event(row.id, row.endpoint_id, row.business_line_id, row.created_at)
    else:
        event = Event(
            id=row.event_id, business_line_id=row.business_line_id, type=row.type, subject=row.subject,
            sequence=row.sequence, data=row.data, request_id=row.request_id, occurred_at=row.occurred_at,
        )  # fmt: skip
    return Claimed(
        row.id, row.lease, row.tries, row.endpoint_id, row.url, row.secrets_sealed, row.previous_until, event
    )


_RECORD = text(f"""
    UPDATE webhook_delivery SET
        state = coalesce(result.state, webhook_delivery.state),
        tries = webhook_delivery.tries + (result.attempt IS NOT NULL)::int,
        next_attempt_at = moment.at + make_interval(secs => result.wait),
        attempts = CASE WHEN jsonb_array_length(attempts) < {_MOST_ATTEMPTS_KEPT} THEN attempts ELSE attempts - 0 END
            || CASE WHEN result.attempt IS NULL THEN '[]'
                    ELSE jsonb_build_array(jsonb_build_object('at', moment.at) || result.attempt) END,
        delivered_at = CASE WHEN result.state = 'delivered' THEN moment.at ELSE delivered_at END
    FROM jsonb_to_recordset(CAST(CAST(:results AS text) AS jsonb))
            AS result (id uuid, lease timestamptz, state text, wait double precision, attempt jsonb),
        (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS at) AS moment
    WHERE webhook_delivery.id = result.id AND webhook_delivery.next_attempt_at = result.lease
""")  # noqa: S608 - made of a constant


async def record(session: AsyncSession, results: Sequence[Result], *, now: datetime | None = None) -> None:
    """Write what became of deliveries, unless their lease went to another meanwhile; see to their endpoints.

    An endpoint that answered 410, or failed only for five days, is disabled, and that is announced.
    """
    if not results:
        return
    document = json.dumps([_document(result) for result in results], ensure_ascii=False)
    await session.execute(_RECORD, {"results": document, "now": now})
    tried = [(result.claimed.endpoint_id, result.outcome) for result in results if result.outcome is not None]
    well = {endpoint for endpoint, outcome in tried if outcome.delivered}
    ill = {endpoint for endpoint, _ in tried} - well
    gone = {endpoint for endpoint, outcome in tried if outcome.status == GONE}
    failing = WebhookEndpoint.failing_since.is_not(None)
    if well:
        await session.execute(_note(None).where(WebhookEndpoint.id.in_(well), failing))
    if ill:
        await session.execute(_note(_moment(now)).where(WebhookEndpoint.id.in_(ill), ~failing))
    if ill or gone:
        await _disable(session, ill, gone, now)


def _moment(now: datetime | None) -> ColumnElement[Any]:
    return func.clock_timestamp() if now is None else literal(now)


def _note(failing_since: ColumnElement[Any] | None) -> Update:
    """Change an endpoint's health, which is a version: what is shown of it is another."""
    changed = update(WebhookEndpoint).values(failing_since=failing_since, version=WebhookEndpoint.version + 1)
    return changed.execution_options(synchronize_session=False)


async def _disable(session: AsyncSession, ill: Collection[UUID], gone: Collection[UUID], now: datetime | None) -> None:
    """Disable the endpoints that are gone, and those of the ill ones that failed for five days; announce it."""
    for_days = WebhookEndpoint.failing_since <= _moment(now) - FAILING_DISABLES
    hopeless = or_(WebhookEndpoint.id.in_(gone), WebhookEndpoint.id.in_(ill) & for_days)
    found = await session.scalars(
        select(WebhookEndpoint)
        .where(hopeless, WebhookEndpoint.disabled_at.is_(None))
        .order_by(WebhookEndpoint.id)
        .with_for_update(key_share=True)
    )
    for endpoint in found.all():
        at: datetime = await session.scalar(select(_moment(now)))  # type: ignore[assignment]
        endpoint.disabled_at = at
        endpoint.disabled_reason = DisabledReason.GONE if endpoint.id in gone else DisabledReason.FAILING
        endpoint.version += 1
        await _announce(session, endpoint, at)
        WEBHOOKS_DISABLED.labels(endpoint.disabled_reason).inc()
        _log.error("webhook endpoint disabled", endpoint=endpoint.id.hex, reason=endpoint.disabled_reason)


async def _announce(session: AsyncSession, endpoint: WebhookEndpoint, at: datetime) -> None:
    """Write one event for each of the endpoint's lines; `sequence` counts over all of them."""
    subject = endpoint_subject(endpoint.id)
    last = await session.scalar(select(func.max(Event.sequence)).where(Event.subject == subject)) or 0
    data = {"endpoint_id": id_text("whe", endpoint.id), "reason": endpoint.disabled_reason}
    session.add_all(
        Event(
            id=new_id(), position=None, business_line_id=line, type="webhook.disabled", subject=subject,
            sequence=sequence, data=data, request_id=None, occurred_at=at,
        )
        for sequence, line in enumerate(endpoint.business_line_ids, last + 1)
    )  # fmt: skip


def _document(result: Result) -> dict[str, Any]:
    verdict, outcome = result.verdict, result.outcome
    wait = 0.0 if verdict is None else verdict.wait and verdict.wait.total_seconds()
    attempt = outcome and {
        "status": outcome.status, "error": outcome.error, "duration_ms": result.duration_ms, "reply": result.reply,
    }  # fmt: skip
    return {
        "id": result.claimed.id.hex,
        "lease": result.claimed.lease.isoformat(),
        "state": verdict and verdict.state,
        "wait": wait,
        "attempt": attempt,
    }
