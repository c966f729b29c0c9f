"""Writing to customers: one letter at a time by each worker, no transaction open meanwhile.

Whether a letter is still to go is looked up when it is taken, so that an opt-out counts for what waits. A claim notes
beforehand what is to be if its worker dies: the letter goes again with the same Message-ID. Time is the database's.
Neither table nor log gets the customer's address, nor what the server said of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing, KeyRingInvalid
from app.core.db import Database, database_now
from app.core.errors import ServiceError
from app.core.ids import id_text
from app.core.metrics import NOTICES
from app.models.surveys import Survey, SurveyLetter
from app.models.tickets import Ticket
from app.services.directory import Known
from app.services.notices.courier import Courier
from app.services.notices.outcomes import Outcome, Trouble
from app.services.policy_book import Policy
from app.services.rules.notices import NoticeState, Verdict, retry_after
from app.services.rules.surveys import SurveyState, contact_time
from app.services.surveys.customers import open_contact
from app.services.surveys.inviting import ENDED, opted_out
from app.services.surveys.letters import word_letter
from app.services.surveys.links import link_of, stop_link_of

_TRY_AGAIN: Final = timedelta(hours=1)
# What somebody of ours mends, so that the letter can go after all.
_OURS: Final = {Trouble.SMTP_NOT_SET, Trouble.PUBLIC_URL_NOT_SET, Trouble.SEALED}
_log = structlog.get_logger("aftersales.surveys")


@dataclass(frozen=True, slots=True)
class _Claim:
    letter: SurveyLetter
    survey: Survey
    ticket: Ticket | None


async def send_next_letter(
    db: Database, courier: Courier, keyring: KeyRing, known: Known, public_url: str, *, now: datetime | None = None
) -> int:
    """Send the letter that has waited longest; return how many were sent, tried, put off or dropped.

    `now` is the database's clock unless a test sets it.
    """
    async with db.begin() as session:
        at = now or await database_now(session)
        claim = await _first_due(session, at)
        if claim is None:
            return 0
        if not await _may_go(session, claim, known, at):
            return 1
        _count_try(claim.letter, at)
    outcome = await _deliver(claim, courier, keyring, known, public_url)
    async with db.begin() as session:
        await _record(session, claim.letter, outcome, now or await database_now(session))
    return 1


async def _first_due(session: AsyncSession, at: datetime) -> _Claim | None:
    due = (
        select(SurveyLetter, Survey, Ticket)
        .join(Survey, Survey.id == SurveyLetter.survey_id)
        .outerjoin(Ticket, Ticket.id == Survey.ticket_id)
        .where(SurveyLetter.next_try_at <= at)
        .order_by(SurveyLetter.next_try_at)
        .limit(1)
        .with_for_update(of=SurveyLetter, skip_locked=True)
    )
    found = (await session.execute(due)).one_or_none()
    return None if found is None else _Claim(*found)


async def _may_go(session: AsyncSession, claim: _Claim, known: Known, at: datetime) -> bool:
    """Tell whether a letter may be sent now; put it off until contact hours, or drop it, if not."""
    letter, survey = claim.letter, claim.survey
    try:
        policy = known.edition(survey.policy_name, survey.policy_version)
    except ServiceError as problem:
        letter.next_try_at = at + _TRY_AGAIN
        _log.error("survey letter put off", letter=letter.id.hex, code=problem.code)
        return False
    if not _still_asked(claim, at) or await opted_out(session, survey):
        letter.state, letter.next_try_at = NoticeState.DROPPED, None
        return False
    opening = _opening(policy, at)
    if opening > at:
        letter.next_try_at = opening
    return opening == at


def _still_asked(claim: _Claim, at: datetime) -> bool:
    """Tell whether the survey waits for an answer, and its matter is still over."""
    survey, ticket = claim.survey, claim.ticket
    over = ticket is None or (ticket.status in ENDED and ticket.round_started_at == survey.round_started_at)
    return over and survey.state is SurveyState.INVITED and survey.expires_at is not None and survey.expires_at > at


def _opening(policy: Policy, at: datetime) -> datetime:
    return contact_time(at, policy.edition.calendar.contact_hours.value, policy.time.timezone)


def _count_try(letter: SurveyLetter, at: datetime) -> None:
    letter.attempts += 1
    wait = retry_after(letter.attempts)
    letter.state = NoticeState.FAILED if wait is None else NoticeState.WAITING
    letter.next_try_at = None if wait is None else at + wait


async def _deliver(claim: _Claim, courier: Courier, keyring: KeyRing, known: Known, public_url: str) -> Outcome:
    survey, ticket = claim.survey, claim.ticket
    if not public_url:
        return Outcome(Verdict.REFUSED, code=Trouble.PUBLIC_URL_NOT_SET)
    try:
        to = open_contact(survey, ticket, keyring)["email"]
    except (KeyRingInvalid, InvalidTag):
        return Outcome(Verdict.REFUSED, code=Trouble.SEALED)
    letter = word_letter(
        claim.letter.purpose,
        survey,
        number=None if ticket is None else ticket.number,
        timezone=known.timekeeping_of(survey.policy_name, survey.policy_version).timezone,
        link=link_of(survey.id, keyring, public_url),
        stop_link=stop_link_of(survey.id, keyring, public_url),
    )
    return await courier.post(letter, to or "", id_text("let", claim.letter.id))


async def _record(session: AsyncSession, letter: SurveyLetter, outcome: Outcome, at: datetime) -> None:
    """Note what became of a try, unless another worker took the letter up meanwhile."""
    ours = SurveyLetter.id == letter.id, SurveyLetter.attempts == letter.attempts
    state, next_try_at, sent_at = _afterwards(letter.attempts, outcome, at)
    changes = {"state": state, "next_try_at": next_try_at, "sent_at": sent_at}
    said = {"last_status": outcome.status, "last_code": outcome.code}
    await session.execute(update(SurveyLetter).where(*ours).values(**changes, **said))
    NOTICES.labels("survey", "retried" if state is NoticeState.WAITING else state).inc()
    if state is not NoticeState.SENT:
        _log.warning("survey letter refused", letter=letter.id.hex, status=outcome.status, code=outcome.code)


def _afterwards(
    attempts: int, outcome: Outcome, at: datetime
) -> tuple[NoticeState, datetime | None, datetime | None]:  # fmt: skip
    """Return the letter's state, when it is tried again, and when it was sent."""
    if outcome.verdict is Verdict.ACCEPTED:
        return NoticeState.SENT, None, at
    again = outcome.verdict is Verdict.LATER or outcome.code in _OURS
    wait = retry_after(attempts) if again else None
    if wait is None:
        return NoticeState.FAILED, None, None
    return NoticeState.WAITING, at + max(wait, outcome.rest), None
