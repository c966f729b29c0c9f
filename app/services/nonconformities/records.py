"""Notes that several use cases about nonconforming goods make."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.models.nonconformities import Nonconformity, NonconformityTicket
from app.models.tickets import Ticket
from app.schemas.fields import instant_text
from app.services.context import Context
from app.services.own_time import at_own_time
from app.services.tickets.records import note_change


def note(
    ctx: Context,
    session: AsyncSession,
    goods: Nonconformity,
    *,
    move: str,
    event: str,
    staff_no: str,
    text: str | None = None,
    department: str | None = None,
    **data: Any,
) -> None:
    """Count a step of goods whose row is held, add it to their history and announce it, thin, without its texts.

    Call it once the status is what it becomes.
    """
    goods.version += 1
    goods.events_emitted += 1
    goods.updated_at = ctx.now
    step = {
        "move": move, "status": goods.status, "round": goods.round, "staff_no": staff_no, "department": department,
        "text": text, "at": instant_text(ctx.now),
    }  # fmt: skip
    goods.history = [*goods.history, step]
    subject = id_text("ncf", goods.id)
    about = {"nonconformity_id": subject, "number": goods.number, "status": goods.status, "round": goods.round}
    session.add(
        Event(
            id=new_id(),
            position=None,
            business_line_id=goods.business_line_id,
            type=event,
            subject=f"nonconformities/{subject}",
            sequence=goods.events_emitted,
            data=about | data,
            request_id=ctx.call.request_id,
            occurred_at=ctx.now,
        )
    )


async def note_on_ticket(
    ctx: Context, session: AsyncSession, goods: Nonconformity, ticket: Ticket, *, kind: str, staff_no: str
) -> None:
    """Note on a ticket, whose row is held, what became of the goods it is about, in the ticket's own time."""
    own = await at_own_time(session, ctx, ticket)
    data = {"nonconformity": goods.number}
    note_change(own, session, ticket, kind=kind, event=f"ticket.{kind}", staff_no=staff_no, data=data)


async def lock_linked(session: AsyncSession, goods: Nonconformity) -> list[Ticket]:
    """Return the tickets the goods belong to, their rows held; always in the same order."""
    same = NonconformityTicket.ticket_id == Ticket.id
    linked = select(Ticket).join(NonconformityTicket, same).where(NonconformityTicket.nonconformity_id == goods.id)
    return list(await session.scalars(linked.order_by(Ticket.id).with_for_update(of=Ticket)))
