"""Finding one ticket for a caller: by number or id, within the caller's lines, locked when it is to be changed."""

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_from
from app.models.tickets import Ticket, TicketCommitment
from app.services.context import Context
from app.services.own_time import at_own_time
from app.services.policy_book import Policy
from app.services.tickets.refusals import TicketNotFound

_LONGEST_REFERENCE = 64


@dataclass(frozen=True, slots=True)
class Loaded:
    ticket: Ticket
    commitments: list[TicketCommitment]
    policy: Policy


async def find_ticket(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> Ticket:
    """Return the ticket; `lock` holds its row until the transaction ends.

    Raises: TicketNotFound, also for a ticket of a line the caller does not see.
    """
    if len(reference) > _LONGEST_REFERENCE or not reference.isascii() or not reference.isprintable():
        raise TicketNotFound
    ticket_id = id_from("tkt", reference)
    same = Ticket.id == ticket_id if ticket_id is not None else Ticket.number == reference.upper()
    wanted = select(Ticket).where(same, Ticket.business_line_id.in_(ctx.line_ids()))
    ticket = await session.scalar(wanted.with_for_update() if lock else wanted)
    if ticket is None:
        raise TicketNotFound
    return ticket


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
