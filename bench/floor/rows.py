"""The rows of one intake, written again and again by one chained statement, and read back.

The tables stand in a schema of their own, with the columns and indexes of the service's, but without row security and
foreign keys. What is written are copies of the rows that the service wrote at its one intake so far.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

# Ticket, commitments, timeline, event and retry key, with what no two intakes share.
_TABLES = {
    "ticket": {"id": "ticket", "external_ref": "reference"},
    "ticket_commitment": {"id": "fresh", "ticket_id": "ticket"},
    "timeline_entry": {"id": "fresh", "ticket_id": "ticket"},
    "event": {"id": "fresh", "subject": "subject"},
    "idempotency_record": {"id": "fresh"},
}
_MADE_BY_DATABASE = frozenset({"entry_no", "event_no", "position"})
_NUMBER = "concat('AS-', {place}::text, '-', lpad(nextval('floor.number')::text, 6, '0'))"
_COMMITMENTS = "(SELECT json_agg(c) FROM floor.ticket_commitment c WHERE c.ticket_id = t.id) AS commitments"
READ = f"SELECT t.*, {_COMMITMENTS} FROM floor.ticket t WHERE number = $1"
LIST = f"""
    SELECT t.*, {_COMMITMENTS} FROM floor.ticket t WHERE business_line_id = $1
    ORDER BY opened_at DESC, id DESC LIMIT $2
"""


@dataclass(frozen=True)
class Intake:
    """The chained statement, the values it copies, and the places among them of what is new each time."""

    statement: str
    copied: tuple[Any, ...]
    places: tuple[tuple[int, str], ...]
    line: UUID

    @classmethod
    async def prepared(cls, url: str) -> "Intake":
        """Make the tables anew, with the ticket that is to be read, and the statement."""
        connection = await asyncpg.connect(url, server_settings={"app.lines": "*"})
        try:
            await connection.execute("DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor")
            await connection.execute("CREATE SEQUENCE floor.number START 1000 MAXVALUE 999999 CYCLE")
            rows = []
            for table in _TABLES:
                await connection.execute(f"CREATE TABLE floor.{table} (LIKE {table} INCLUDING ALL)")
                rows += [(table, row) for row in await connection.fetch(f"SELECT * FROM {table}")]
            for table in ("ticket", "ticket_commitment"):
                await connection.execute(f"INSERT INTO floor.{table} SELECT * FROM {table}")
        finally:
            await connection.close()
        return cls._of(rows)

    @classmethod
    def _of(cls, rows: list[tuple[str, asyncpg.Record]]) -> "Intake":
        inserts: list[str] = []
        copied: list[Any] = []
        places: list[tuple[int, str]] = []
        for table, row in rows:
            written = {}
            for name in set(row.keys()) - _MADE_BY_DATABASE:
                if name in _TABLES[table]:
                    places.append((len(copied), _TABLES[table][name]))
                copied.append(row[name])
                written[name] = f"${len(copied)}"
                if name == "number":
                    copied[-1], written[name] = row[name].split("-")[1], _NUMBER.format(place=written[name])
            inserts.append(f"INSERT INTO floor.{table} ({', '.join(written)}) VALUES ({', '.join(written.values())})")
        first, *others = (f"row_{place} AS ({insert}" for place, insert in enumerate(inserts))
        chain = "), ".join([f"{first} RETURNING number", *others])
        return cls(
            f"WITH {chain}) SELECT number FROM row_0", tuple(copied), tuple(places), rows[0][1]["business_line_id"]
        )

    def values(self, reference: str | None) -> list[Any]:
        """Return the values of one more intake."""
        ticket = uuid4()
        values = list(self.copied)
        for place, kind in self.places:
            match kind:
                case "ticket":
                    values[place] = ticket
                case "subject":
                    values[place] = f"tickets/tkt_{ticket.hex}"
                case "reference":
                    values[place] = reference
                case _:
                    values[place] = uuid4()
        return values
