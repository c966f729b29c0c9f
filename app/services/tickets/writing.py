"""Writing a new ticket with everything that hangs on it, as one statement.

As statements of their own the same rows cost several times as much. Rows travel as JSON and become rows again in the
database. An `external_ref` or `call_id` that is taken makes the whole statement write nothing, without an error.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Select, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Base
from app.core.outbox import Event
from app.models.tickets import (
    TICKET_NUMBER,
    Ticket,
    TicketAssignment,
    TicketCommitment,
    TicketSearch,
    TimelineEntry,
)
from app.services.tickets.assignments import assignment_row


def _rows(model: type[Base], parameter: str, made_by_database: frozenset[str]) -> tuple[list[str], Any]:
    """Return the column names and the record set, typed as the table is, that a JSON parameter stands for."""
    names = [part.name for part in model.__table__.columns if part.name not in made_by_database]
    document = cast(bindparam(parameter, type_=Text), JSONB)
    rows = func.jsonb_populate_recordset(literal_column(f"NULL::{model.__tablename__}"), document)
    return names, rows.table_valued(*names, name=f"given_{model.__tablename__}")


def _beside(model: type[Base], parameter: str, ticket: CTE, made_by_database: frozenset[str] = frozenset()) -> CTE:
    """Insert rows if, and only if, the ticket was inserted."""
    names, rows = _rows(model, parameter, made_by_database)
    chosen = select(*[rows.c[name] for name in names]).where(select(ticket.c.number).exists())
    return insert(model).from_select(names, chosen).cte(f"added_{model.__tablename__}")


def _take_statement() -> Select[tuple[str]]:
    names, rows = _rows(Ticket, "ticket", frozenset({"number"}))
    serial = func.lpad(cast(TICKET_NUMBER.next_value(), Text), 6, "0")
    number = func.concat("AS-", bindparam("day", type_=Text), "-", serial)
    chosen = select(*[rows.c[name] for name in names], number)
    taken = insert(Ticket).from_select([*names, "number"], chosen).on_conflict_do_nothing().returning(Ticket.number)
    ticket = taken.cte("added_ticket")
    return select(ticket.c.number).add_cte(
        _beside(TicketCommitment, "commitments", ticket),
        _beside(TimelineEntry, "entries", ticket, frozenset({"entry_no"})),
        _beside(Event, "events", ticket, frozenset({"event_no", "position"})),
        _beside(TicketSearch, "search", ticket),
        _beside(TicketAssignment, "assignment", ticket),
    )


_TAKE = _take_statement()


async def insert_ticket(
    session: AsyncSession,
    ticket: Ticket,
    commitments: Sequence[TicketCommitment],
    entries: Sequence[TimelineEntry],
    events: Sequence[Event],
    *,
    day: str,
) -> str | None:
    """Write all rows and return the ticket's number, `AS-<day>-NNNNNN`; None if its reference is taken."""
    assignment = assignment_row(ticket, ticket.recorded_at)
    search = TicketSearch(ticket_id=ticket.id, business_line_id=ticket.business_line_id, tokens=None)
    parameters = {
        "day": day,
        "ticket": _json([ticket]),
        "commitments": _json(commitments),
        "entries": _json(entries),
        "events": _json(events),
        "search": _json([search]),
        "assignment": _json([assignment]),
    }
    number: str | None = await session.scalar(_TAKE, parameters)
    return number


def _json(rows: Sequence[Base]) -> str:
    # Read past the attributes of the ORM, which look for a change to note at every one of them.
    documents = [{name: value for name, value in vars(row).items() if name != "_sa_instance_state"} for row in rows]
    return json.dumps(documents, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"a column of type {type(value).__name__} has no form in JSON")
