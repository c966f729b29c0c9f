"""Asking a customer at once, by a person's own decision, and noting who does not want to be asked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import etag
from app.core.ids import id_text
from app.models.surveys import Survey, SurveyOptOut
from app.schemas.surveys import OptOutIn, OptOutOut, SurveyIn, SurveyInvitation
from app.services.context import Context
from app.services.return_requests.loading import find_return, ticket_number
from app.services.rules.return_requests import OVER
from app.services.rules.surveys import SkipReason
from app.services.surveys.customers import contact_hashes
from app.services.surveys.inviting import ENDED, ONE_AT_A_TIME, invite, reason_not_to_ask
from app.services.surveys.links import link_of
from app.services.surveys.queueing import add_survey
from app.services.surveys.reading import state_at
from app.services.surveys.refusals import CustomerNotAsked, SurveyTooEarly
from app.services.tickets.loading import load_ticket


async def ask_customer(ctx: Context, body: SurveyIn) -> Answer:
    """Invite a ticket's customer now, whatever the hour; 200 if this end of the matter has its survey already.

    The lot does not count, since somebody decided to ask; the period and the will of the customer do.
    Raises: TicketNotFound, ReturnNotFound, SurveyTooEarly, CustomerNotAsked.
    """
    async with ctx.write(body) as unit:
        session = unit.session
        number = body.ticket_number or await _ticket_of_return(session, ctx, body.return_number or "")
        if unit.replayed is not None:
            await load_ticket(session, ctx, number)
            return unit.replayed
        await session.execute(ONE_AT_A_TIME)
        own, loaded = await load_ticket(session, ctx, number, lock=True)
        ticket = loaded.ticket
        if ticket.status not in ENDED:
            raise SurveyTooEarly
        there = await _survey_of_round(session, ticket.id, loaded.ticket.round_started_at)
        if there is None:
            await add_survey(session, own, loaded, body.channel)
            there = await _survey_of_round(session, ticket.id, loaded.ticket.round_started_at)
        if there is None:
            raise CustomerNotAsked(members={"reason": "no_contact"})
        fresh = there.invited_at is None
        if fresh:
            reason = await reason_not_to_ask(session, there, ticket, loaded.policy, ctx.now)
            if reason not in (None, SkipReason.NOT_DRAWN):
                raise CustomerNotAsked(members={"reason": reason})
            there.channel, there.skipped_because = body.channel, None
            invite(session, there, ticket, loaded.policy, ctx.now)
            there.version += 1
            there.updated_at = ctx.now
            await session.flush()
        return unit.answer(_invitation(ctx, there, 201 if fresh else 200))


async def _ticket_of_return(session: AsyncSession, ctx: Context, reference: str) -> str:
    """Return the number of the ticket that a return request belongs to: its customer is asked about the whole matter.

    Raises: ReturnNotFound, SurveyTooEarly, CustomerNotAsked if it stands alone.
    """
    request = await find_return(session, ctx, reference)
    if request.status not in OVER:
        raise SurveyTooEarly
    number = await ticket_number(session, request)
    if number is None:
        raise CustomerNotAsked(members={"reason": "no_ticket"})
    return number


async def opt_out(ctx: Context, body: OptOutIn) -> Answer:
    """Note that a customer of a line does not want to be asked, also about what waits to be sent already.

    Raises: NotFound for a line that is not the caller's.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        hashes = contact_hashes(ctx.keyring, **body.model_dump(include={"phone", "email", "external_id"}))
        await note_opt_out(unit.session, line.id, hashes, ctx.now)
        return unit.answer(Answer.of(201, OptOutOut(business_line=line.name, recorded_at=ctx.now)))


async def opt_in(ctx: Context, body: OptOutIn) -> Answer:
    """Take back that a customer does not want to be asked; what was dropped meanwhile is not sent after all.

    Raises: NotFound for a line that is not the caller's.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        hashes = contact_hashes(ctx.keyring, **body.model_dump(include={"phone", "email", "external_id"}))
        theirs = SurveyOptOut.business_line_id == line.id, SurveyOptOut.customer_hash.in_(hashes)
        await unit.session.execute(delete(SurveyOptOut).where(*theirs))
        return unit.answer(Answer.of(201, OptOutOut(business_line=line.name, recorded_at=ctx.now)))


async def note_opt_out(session: AsyncSession, line: UUID, hashes: Sequence[bytes], at: datetime) -> None:
    rows = [{"business_line_id": line, "customer_hash": found, "created_at": at} for found in hashes]
    if not rows:  # the customer was erased, and is asked no more anyway
        return
    await session.execute(insert(SurveyOptOut).values(rows).on_conflict_do_nothing())


async def _survey_of_round(session: AsyncSession, ticket: UUID, started_at: datetime) -> Survey | None:
    same = Survey.ticket_id == ticket, Survey.round_started_at == started_at
    return await session.scalar(select(Survey).where(*same).with_for_update())


def _invitation(ctx: Context, survey: Survey, status: int) -> Answer:
    shown = SurveyInvitation(
        id=id_text("srv", survey.id),
        url=link_of(survey.id, ctx.keyring, ctx.kit.public_url),
        expires_at=survey.expires_at,
        state=state_at(survey, ctx.now),
    )
    return Answer.of(status, shown, location=f"/v1/surveys/{shown.id}", etag=etag(survey.version, ctx.caller.tier))
