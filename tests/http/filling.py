"""Running commitments in numbers, for the plans of statements and for the bench."""

import httpx

from tests.http.service import connect_beside, take

_DEPARTMENTS = "ARRAY['after_sales', 'quality', 'sales', 'logistics']"
# A row is a copy of one that the service wrote, but for what is named here.
_MORE_TICKETS = f"""
    INSERT INTO ticket SELECT copy.*
    FROM ticket one, generate_series(1, $1::int) n, LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'number', 'BENCH-' || n, 'external_ref', NULL, 'call_id', NULL,
        'business_line_id', (SELECT array_agg(id ORDER BY name) FROM business_line)[1 + n % 8],
        'department', ({_DEPARTMENTS})[1 + n / 8 % 4], 'assignee_staff_no', (1000 + n / 32 % 100)::text)) copy
"""
_MORE_COMMITMENTS = """
    INSERT INTO ticket_commitment SELECT copy.*
    FROM ticket, ticket_commitment one, generate_series(1, $1::int) n,
    LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'ticket_id', ticket.id, 'business_line_id', ticket.business_line_id,
        'milestone', 'closed_loop', 'instance', n, 'state', 'running',
        'due_at', one.started_at + (random() * 60 - 3) * interval '1 day')) copy
    WHERE one.milestone = 'resolution'
"""


async def fill(url: str, client: httpx.AsyncClient, *, tickets: int, each: int) -> None:
    """Write `tickets` times `each` running commitments, over all lines, one in twenty of them late."""
    await take(client)
    connection = await connect_beside(url)
    try:
        await connection.execute(_MORE_TICKETS, tickets, timeout=600)
        await connection.execute(_MORE_COMMITMENTS, each, timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await connection.close()
