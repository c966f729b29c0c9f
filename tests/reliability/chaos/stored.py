"""What the database holds in the end, read past the service, and what the webhook receiver took."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import asyncpg

from app.core.ids import id_text
from tests.reliability.invariants import broken


@dataclass(frozen=True)
class StoredTicket:
    id: str
    mark: str
    version: int


@dataclass(frozen=True)
class StoredEvent:
    """commitment, percent: of a timer that fired."""

    id: str
    ticket: str
    sequence: int
    type: str
    request_id: str | None = None
    commitment: str | None = None
    percent: int | None = None


@dataclass(frozen=True)
class AuditRow:
    """An entry of a ticket's timeline, by the request that wrote it."""

    ticket: str
    kind: str
    request_id: str


@dataclass(frozen=True)
class Arrival:
    """A webhook that the receiver said yes to."""

    event: str
    ticket: str
    sequence: int


@dataclass
class Stored:
    """looks: the access log, by request. broken: what the database itself, or its chain of seals, gives away."""

    tickets: list[StoredTicket] = field(default_factory=list)
    events: list[StoredEvent] = field(default_factory=list)
    audit: list[AuditRow] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


async def read_stored(connection: asyncpg.Connection, arrivals: Iterable[Arrival]) -> Stored:
    tickets = await connection.fetch("SELECT id, description, version FROM ticket")
    events = await connection.fetch(
        "SELECT id, subject, sequence, type, request_id, data ->> 'commitment_id' AS commitment, "
        "(data ->> 'percent')::int AS percent FROM event ORDER BY subject, sequence"
    )
    audit = await connection.fetch("SELECT ticket_id, kind, request_id FROM timeline_entry")
    looks = await connection.fetch("SELECT request_id FROM access_log")
    return Stored(
        [StoredTicket(id_text("tkt", row["id"]), row["description"], row["version"]) for row in tickets],
        [
            StoredEvent(
                id_text("evt", row["id"]),
                row["subject"].removeprefix("tickets/"),
                row["sequence"],
                row["type"],
                row["request_id"],
                row["commitment"],
                row["percent"],
            )
            for row in events
        ],
        [AuditRow(id_text("tkt", row["ticket_id"]), row["kind"], row["request_id"]) for row in audit],
        [row["request_id"] for row in looks],
        list(arrivals),
        [f"{promise}: {rows}" for promise, rows in (await broken(connection)).items()],
    )
