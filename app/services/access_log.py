"""Every look at personal data in full is on record before anybody sees it (004 5.2)."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.access_log import AccessLog
from app.schemas.tickets import TicketOut
from app.services.context import Context

_PERSONAL = ("name", "phone", "email", "address")


def log_access(session: AsyncSession, ctx: Context, shown: Sequence[TicketOut]) -> None:
    """Note who is shown which personal fields of which tickets; if this cannot be written, nothing is shown."""
    for ticket in shown:
        fields = [name for name in _PERSONAL if ticket.customer is not None and getattr(ticket.customer, name)]
        session.add(
            AccessLog(
                id=new_id(),
                business_line_id=ctx.known.by_name[ticket.business_line].id,
                key_id=ctx.caller.key_id,
                subject=f"tickets/{ticket.id}",
                fields=["description", *fields],
                request_id=ctx.call.request_id,
                at=ctx.now,
            )
        )
