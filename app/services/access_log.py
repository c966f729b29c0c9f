"""Every look at personal data in full is on record before anybody sees it (004 5.2)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text, new_id
from app.models.access_log import AccessLog
from app.models.capas import Capa
from app.models.customers import Customer
from app.models.nonconformities import Nonconformity
from app.models.tickets import Ticket
from app.schemas.tickets import TicketOut
from app.services.context import Context

_PERSONAL = ("name", "phone", "email", "address")


def log_access(session: AsyncSession, ctx: Context, shown: Sequence[TicketOut]) -> None:
    """Note who is shown which personal fields of which tickets; if this cannot be written, nothing is shown."""
    for ticket in shown:
        fields = [name for name in _PERSONAL if ticket.customer is not None and getattr(ticket.customer, name)]
        line = ctx.known.by_name[ticket.business_line].id
        session.add(_look(ctx, line, f"tickets/{ticket.id}", ["description", *fields]))


def log_customers(session: AsyncSession, ctx: Context, tickets: Sequence[Ticket]) -> None:
    """Note who is shown the customers of these tickets in full."""
    for ticket in tickets:
        session.add(_look(ctx, ticket.business_line_id, f"tickets/{id_text('tkt', ticket.id)}", list(_PERSONAL)))


def log_texts(session: AsyncSession, ctx: Context, ticket: Ticket, what: str = "timeline") -> None:
    """Note who is shown a ticket's timeline, or its report, as it was written."""
    session.add(_look(ctx, ticket.business_line_id, f"tickets/{id_text('tkt', ticket.id)}", [what]))


def log_capa(session: AsyncSession, ctx: Context, capa: Capa) -> None:
    """Note who is shown a CAPA's texts as they were written."""
    session.add(_look(ctx, capa.business_line_id, f"capas/{id_text('cap', capa.id)}", ["texts"]))


def log_nonconformity(session: AsyncSession, ctx: Context, found: Nonconformity) -> None:
    """Note who is shown the texts about nonconforming goods as they were written."""
    session.add(_look(ctx, found.business_line_id, f"nonconformities/{id_text('ncf', found.id)}", ["texts"]))


def log_archive(session: AsyncSession, ctx: Context, customers: Sequence[Customer]) -> None:
    """Note who is shown these customers' files in full."""
    for customer in customers:
        subject = f"customers/{id_text('cus', customer.id)}"
        session.add(_look(ctx, customer.business_line_id, subject, list(_PERSONAL)))


def log_replay(session: AsyncSession, ctx: Context) -> None:
    """Note who is shown a stored answer again."""
    lines = ctx.line_ids()
    session.add(_look(ctx, lines[0], ctx.call.path[:80], ["stored answer"]))


def _look(ctx: Context, line: UUID, subject: str, fields: list[str]) -> AccessLog:
    return AccessLog(
        id=new_id(),
        business_line_id=line,
        key_id=ctx.caller.key_id,
        staff_no=ctx.caller.staff_no,
        subject=subject,
        fields=fields,
        request_id=ctx.call.request_id,
        at=ctx.kit.clock(),  # the real time, also of a look at a ticket on a test clock
    )
