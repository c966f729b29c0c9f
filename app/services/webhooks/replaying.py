"""Sending a range of events again: what was given up, or everything there was."""

from sqlalchemy import text

from app.core.answers import Answer
from app.schemas.webhooks import ReplayIn, ReplayOut
from app.services.context import Context
from app.services.webhooks.endpoints import find_endpoint
from app.services.webhooks.fanning import COLUMNS, NEW_ID, wanted

MOST = 10_000  # in one call, so that it ends within a statement's time

_NOW = "CAST(:now AS timestamptz)"
_AFRESH = f"state = 'pending', tries = 0, next_attempt_at = {_NOW}"
_IN_RANGE = f"""
    event.business_line_id = ANY(:lines) AND event.position IS NOT NULL
    AND event.occurred_at >= coalesce(CAST(:after AS timestamptz), '-infinity')
    AND event.occurred_at < coalesce(CAST(:until AS timestamptz), 'infinity')
    AND {wanted("CAST(:types AS text[])")} AND {wanted("CAST(:filter AS text[])")}
"""
_DEAD = text(f"""
    WITH chosen AS MATERIALIZED (
        SELECT webhook_delivery.id, event.occurred_at
        FROM webhook_delivery JOIN event ON event.id = webhook_delivery.event_id
        WHERE endpoint_id = :endpoint AND state = 'dead' AND {_IN_RANGE}
        ORDER BY event.occurred_at, event.position LIMIT :most),
    queued AS (
        UPDATE webhook_delivery SET {_AFRESH}
        WHERE id = ANY(ARRAY(SELECT id FROM chosen)))
    SELECT count(*) AS queued, max(occurred_at) AS last FROM chosen
""")  # noqa: S608 - made of constants
_ALL = text(f"""
    WITH chosen AS MATERIALIZED (
        SELECT event.id, event.business_line_id, event.position, event.occurred_at FROM event WHERE {_IN_RANGE}
        ORDER BY event.occurred_at, event.position LIMIT :most),
    queued AS (
        INSERT INTO webhook_delivery ({COLUMNS})
        SELECT {NEW_ID}, business_line_id, CAST(:endpoint AS uuid), id, position, 'pending', 0, {_NOW}, '[]', {_NOW}
        FROM chosen
        ON CONFLICT (event_id, endpoint_id) DO UPDATE SET {_AFRESH})
    SELECT count(*) AS queued, max(occurred_at) AS last FROM chosen
""")  # noqa: S608 - made of constants


async def replay(ctx: Context, reference: str, body: ReplayIn) -> Answer:
    """Queue a range of an endpoint's events, in the order they happened and under their own ids.

    Raises: EndpointNotFound.
    """
    async with ctx.write(body) as unit:
        endpoint = await find_endpoint(unit.session, ctx, reference)
        if unit.replayed is not None:
            return unit.replayed
        parameters = {
            "endpoint": endpoint.id,
            "lines": endpoint.business_line_ids,
            "filter": endpoint.types,
            "types": body.types,
            "after": body.after,
            "until": body.until,
            "most": MOST,
            "now": ctx.now,
        }
        found = (await unit.session.execute(_DEAD if body.which == "dead" else _ALL, parameters)).one()
        more = found.queued == MOST
        answer = ReplayOut(queued=found.queued, has_more=more, next_after=found.last if more else None)
        return unit.answer(Answer.of(202, answer))
