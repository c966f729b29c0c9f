"""A matter is over: note that its customer is to be asked. A worker does the asking, in contact hours."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.services.context import Context
from app.services.rules.surveys import SurveyChannel, SurveyKind, SurveyState, contact_time, drawn
from app.services.surveys.customers import contact_hashes, inviter
from app.services.tickets.customers import open_customer
from app.services.tickets.loading import Loaded


async def queue_survey(session: AsyncSession, ctx: Context, loaded: Loaded) -> None:
    """Add the ticket's survey of this round, unless it has one, or nobody to ask.

    A ticket that lives by a test clock is not asked about by itself: no worker lives by its time.
    """
    if loaded.ticket.test_clock_id is None:
        await add_survey(session, ctx, loaded, SurveyChannel.WEB)


async def add_survey(session: AsyncSession, ctx: Context, loaded: Loaded, channel: SurveyChannel) -> None:
    """Add a survey of a ticket's present round in state `queued`, due in contact hours, unless there is one."""
    ticket, policy = loaded.ticket, loaded.policy
    person, external_id = open_customer(ticket.customer_sealed, ticket.id, ctx.keyring), ticket.customer_external_id
    hashes = contact_hashes(ctx.keyring, phone=person["phone"], email=person["email"], external_id=external_id)
    if not hashes:
        return
    terms = policy.edition.surveys
    survey = Survey(
        id=new_id(), kind=SurveyKind.SERVICE, business_line_id=ticket.business_line_id, ticket_id=ticket.id,
        round_started_at=ticket.round_started_at, version=1, events_emitted=0, policy_name=policy.name,
        policy_version=policy.version, form_version=terms.form_version, channel=channel,
        invited_by=inviter(terms, person["email"]), customer_external_id=external_id, customer_hashes=hashes,
        follow_up_of_id=await _asked_before(session, ticket.id), state=SurveyState.QUEUED,
        next_at=contact_time(ctx.now, policy.edition.calendar.contact_hours.value, policy.time.timezone),
        created_at=ctx.now, updated_at=ctx.now, scores={},
    )  # fmt: skip
    survey.with_loyalty = drawn(survey.id, terms.loyalty_percent.value, "loyalty")
    capture(survey, ticket)
    values = {part.key: getattr(survey, part.key) for part in Survey.__table__.columns}
    await session.execute(insert(Survey).values(values).on_conflict_do_nothing())


def capture(survey: Survey, ticket: Ticket) -> None:
    """Note whose work the answer will be about: later moves of the ticket do not change that."""
    survey.department = ticket.department
    survey.staff_no = ticket.assignee_staff_no or ticket.owner_staff_no
    survey.product = ticket.product.get("model") or ticket.product.get("name")
    survey.ticket_channel = ticket.channel


async def _asked_before(session: AsyncSession, ticket: UUID) -> UUID | None:
    """Return the survey whose answer this ticket follows up, if it does."""
    found: UUID | None = await session.scalar(select(Survey.id).where(Survey.follow_up_ticket_id == ticket))
    return found
