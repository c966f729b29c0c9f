"""Running commitments in numbers, for the plans of statements and for the bench."""

from typing import Any
from uuid import UUID

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


_COPIES = "CREATE TEMPORARY TABLE copy AS SELECT gen_random_uuid() AS id FROM generate_series(1, $1::int)"
_COPY_TICKETS = """
    INSERT INTO ticket SELECT filled.* FROM ticket one, copy, LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', copy.id, 'number', 'COPY-' || left(md5(copy.id::text), 18), 'external_ref', copy.id, 'call_id', NULL,
        'description', (SELECT string_agg(md5(copy.id::text || part), '') FROM generate_series(1, 6) part))) filled
    WHERE one.id = $1
"""
_COPY_EVENTS = """
    INSERT INTO event OVERRIDING USER VALUE SELECT filled.*
    FROM event one, copy, LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'subject', 'tickets/tkt_' || replace(copy.id::text, '-', ''), 'position', NULL)) filled
    WHERE one.subject = 'tickets/tkt_' || replace($1::uuid::text, '-', '')
"""
_COPY_PARTS = """
    INSERT INTO {part} OVERRIDING USER VALUE SELECT filled.*
    FROM {part} one, copy, LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'ticket_id', copy.id)) filled
    WHERE one.ticket_id = $1
"""


async def copy_ticket(url: str, ticket: dict[str, Any], *, copies: int) -> None:
    """Write copies of a ticket and of what was written with it, with numbers, references and texts of their own."""
    parts = ("ticket_commitment", "ticket_assignment", "ticket_search", "timeline_entry")
    connection = await connect_beside(url)
    try:
        await connection.execute(_COPIES, copies)
        for statement in (_COPY_TICKETS, _COPY_EVENTS, *(_COPY_PARTS.format(part=part) for part in parts)):
            await connection.execute(statement, UUID(ticket["id"].removeprefix("tkt_")), timeout=600)
    finally:
        await connection.close()
