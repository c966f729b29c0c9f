"""Writing a new ticket with everything that hangs on it, as one statement.

As statements of their own the same rows cost several times as much. Rows travel as JSON and become rows again in the
database. An `external_ref` or `call_id` that is taken makes the whole statement write nothing, without an error.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import CTE, Select, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.db import Base, Database, bare_row
from app.core.idempotency import Claim, answered_claim
from app.core.outbox import Event
from app.core.single import Prepared
from app.models.tickets import (
    TICKET_NUMBER,
    Ticket,
    TicketAssignment,
    TicketCommitment,
    TicketSearch,
    TimelineEntry,
)
from app.services.tickets.assignments import assignment_row
from app.services.tickets.drafting import Beginning


def _rows(model: type[Base], parameter: str, made_by_database: frozenset[str]) -> tuple[list[str], Any]:
    """Return the column names and the record set, typed as the table is, that a JSON parameter stands for."""
    names = [part.name for part in model.__table__.columns if part.name not in made_by_database]
    document = cast(bindparam(parameter, type_=Text), JSONB)
    rows = func.jsonb_populate_recordset(literal_column(f"NULL::{model.__tablename__}"), document)
    return names, rows.table_valued(*names, name=f"given_{model.__tablename__}")


def _beside(model: type[Base], parameter: str, ticket: CTE, made_by_database: frozenset[str]) -> CTE:
    """Insert rows if, and only if, the ticket was inserted."""
    names, rows = _rows(model, parameter, made_by_database)
    chosen = select(*[rows.c[name] for name in names]).where(select(ticket.c.number).exists())
    return insert(model).from_select(names, chosen).cte(f"added_{model.__tablename__}")


# What hangs on a ticket: its model, the parameter with its rows, and what the database makes of itself.
_HANGING: Final[tuple[tuple[type[Base], str, frozenset[str]], ...]] = (
    (TicketCommitment, "commitments", frozenset()),
    (TimelineEntry, "entries", frozenset({"entry_no"})),
    (Event, "events", frozenset({"event_no", "position"})),
    (TicketSearch, "search", frozenset()),
    (TicketAssignment, "assignment", frozenset()),
)


def _take_statement() -> Select[tuple[str]]:
    names, rows = _rows(Ticket, "ticket", frozenset({"number"}))
    serial = func.lpad(cast(TICKET_NUMBER.next_value(), Text), 6, "0")
    number = func.concat("AS-", bindparam("day", type_=Text), "-", serial)
    chosen = select(*[rows.c[name] for name in names], number)
    taken = insert(Ticket).from_select([*names, "number"], chosen).on_conflict_do_nothing().returning(Ticket.number)
    ticket = taken.cte("added_ticket")
    return _with_hanging(ticket)


def _at_once(*, claimed: bool) -> Prepared:
    """The same with a number that is known: what clashes is an error, and the claim is undone with it."""
    names, rows = _rows(Ticket, "ticket", frozenset())
    chosen = select(*[rows.c[name] for name in names])
    if claimed:
        chosen = chosen.where(select(answered_claim().c.id).exists())
    return Prepared(
        _with_hanging(insert(Ticket).from_select(names, chosen).returning(Ticket.number).cte("added_ticket"))
    )


def _with_hanging(ticket: CTE) -> Select[tuple[str]]:
    return select(ticket.c.number).add_cte(*(_beside(model, name, ticket, made) for model, name, made in _HANGING))


_TAKE = _take_statement()
_AT_ONCE = {claimed: _at_once(claimed=claimed) for claimed in (False, True)}


async def insert_ticket(
    session: AsyncSession,
    ticket: Ticket,
    commitments: Sequence[TicketCommitment],
    beginning: Beginning,
    *,
    day: str,
) -> str | None:
    """Write all rows and return the ticket's number, `AS-<day>-NNNNNN`; None if its reference is taken."""
    number: str | None = await session.scalar(_TAKE, _documents(ticket, commitments, beginning) | {"day": day})
    return number


async def insert_at_once(
    db: Database,
    ticket: Ticket,
    commitments: Sequence[TicketCommitment],
    beginning: Beginning,
    claim: Claim | None,
    answer: Answer,
) -> bool:
    """Write all rows, under the ticket's number, and the answer under the retry key; False if the key is not free.

    Raises: asyncpg.UniqueViolationError if reference or number is taken; nothing is written then.
    """
    values = _documents(ticket, commitments, beginning)
    if claim is not None:
        values |= claim.taken_with(answer)
    return bool(await db.fetch(_AT_ONCE[claim is not None], **values))


def _documents(ticket: Ticket, commitments: Sequence[TicketCommitment], beginning: Beginning) -> dict[str, Any]:
    assignment = assignment_row(ticket, ticket.recorded_at, make=partial(bare_row, TicketAssignment))
    search = bare_row(TicketSearch, ticket_id=ticket.id, business_line_id=ticket.business_line_id, tokens=None)
    return {
        "ticket": _json([ticket]),
        "commitments": _json(commitments),
        "entries": _json(beginning.entries),
        "events": _json(beginning.events),
        "search": _json([search]),
        "assignment": _json([assignment]),
    }


def _json(rows: Sequence[Base]) -> str:
    # Read past the attributes of the ORM, which look for a change to note at every one of them.
    documents = [{name: value for name, value in vars(row).items() if name != "_sa_instance_state"} for row in rows]
    return orjson.dumps(documents, default=_plain).decode()


def _plain(value: Any) -> str:
    if isinstance(value, UUID):  # the driver's own kind of it
        return value.hex
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"a column of type {type(value).__name__} has no form in JSON")
