"""From the feed to deliveries: each endpoint gets the events after its place, in one statement for all of them."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# In one round, so that it makes 10,000 deliveries at most: endpoints, and places in the feed each is moved by.
_ENDPOINTS, _STEP = 50, 200

# A UUIDv7, as `app.core.ids` makes them.
NEW_ID = """encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
    substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
    'hex')::uuid"""
COLUMNS = "id, business_line_id, endpoint_id, event_id, position, state, tries, next_attempt_at, attempts, created_at"


def wanted(types: str) -> str:
    """Return the SQL condition that an event is of some types; the expression's empty array means any."""
    return f"""(cardinality({types}) = 0 OR event.type = ANY({types})
        OR split_part(event.type, '.', 1) || '.*' = ANY({types}))"""


_FAN_OUT = text(f"""
    WITH head AS MATERIALIZED (SELECT max(position) AS position FROM event),
    moment AS MATERIALIZED (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS at),
    behind AS MATERIALIZED (
        SELECT id, position, business_line_ids, types FROM webhook_endpoint
        WHERE disabled_at IS NULL AND deleted_at IS NULL AND position < (SELECT position FROM head)
        ORDER BY position LIMIT :endpoints
        FOR NO KEY UPDATE SKIP LOCKED),
    added AS (
        INSERT INTO webhook_delivery ({COLUMNS})
        SELECT {NEW_ID}, event.business_line_id, behind.id, event.id, event.position, 'pending', 0, at, '[]', at
        FROM moment, behind
        JOIN event ON event.position > behind.position AND event.position <= behind.position + :step
            AND event.business_line_id = ANY(behind.business_line_ids) AND {wanted("behind.types")}
        ON CONFLICT (event_id, endpoint_id) DO NOTHING)
    UPDATE webhook_endpoint SET position = least(behind.position + :step, head.position)
    FROM behind, head WHERE webhook_endpoint.id = behind.id
    RETURNING webhook_endpoint.id
""")  # noqa: S608 - made of constants


async def fan_out(session: AsyncSession, *, now: datetime | None = None) -> int:
    """Make the deliveries of events that were sealed since; return how many endpoints moved on.

    Several workers share the endpoints out. `now` is the database's clock unless a test sets it.
    """
    return len((await session.execute(_FAN_OUT, {"now": now, "endpoints": _ENDPOINTS, "step": _STEP})).all())
