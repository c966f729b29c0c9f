"""Personal data in full for who sees it masked: one record at a time, for a purpose, and on record first."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.db import availability_problem
from app.core.errors import InsufficientScope, ServiceError
from app.core.ids import id_text
from app.core.language import Text
from app.core.personal import Tier, mask_text
from app.models.customers import Customer
from app.schemas.access_log import RevealIn, RevealOut
from app.services.access_log import log_reveal
from app.services.archive.customers import unseal
from app.services.archive.records import find_record
from app.services.context import Context
from app.services.tickets.customers import open_customer
from app.services.tickets.loading import find_ticket


class AccessLogUnavailable(ServiceError):
    """The look could not be put on record, so nothing is shown."""

    status, code, retryable = 503, "access_log_unavailable", True
    title = Text("无法登记本次查看，因此不予显示，请稍后重试", "The look cannot be put on record: nothing is shown")


async def reveal_ticket(ctx: Context, reference: str, body: RevealIn) -> Answer:
    """Return personal data of a ticket's customer.

    Raises: TicketNotFound, InsufficientScope for a key of the tier `public`, AccessLogUnavailable.
    """
    async with ctx.db.begin() as session:
        ticket = await find_ticket(session, ctx, reference)
        person = open_customer(ticket.customer_sealed, ticket.id, ctx.keyring)
        subject = f"tickets/{id_text('tkt', ticket.id)}"
        return await _revealed(session, ctx, ticket.business_line_id, subject, person, body)


async def reveal_customer(ctx: Context, reference: str, body: RevealIn) -> Answer:
    """Return personal data of a customer in the archive.

    Raises: RecordNotFound, InsufficientScope for a key of the tier `public`, AccessLogUnavailable.
    """
    async with ctx.db.begin() as session:
        customer = await find_record(session, ctx, Customer, reference)
        subject = f"customers/{id_text('cus', customer.id)}"
        return await _revealed(session, ctx, customer.business_line_id, subject, unseal(customer, ctx.keyring), body)


async def _revealed(
    session: AsyncSession, ctx: Context, line: UUID, subject: str, person: Mapping[str, str | None], body: RevealIn
) -> Answer:
    if ctx.caller.tier is Tier.PUBLIC:
        raise InsufficientScope(members={"required_tier": Tier.GENERAL})
    wanted = sorted(set(body.fields))
    log_reveal(session, ctx, line, subject, wanted, _without(person, body.purpose))
    try:
        await session.flush()
    except DBAPIError as error:
        raise availability_problem(error) or AccessLogUnavailable() from error
    return Answer.of(200, RevealOut(subject=subject, values={name: person[name] for name in wanted}))


def _without(person: Mapping[str, str | None], purpose: str) -> str:
    """Return a purpose without the person's own data: the log names fields, never their values."""
    for value in filter(None, person.values()):
        purpose = purpose.replace(value, "*" * len(value))
    return mask_text(purpose)
