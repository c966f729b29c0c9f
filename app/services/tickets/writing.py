"""Writing a new ticket with everything that hangs on it, as one statement.

As statements of their own the same rows cost several times as much. The ticket's values are parameters; rows of which
there are several travel as JSON and become rows again in the database.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import CTE, ColumnElement, Enum, Select, Text, Uuid, bindparam, cast, func, literal_column, null, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.db import Base, Database
from app.core.idempotency import Claim, answered_claim
from app.core.ids import new_id
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
from app.services.tickets.drafting import Beginning

_COLUMNS: Final = Ticket.__table__.columns
_DOCUMENTS: Final = tuple(column.name for column in _COLUMNS if isinstance(column.type, JSONB))
_MADE_BY_DATABASE: Final = frozenset({"entry_no", "event_no", "position"})


def _parameter(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the parameter that a column's value is given by: documents and words go as text."""
    if isinstance(column.type, JSONB):
        return cast(bindparam(column.key, type_=Text), JSONB)
    return bindparam(column.key, type_=Text() if isinstance(column.type, Enum) else column.type)


def _beside(model: type[Base], parameter: str, ticket: CTE) -> CTE:
    """Insert the rows that a JSON parameter stands for if, and only if, the ticket was inserted."""
    table = model.__table__
    names = [column.name for column in table.columns if column.name not in _MADE_BY_DATABASE]
    document = cast(bindparam(parameter, type_=Text), JSONB)
    # Typed as the table is.
    rows = func.jsonb_populate_recordset(literal_column(f"NULL::{model.__tablename__}"), document)
    given = rows.table_valued(*names, name=f"given_{model.__tablename__}")
    chosen = select(*[given.c[name] for name in names]).where(select(ticket.c.number).exists())
    return insert(model).from_select(names, chosen).cte(f"added_{model.__tablename__}")


def _of_ticket(model: type[Base], ticket: CTE, **values: Any) -> CTE:
    """Insert the row that follows from the ticket, if that was inserted."""
    row = {"business_line_id": ticket.c.business_line_id, "ticket_id": ticket.c.id, **values}
    return insert(model).from_select(list(row), select(*row.values())).cte(f"added_{model.__tablename__}")


def _statement(number: ColumnElement[str], claim: CTE | None = None, *, quietly: bool = False) -> Select[tuple[str]]:
    """Return the statement that writes a ticket and gives its number.

    It writes nothing if the claim gives no row. A reference or number that is taken is an error, which undoes the
    claim too; `quietly` nothing is written instead.
    """
    values = {column.name: _parameter(column) for column in _COLUMNS} | {"number": number}
    chosen = select(*values.values())
    if claim is not None:
        chosen = chosen.where(select(claim.c.id).exists())
    row = insert(Ticket).from_select(list(values), chosen)
    ticket = (row.on_conflict_do_nothing() if quietly else row).returning(*_COLUMNS).cte("added_ticket")
    return select(ticket.c.number).add_cte(
        _beside(TicketCommitment, "commitments", ticket),
        _beside(TimelineEntry, "entries", ticket),
        _beside(Event, "events", ticket),
        _of_ticket(TicketSearch, ticket, tokens=null()),
        _of_ticket(
            TicketAssignment, ticket, id=bindparam("assignment", type_=Uuid), department=ticket.c.department,
            staff_no=ticket.c.assignee_staff_no, status=ticket.c.status, since=ticket.c.recorded_at, until=null(),
        ),
    )  # fmt: skip


_SERIAL = func.lpad(cast(TICKET_NUMBER.next_value(), Text), 6, "0")
_QUIETLY = _statement(func.concat("AS-", bindparam("day", type_=Text), "-", _SERIAL), quietly=True)
_NUMBER = _parameter(_COLUMNS["number"])
_AT_ONCE = {False: Prepared(_statement(_NUMBER)), True: Prepared(_statement(_NUMBER, answered_claim()))}


async def insert_ticket(
    session: AsyncSession, ticket: Ticket, commitments: Sequence[TicketCommitment], beginning: Beginning, *, day: str
) -> str | None:
    """Write all rows and return the ticket's number, `AS-<day>-NNNNNN`; None if its reference or number is taken."""
    number: str | None = await session.scalar(_QUIETLY, _values(ticket, commitments, beginning) | {"day": day})
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
    values = _values(ticket, commitments, beginning)
    if claim is not None:
        values |= claim.taken_with(answer)
    return bool(await db.fetch(_AT_ONCE[claim is not None], **values))


def _values(ticket: Ticket, commitments: Sequence[TicketCommitment], beginning: Beginning) -> dict[str, Any]:
    given = vars(ticket)
    documents = {name: _json(given[name]) for name in _DOCUMENTS if given[name] is not None}
    return {
        **given,
        **documents,
        "commitments": _json(_plain(commitments)),
        "entries": _json(_plain(beginning.entries)),
        "events": _json(_plain(beginning.events)),
        "assignment": new_id(),
    }


def _plain(rows: Sequence[Base]) -> list[dict[str, Any]]:
    # Read past the attributes of the ORM, which look for a change to note at every one of them.
    return [{name: value for name, value in vars(row).items() if name != "_sa_instance_state"} for row in rows]


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()  # `default`: the driver's own kind of UUID
