"""Finding one ticket for a caller: by number or id, within the caller's lines, locked when it is to be changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_from
from app.core.single import Prepared
from app.models.tickets import Ticket, TicketCommitment
from app.services.context import Context
from app.services.own_time import at_own_time
from app.services.policy_book import Policy
from app.services.tickets.refusals import TicketNotFound

_LONGEST_REFERENCE = 64
# What is read most is read by one statement, most of it in words: to put a statement together, and objects of the ORM
# from what it found, takes longer than to run it. Documents come as PostgreSQL writes them.
_SHOWN = (
    "id", "number", "business_line_id", "policy_name", "policy_version", "channel", "kind", "status", "urgency",
    "severity", "item_class", "service_level", "customer_sealed", "customer_external_id", "customer_tier",
    "description", "external_ref", "owner_staff_no", "assignee_staff_no", "department", "collaborating_departments",
    "handler_role", "escalation_level", "seller", "service_provider", "branch", "region", "sold_by", "served_by",
    "materials", "missing_materials", "follow_up_of_id", "test_clock_id", "version", "opened_at", "updated_at",
    "closed_at",
)  # fmt: skip
_DOCUMENTS = ("product", "call", "classification", "promise", "decisions")
_COLUMNS = [*(f"ticket.{name}" for name in _SHOWN), *(f"ticket.{name}::text" for name in _DOCUMENTS)]


class ShownCommitment(NamedTuple):
    """What of a commitment's row is needed to show it."""

    id: UUID
    milestone: str
    instance: int
    target_value: int
    target_unit: str
    started_at: datetime
    due_at: datetime
    calendar_confirmed: bool
    state: str
    met_at: datetime | None
    ended_at: datetime | None
    pauses: list[dict[str, Any]]
    delay_reason: str | None
    escalation_acknowledged_at: datetime | None


_COMMITMENT = ", ".join(ShownCommitment._fields)
_COMMITMENTS = f"ARRAY(SELECT ROW({_COMMITMENT}) FROM ticket_commitment WHERE ticket_id = ticket.id) AS commitments"  # noqa: S608
_OWN_TIME = "(SELECT now FROM test_clock WHERE test_clock.id = ticket.test_clock_id) AS own_time"
# Of each `ticket` to show what is shown, with its `commitments` and the time of its test clock.
SHOWN = text(", ".join([*_COLUMNS, _COMMITMENTS, _OWN_TIME]))
_SEEN = (
    select(SHOWN)
    .select_from(Ticket.__table__)
    .where(Ticket.business_line_id == any_(bindparam("lines", type_=ARRAY(Uuid()))))
)
_BY_ID, _BY_NUMBER = (Prepared(_SEEN.where(Ticket.__table__.c[name] == bindparam(name))) for name in ("id", "number"))


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


def shown_row(ticket: Ticket) -> dict[str, Any]:
    """Return an object of the ORM as a row of `SHOWN`."""
    return {name: getattr(ticket, name) for name in (*_SHOWN, *_DOCUMENTS)}


def ticket_called(reference: str, lines: Sequence[UUID]) -> tuple[Prepared, dict[str, Any]]:
    """Return the statement that finds a ticket of these lines to show, and its values. Raises: TicketNotFound."""
    ticket_id, number = _called(reference)
    return _BY_NUMBER if ticket_id is None else _BY_ID, {"id": ticket_id, "number": number, "lines": lines}


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
