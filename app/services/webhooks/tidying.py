"""What a worker does for webhooks from time to time: giving up, forgetting, and counting for the metrics."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import first_id
from app.core.metrics import WEBHOOK_ENDPOINTS, WEBHOOK_LAG, WEBHOOKS

KEPT = timedelta(days=30)  # a delivery that is done with, and its attempts

_GIVE_UP = text("""
    UPDATE webhook_delivery SET state = 'dead', next_attempt_at = NULL
    WHERE id = ANY(ARRAY(
        SELECT webhook_delivery.id FROM webhook_endpoint JOIN webhook_delivery ON endpoint_id = webhook_endpoint.id
        WHERE next_attempt_at IS NOT NULL
            AND (deleted_at IS NOT NULL OR business_line_id <> ALL(webhook_endpoint.business_line_ids))
        LIMIT :limit FOR UPDATE OF webhook_delivery SKIP LOCKED))
    RETURNING id
""")
_FORGET = text("""
    DELETE FROM webhook_delivery WHERE id = ANY(ARRAY(
        SELECT id FROM webhook_delivery WHERE id < :before AND next_attempt_at IS NULL
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED))
    RETURNING id
""")
_FORGET_ENDPOINTS = text("""
    DELETE FROM webhook_endpoint WHERE deleted_at < :before
        AND NOT EXISTS (SELECT FROM webhook_delivery WHERE endpoint_id = webhook_endpoint.id)
""")
_COUNT = text("""
    SELECT (SELECT count(*) FROM webhook_delivery WHERE next_attempt_at IS NOT NULL) AS waiting,
        (SELECT count(*) FROM webhook_delivery WHERE state = 'dead') AS dead
""")
_COUNT_ENDPOINTS = text("""
    SELECT count(*) FILTER (WHERE disabled_at IS NULL AND failing_since IS NULL) AS enabled,
        count(*) FILTER (WHERE disabled_at IS NULL AND failing_since IS NOT NULL) AS failing,
        count(*) FILTER (WHERE disabled_at IS NOT NULL) AS disabled,
        extract(epoch FROM clock_timestamp() - min(due.since) FILTER (WHERE disabled_at IS NULL)) AS lag
    FROM webhook_endpoint
    LEFT JOIN LATERAL (SELECT min(next_attempt_at) AS since FROM webhook_delivery
        WHERE endpoint_id = webhook_endpoint.id) AS due ON true
    WHERE deleted_at IS NULL
""")


async def give_up(session: AsyncSession, *, limit: int = 1000) -> int:
    """Give up what waits for an endpoint that was deleted, or no longer has its line; return how many."""
    return len((await session.execute(_GIVE_UP, {"limit": limit})).all())


async def forget(session: AsyncSession, now: datetime, *, limit: int = 1000) -> int:
    """Delete deliveries that are done with and 30 days old, then deleted endpoints that have none; return how many."""
    gone = (await session.execute(_FORGET, {"before": first_id(now - KEPT), "limit": limit})).all()
    await session.execute(_FORGET_ENDPOINTS, {"before": now - KEPT})
    return len(gone)


async def measure(session: AsyncSession) -> None:
    """Set the gauges."""
    deliveries = (await session.execute(_COUNT)).one()
    for state in ("waiting", "dead"):
        WEBHOOKS.labels(state).set(getattr(deliveries, state))
    endpoints = (await session.execute(_COUNT_ENDPOINTS)).one()
    for state in ("enabled", "failing", "disabled"):
        WEBHOOK_ENDPOINTS.labels(state).set(getattr(endpoints, state))
    WEBHOOK_LAG.set(max(endpoints.lag or 0.0, 0.0))
