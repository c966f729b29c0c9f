"""Finding one ticket for a caller: by number or id, within the caller's lines, locked when it is to be changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Base
from app.core.ids import id_from
from app.models.tickets import Ticket, TicketCommitment
from app.services.context import Context
from app.services.own_time import at_own_time
from app.services.policy_book import Policy
from app.services.tickets.refusals import TicketNotFound

_LONGEST_REFERENCE = 64
# What is read most is read as rows of the tables, by statements made once: to put a statement together, and objects of
# the ORM from what it found, takes longer than to run it.
TICKET, _COMMITMENT = (Base.metadata.tables[model.__tablename__] for model in (Ticket, TicketCommitment))
_IDS = ARRAY(Uuid())
_SEEN = select(TICKET).where(TICKET.c.business_line_id == any_(bindparam("lines", type_=_IDS)))
_BY_ID, _BY_NUMBER = (_SEEN.where(TICKET.c[name] == bindparam(name)) for name in ("id", "number"))
_COMMITMENTS = select(_COMMITMENT).where(_COMMITMENT.c.ticket_id == any_(bindparam("tickets", type_=_IDS)))


@dataclass(frozen=True, slots=True)
class Loaded:
    ticket: Ticket
    commitments: list[TicketCommitment]
    policy: Policy


async def find_ticket(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> Ticket:
    """Return the ticket; `lock` holds its row until the transaction ends.

    Raises: TicketNotFound, also for a ticket of a line the caller does not see.
    """
    ticket_id, number = _called(reference)
    same = Ticket.id == ticket_id if ticket_id is not None else Ticket.number == number
    wanted = select(Ticket).where(same, Ticket.business_line_id.in_(ctx.line_ids()))
    ticket = await session.scalar(wanted.with_for_update() if lock else wanted)
    if ticket is None:
        raise TicketNotFound
    return ticket


async def find_to_show(session: AsyncSession, ctx: Context, reference: str) -> Ticket:
    """Return the ticket as `tickets_to_show` does.

    Raises: TicketNotFound, also for a ticket of a line the caller does not see.
    """
    ticket_id, number = _called(reference)
    query = _BY_NUMBER if ticket_id is None else _BY_ID
    tickets = await tickets_to_show(session, query, {"id": ticket_id, "number": number, "lines": ctx.line_ids()})
    if not tickets:
        raise TicketNotFound
    return tickets[0]


async def tickets_to_show(
    session: AsyncSession, query: Select[Any], values: Mapping[str, Any] | None = None
) -> Sequence[Ticket]:
    """Return rows of `TICKET` with a ticket's attributes, but not as objects of the ORM: nothing is to be changed."""
    return cast("Sequence[Ticket]", (await session.execute(query, values)).all())


async def commitments_to_show(session: AsyncSession, tickets: Iterable[Ticket]) -> Sequence[TicketCommitment]:
    """Return the commitments of some tickets, as `tickets_to_show` returns those."""
    rows = await session.execute(_COMMITMENTS, {"tickets": [ticket.id for ticket in tickets]})
    return cast("Sequence[TicketCommitment]", rows.all())


def _called(reference: str) -> tuple[UUID | None, str]:
    """Return the id or the number that a ticket is called by. Raises: TicketNotFound."""
    if len(reference) > _LONGEST_REFERENCE or not reference.isascii() or not reference.isprintable():
        raise TicketNotFound
    return id_from("tkt", reference), reference.upper()


async def load_ticket(
    session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False
) -> tuple[Context, Loaded]:
    """Return a ticket with its commitments and the edition it keeps, and the context at the ticket's own time.

    Who waited for the lock acts when they get it, after whoever had it: a ticket's time never goes back.
    Raises: TicketNotFound.
    """
    ticket = await find_ticket(session, ctx, reference, lock=lock)
    if lock:
        ctx = replace(ctx, now=ctx.kit.clock())
    rows = await session.scalars(select(TicketCommitment).where(TicketCommitment.ticket_id == ticket.id))
    policy = await ctx.edition_of(ticket.policy_name, ticket.policy_version)
    return await at_own_time(session, ctx, ticket), Loaded(ticket, list(rows), policy)
