"""What must be true of the database whatever was killed: each query finds the rows that break a promise."""

from typing import Any

import asyncpg

_SUBJECT = "'tickets/tkt_' || replace(ticket.id::text, '-', '')"

PROMISES = {
    "a ticket is recorded by exactly one event, its first": f"""
        SELECT number FROM ticket WHERE 1 <> (
            SELECT count(*) FROM event WHERE subject = {_SUBJECT} AND type = 'ticket.recorded') OR NOT EXISTS (
            SELECT FROM event WHERE subject = {_SUBJECT} AND type = 'ticket.recorded' AND sequence = 1)""",
    "the events of a subject are numbered without a gap": """
        SELECT subject FROM event GROUP BY subject HAVING min(sequence) <> 1 OR max(sequence) <> count(*)""",
    "a ticket knows how many events it has": f"""
        SELECT number FROM ticket WHERE events_emitted <> (SELECT count(*) FROM event WHERE subject = {_SUBJECT})""",
    "every event is about a ticket there is": f"""
        SELECT subject FROM event WHERE NOT EXISTS (SELECT FROM ticket WHERE {_SUBJECT} = event.subject)""",
    "the timeline of a ticket begins with its recording, once": """
        SELECT number FROM ticket WHERE 1 <> (
            SELECT count(*) FROM timeline_entry WHERE ticket_id = ticket.id AND kind = 'recorded')""",
    "a ticket can be searched for": """
        SELECT number FROM ticket WHERE NOT EXISTS (SELECT FROM ticket_search WHERE ticket_id = ticket.id)""",
    "a ticket promises something": """
        SELECT number FROM ticket WHERE NOT EXISTS (SELECT FROM ticket_commitment WHERE ticket_id = ticket.id)""",
    "a retry key that is kept has its answer": """
        SELECT id::text FROM idempotency_record WHERE answer IS NULL""",
}


async def broken(connection: asyncpg.Connection) -> dict[str, list[Any]]:
    """Return the promises that do not hold, with the first rows that break them."""
    found = {promise: await connection.fetch(f"{query} LIMIT 5") for promise, query in PROMISES.items()}
    return {promise: [row[0] for row in rows] for promise, rows in found.items() if rows}


async def stored(connection: asyncpg.Connection, prefix: str) -> dict[str, int]:
    """Return how many tickets there are of each description that begins with `prefix`."""
    rows = await connection.fetch(
        "SELECT description, count(*) FROM ticket WHERE starts_with(description, $1) GROUP BY 1", prefix
    )
    return {row[0]: row[1] for row in rows}
