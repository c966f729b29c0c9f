"""Reading surveys: one, or a list. Nothing of another line ever shows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import etag
from app.core.ids import id_from, id_text
from app.core.pagination import next_link
from app.core.personal import Tier, mask_text
from app.models.surveys import Survey, SurveyLetter
from app.models.tickets import Ticket
from app.schemas.fields import Bilingual
from app.schemas.lists import SurveyFilter
from app.schemas.surveys import FormOut, LetterOut, SurveyList, SurveyOut, SurveyTicket
from app.schemas.tickets import PolicyRef
from app.services.context import Context
from app.services.listing import latest_first
from app.services.notices.courier import advise
from app.services.rules.notices import ChannelKind
from app.services.rules.surveys import SurveyAspect, SurveyState
from app.services.surveys.refusals import SurveyNotFound

_AS_STORED = (
    "kind", "channel", "invited_by", "customer_external_id", "lot", "skipped_because", "department",
    "staff_no", "resolved", "nps", "theme", "satisfied", "dissatisfied", "answered_by", "answered_staff_no",
    "version", "created_at", "invited_at", "reminded_at", "expires_at", "answered_at",
)  # fmt: skip


def state_at(survey: Survey, now: datetime) -> SurveyState:
    """Return the state as it is shown: an invitation that nobody answered in time has expired."""
    expired = survey.expires_at is not None and survey.expires_at <= now
    return SurveyState.EXPIRED if expired and survey.state is SurveyState.INVITED else survey.state


async def find_survey(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> Survey:
    """Return a survey; `lock` holds its row until the transaction ends. Raises: SurveyNotFound."""
    survey_id = id_from("srv", reference)
    if survey_id is None:
        raise SurveyNotFound
    wanted = select(Survey).where(Survey.id == survey_id, Survey.business_line_id.in_(ctx.line_ids()))
    survey = await session.scalar(wanted.with_for_update() if lock else wanted)
    if survey is None:
        raise SurveyNotFound
    return survey


async def get_survey(ctx: Context, reference: str) -> Answer:
    """Raises: SurveyNotFound."""
    async with ctx.db.read() as session:
        return await answer_survey(session, ctx, await find_survey(session, ctx, reference))


async def list_surveys(ctx: Context, wanted: SurveyFilter) -> Answer:
    """Return the surveys of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(Survey).where(Survey.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.ticket is not None:
        about = or_(Ticket.id == id_from("tkt", wanted.ticket), Ticket.number == wanted.ticket.upper())
        chosen = chosen.join(Ticket, Ticket.id == Survey.ticket_id).where(about)
    if wanted.state is not None:
        chosen = chosen.where(*_in_state(SurveyState(wanted.state), ctx.now))
    if wanted.kind is not None:
        chosen = chosen.where(Survey.kind == wanted.kind)
    if wanted.campaign is not None:
        chosen = chosen.where(Survey.campaign_id == id_from("cmp", wanted.campaign))
    if wanted.letter is not None:
        written = select(SurveyLetter.id).where(
            SurveyLetter.survey_id == Survey.id, SurveyLetter.state == wanted.letter
        )  # fmt: skip
        chosen = chosen.where(written.exists())
    if wanted.dissatisfied is not None:
        chosen = chosen.where(Survey.dissatisfied.is_(wanted.dissatisfied == "true"))
    if wanted.staff_no is not None:
        chosen = chosen.where(Survey.staff_no == wanted.staff_no)
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, Survey.created_at, wanted=wanted)
        items = await _shown(session, ctx, found)
    page = SurveyList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def answer_survey(session: AsyncSession, ctx: Context, survey: Survey) -> Answer:
    [shown] = await _shown(session, ctx, [survey])
    return Answer.of(200, shown, etag=etag(survey.version, ctx.caller.tier), vary="Authorization")


async def _shown(session: AsyncSession, ctx: Context, surveys: Sequence[Survey]) -> list[SurveyOut]:
    """Shape surveys for the caller's tier: what customers wrote is masked like any text of theirs."""
    about = {survey.ticket_id for survey in surveys} | {survey.follow_up_ticket_id for survey in surveys}
    tickets = {ticket.id: ticket for ticket in await session.scalars(select(Ticket).where(Ticket.id.in_(about)))}
    wanted = select(SurveyLetter).where(SurveyLetter.survey_id.in_(survey.id for survey in surveys))
    letters = (await session.scalars(wanted.order_by(SurveyLetter.created_at))).all()
    return [_survey(ctx, survey, tickets, [row for row in letters if row.survey_id == survey.id]) for survey in surveys]


def _survey(ctx: Context, survey: Survey, tickets: dict[UUID, Ticket], letters: Sequence[SurveyLetter]) -> SurveyOut:
    comment = survey.comment
    if comment is not None and ctx.caller.tier is not Tier.SENSITIVE:
        comment = None if ctx.caller.tier is Tier.PUBLIC else mask_text(comment)
    policy = PolicyRef(name=survey.policy_name, version=survey.policy_version)
    return SurveyOut(
        id=id_text("srv", survey.id),
        business_line=ctx.known.by_id[survey.business_line_id].name,
        ticket=_ticket(tickets[survey.ticket_id]) if survey.ticket_id else None,
        campaign=id_text("cmp", survey.campaign_id) if survey.campaign_id else None,
        letters=[_letter(letter) for letter in letters],
        form=FormOut(policy=policy, version=survey.form_version, with_loyalty=survey.with_loyalty),
        state=state_at(survey, ctx.now),
        scores={SurveyAspect(aspect): score for aspect, score in survey.scores.items()},
        comment=comment,
        follow_up=_ticket(tickets[survey.follow_up_ticket_id]) if survey.follow_up_ticket_id else None,
        follow_up_of=id_text("srv", survey.follow_up_of_id) if survey.follow_up_of_id else None,
        **{name: getattr(survey, name) for name in _AS_STORED},
    )


def _ticket(ticket: Ticket) -> SurveyTicket:
    return SurveyTicket(id=id_text("tkt", ticket.id), number=ticket.number, status=ticket.status)


def _letter(letter: SurveyLetter) -> LetterOut:
    advice = advise(ChannelKind.EMAIL, letter.last_status, letter.last_code, None)
    return LetterOut(
        purpose=letter.purpose,
        state=letter.state,
        attempts=letter.attempts,
        next_try_at=letter.next_try_at,
        last_status=letter.last_status,
        last_code=letter.last_code,
        advice=advice and Bilingual(zh=advice.zh, en=advice.en),
        sent_at=letter.sent_at,
    )


def _in_state(state: SurveyState, now: datetime) -> list[ColumnElement[bool]]:
    """The condition for a state as it is shown."""
    if state is SurveyState.EXPIRED:
        return [Survey.state == SurveyState.INVITED, Survey.expires_at <= now]
    if state is SurveyState.INVITED:
        return [Survey.state == state, Survey.expires_at > now]
    return [Survey.state == state]
