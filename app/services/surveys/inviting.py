"""Inviting and reminding: what a worker does when a survey's time has come.

One worker does it at a time, so that two matters of one customer are not both asked about. Whether somebody does not
want to be asked is looked up at that moment: a withdrawal counts for what waits already.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ServiceError
from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.models.surveys import Survey, SurveyLetter, SurveyOptOut
from app.models.tickets import Ticket
from app.schemas.fields import instant_text
from app.services.directory import Known
from app.services.policy_book import Policy
from app.services.rules.notices import NoticeState
from app.services.rules.surveys import (
    InvitedBy,
    LetterPurpose,
    SkipReason,
    SurveyChannel,
    SurveyState,
    contact_time,
    drawn,
)
from app.services.rules.tickets import Status
from app.services.surveys.queueing import capture

INVITED, REMINDED = "survey.invited", "survey.reminded"
ENDED = (Status.RESOLVED, Status.ACCEPTED, Status.CLOSED)
_ONE_SENDER = text("SELECT pg_try_advisory_xact_lock(hashtext('aftersales.survey.sender'))")
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('aftersales.survey.sender'))")
_TRY_AGAIN = timedelta(hours=1)
_log = structlog.get_logger("aftersales.surveys")


async def send_due(session: AsyncSession, known: Known, now: datetime, *, limit: int = 100) -> int:
    """Invite and remind whoever is due; return how many surveys were looked at."""
    if not await session.scalar(_ONE_SENDER):
        return 0
    due = (
        select(Survey, Ticket)
        .outerjoin(Ticket, Ticket.id == Survey.ticket_id)
        .where(Survey.next_at <= now)
        .order_by(Survey.next_at)
        .limit(limit)
        .with_for_update(of=Survey, skip_locked=True)
    )
    found = (await session.execute(due)).all()
    for survey, ticket in found:
        try:
            policy = known.edition(survey.policy_name, survey.policy_version)
        except ServiceError as problem:
            survey.next_at = now + _TRY_AGAIN
            _log.error("survey put off", survey=survey.id.hex, code=problem.code)
            continue
        await _send(session, survey, ticket, policy, now)
        await session.flush()  # the next one may be the same customer's
    return len(found)


async def _send(session: AsyncSession, survey: Survey, ticket: Ticket | None, policy: Policy, now: datetime) -> None:
    opening = contact_time(now, policy.edition.calendar.contact_hours.value, policy.time.timezone)
    if opening > now:
        survey.next_at = opening
        return
    if survey.state is SurveyState.QUEUED:
        reason = await reason_not_to_ask(session, survey, ticket, policy, now)
        if reason is None:
            invite(session, survey, ticket, policy, now)
        else:
            survey.state, survey.skipped_because, survey.next_at = SurveyState.SKIPPED, reason, None
    else:
        survey.next_at = None
        if not await opted_out(session, survey) and not await _unreachable(session, survey):
            survey.reminded_at = now
            announce(session, survey, REMINDED, now, invited_by=survey.invited_by)
            _write(session, survey, LetterPurpose.REMINDER, now)
    survey.updated_at = now
    survey.version += 1


async def reason_not_to_ask(
    session: AsyncSession, survey: Survey, ticket: Ticket | None, policy: Policy, now: datetime
) -> SkipReason | None:
    """Say why a customer is not to be asked; None if they are.

    After a follow-up neither the period nor the lot counts. The lot comes last: a person may ask in spite of it.
    """
    terms = policy.edition.surveys
    if ticket is not None and (survey.round_started_at != ticket.round_started_at or ticket.status not in ENDED):
        return SkipReason.TAKEN_UP_AGAIN
    if await opted_out(session, survey):
        return SkipReason.OPTED_OUT
    if survey.follow_up_of_id is not None:
        return None
    if await _asked_recently(session, survey, now - timedelta(days=terms.one_invitation_in_days.value)):
        return SkipReason.ASKED_RECENTLY
    if survey.campaign_id is not None:  # its lots are drawn
        return None
    return None if drawn(survey.id, terms.invited_percent.value, "invited") else SkipReason.NOT_DRAWN


def invite(session: AsyncSession, survey: Survey, ticket: Ticket | None, policy: Policy, now: datetime) -> None:
    """Ask the customer: tell the CRM, which sends the link unless a letter does, and note when to remind."""
    terms = policy.edition.surveys
    expires_at = begin(survey, ticket, policy, now)
    if survey.channel is not SurveyChannel.WEB:
        return
    remind_at = contact_time(
        now + timedelta(days=terms.reminder_after_days.value),
        policy.edition.calendar.contact_hours.value,
        policy.time.timezone,
    )
    survey.next_at = remind_at if remind_at < expires_at else None
    said = {"channel": survey.channel, "invited_by": survey.invited_by, "expires_at": instant_text(expires_at)}
    announce(session, survey, INVITED, now, **said)
    _write(session, survey, LetterPurpose.INVITATION, now)


def _write(session: AsyncSession, survey: Survey, purpose: LetterPurpose, now: datetime) -> None:
    """Have a letter sent where the customer is written to by this service."""
    if survey.invited_by is InvitedBy.EMAIL:
        session.add(
            SurveyLetter(
                id=new_id(), business_line_id=survey.business_line_id, survey_id=survey.id, purpose=purpose,
                state=NoticeState.WAITING, attempts=0, next_try_at=now, created_at=now,
            )
        )  # fmt: skip


def begin(survey: Survey, ticket: Ticket | None, policy: Policy, now: datetime) -> datetime:
    """Let answers be given from now on; return until when."""
    survey.state, survey.invited_at, survey.next_at = SurveyState.INVITED, now, None
    survey.expires_at = expires_at = now + timedelta(days=policy.edition.surveys.valid_days.value)
    if ticket is not None:
        capture(survey, ticket)
    return expires_at


def announce(session: AsyncSession, survey: Survey, type_: str, at: datetime, **data: Any) -> None:
    """Write an event of a survey, whose row is held. It names ids and states, never a score, a text or the link."""
    survey.events_emitted += 1
    shown = id_text("srv", survey.id)
    ticket = id_text("tkt", survey.ticket_id) if survey.ticket_id else None
    told = {"survey_id": shown, "ticket_id": ticket, "kind": survey.kind, "state": survey.state, **data}
    if survey.customer_external_id is not None:
        told["customer_external_id"] = survey.customer_external_id
    session.add(
        Event(
            id=new_id(), position=None, business_line_id=survey.business_line_id, type=type_,
            subject=f"surveys/{shown}", sequence=survey.events_emitted, data=told, request_id=None, occurred_at=at,
        )
    )  # fmt: skip


async def opted_out(session: AsyncSession, survey: Survey) -> bool:
    """Tell whether the customer does not want to be asked by this line."""
    same = (
        SurveyOptOut.business_line_id == survey.business_line_id,
        SurveyOptOut.customer_hash.in_(survey.customer_hashes),
    )
    return await session.scalar(select(SurveyOptOut.created_at).where(*same).limit(1)) is not None


async def _unreachable(session: AsyncSession, survey: Survey) -> bool:
    """Tell whether the invitation was written to an address that does not take letters."""
    failed = select(SurveyLetter.id).where(
        SurveyLetter.survey_id == survey.id, SurveyLetter.state == NoticeState.FAILED
    )
    return await session.scalar(failed.limit(1)) is not None


async def _asked_recently(session: AsyncSession, survey: Survey, since: datetime) -> bool:
    """Tell whether the line has asked this customer since then, about whatever matter."""
    others = select(Survey.id).where(
        Survey.business_line_id == survey.business_line_id,
        Survey.customer_hashes.overlap(survey.customer_hashes),
        Survey.invited_at > since,
        Survey.id != survey.id,
    )
    return await session.scalar(others.limit(1)) is not None
