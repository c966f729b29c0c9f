"""Finding attachments of a ticket, and what they belong to."""

from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_from
from app.core.language import Text
from app.models.attachments import Attachment
from app.models.responsibility import Inspection
from app.models.return_requests import ReturnRequest
from app.models.tickets import Ticket
from app.services.attachments.refusals import AttachmentNotFound, TooManyAttachments
from app.services.rules.attachments import MOST_PER_TICKET

# By the prefix of its id: what of a ticket a file may belong to. Each has a `ticket_id`.
BOUND_TO: Final[dict[str, type[Inspection] | type[ReturnRequest]]] = {"ins": Inspection, "ret": ReturnRequest}


async def check_place(session: AsyncSession, ticket: Ticket) -> None:
    """Raises: TooManyAttachments. It holds for as long as the ticket's row is held."""
    there = select(func.count()).where(Attachment.ticket_id == ticket.id, Attachment.removed_at.is_(None))
    if (await session.scalar(there) or 0) >= MOST_PER_TICKET:
        raise TooManyAttachments


async def check_about(session: AsyncSession, ticket: Ticket, about: str | None) -> None:
    """Raises: ValidationFailed if the ticket has no such thing."""
    if about is None:
        return
    prefix = about[:3]
    bound, thing = BOUND_TO.get(prefix), id_from(prefix, about)
    if bound is not None:
        found = select(bound.id).where(bound.id == thing, bound.ticket_id == ticket.id)
        if await session.scalar(found) is not None:
            return
    detail = Text("该工单没有此对象", "The ticket has no such thing")
    raise ValidationFailed(errors=[FieldError(("parameter", "about"), "unknown_value", detail)])


async def attachments_of(session: AsyncSession, ticket_id: UUID) -> list[Attachment]:
    """Return what is attached to a ticket, the earliest first."""
    there = select(Attachment).where(Attachment.ticket_id == ticket_id, Attachment.removed_at.is_(None))
    return list(await session.scalars(there.order_by(Attachment.attached_at, Attachment.id)))


async def find_attachment(
    session: AsyncSession, ticket: Ticket, reference: str, *, lock: bool = False
) -> tuple[Attachment, str]:
    """Return an attachment of a ticket and the name of its blob.

    Raises: AttachmentNotFound.
    """
    wanted = select(Attachment).where(Attachment.id == id_from("att", reference), Attachment.ticket_id == ticket.id)
    found = await session.scalar(wanted.with_for_update() if lock else wanted)
    if found is None or found.blob is None:
        raise AttachmentNotFound
    return found, found.blob
