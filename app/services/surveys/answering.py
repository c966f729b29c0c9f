"""What a customer answers, by whichever way: kept, judged, and acted upon in one transaction.

An answer may be changed until the survey expires or a follow-up was opened on it. The survey's row is held while
an answer is taken, so that two at once are one after the other, and count once.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_text
from app.core.language import Text
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.schemas.surveys import AnswersIn
from app.services.context import Context
from app.services.policy_book import Policy, PolicyBook
from app.services.rules.classification import ClassificationFacts, ComplaintClass, IssueType, classify
from app.services.rules.surveys import (
    Answers,
    SurveyAspect,
    SurveyChannel,
    SurveyState,
    asked_aspects,
    is_dissatisfied,
    is_satisfied,
)
from app.services.surveys.follow_ups import open_follow_up
from app.services.surveys.inviting import announce, begin
from app.services.surveys.reading import answer_survey, find_survey
from app.services.surveys.refusals import SurveyClosed


@dataclass(frozen=True, slots=True)
class Asked:
    """A survey with what it is about and the form it keeps."""

    survey: Survey
    ticket: Ticket | None
    policy: Policy


async def post_answers(ctx: Context, reference: str, body: AnswersIn) -> Answer:
    """Take what an agent or an IVR was told.

    Raises: SurveyNotFound, SurveyClosed, ValidationFailed, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            await find_survey(unit.session, ctx, reference)
            return unit.replayed
        survey = await find_survey(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, survey.version, ctx.caller.tier)
        asked = await load_asked(ctx, unit.session, survey)
        _scores_of_the_form(asked.policy, body)
        said = body.model_dump(include={"resolved", "nps", "comment"}, exclude_none=True)
        before = answers_of(survey)
        after = replace(before, scores={**before.scores, **body.scores}, **said)
        await take_answers(ctx, unit.session, asked, after, by=SurveyChannel(body.channel), staff_no=body.staff_no)
        await unit.session.flush()
        return unit.answer(await answer_survey(unit.session, ctx, survey))


async def load_asked(ctx: Context, session: AsyncSession, survey: Survey) -> Asked:
    """Return a survey with its ticket, if it is about one, and its edition. Raises: EditionUnavailable."""
    ticket = None if survey.ticket_id is None else await session.get_one(Ticket, survey.ticket_id)
    return Asked(survey, ticket, await ctx.edition_of(survey.policy_name, survey.policy_version))


async def lock_survey(session: AsyncSession, survey: UUID) -> Survey | None:
    return await session.scalar(select(Survey).where(Survey.id == survey).with_for_update())


def answers_of(survey: Survey) -> Answers:
    scores = {SurveyAspect(aspect): score for aspect, score in survey.scores.items()}
    return Answers(scores, survey.resolved, survey.nps, survey.comment)


async def take_answers(
    ctx: Context, session: AsyncSession, asked: Asked, answers: Answers, *, by: SurveyChannel, staff_no: str | None
) -> None:
    """Keep the answers of a survey whose row is held; what was said before in the same words changes nothing.

    Raises: SurveyClosed.
    """
    survey, terms = asked.survey, asked.policy.edition.surveys
    if answers == answers_of(survey):
        return
    if not is_open(ctx, survey):
        raise SurveyClosed
    if survey.invited_at is None:  # a return visit before the invitation went out
        begin(survey, asked.ticket, asked.policy, ctx.now)
    survey.scores = {str(aspect): score for aspect, score in answers.scores.items()}
    survey.resolved, survey.nps, survey.comment = answers.resolved, answers.nps, answers.comment
    survey.theme = _theme(ctx.known.book, answers.comment)
    survey.satisfied, survey.dissatisfied = is_satisfied(answers, terms), is_dissatisfied(answers, terms)
    survey.state, survey.next_at = SurveyState.ANSWERED, None
    survey.answered_at = survey.answered_at or ctx.now
    survey.answered_by, survey.answered_staff_no = by, staff_no
    survey.updated_at = ctx.now
    survey.version += 1
    announce(session, survey, "survey.answered", ctx.now, satisfied=survey.satisfied, dissatisfied=survey.dissatisfied)
    if survey.dissatisfied:
        ticket = await open_follow_up(ctx, session, survey, asked.ticket, asked.policy, answers)
        survey.follow_up_ticket_id = ticket.id
        shown = id_text("tkt", ticket.id)
        announce(session, survey, "survey.dissatisfied", ctx.now, follow_up=shown, department=ticket.department)


def is_open(ctx: Context, survey: Survey) -> bool:
    """Tell whether answers may be given or changed."""
    waiting = (SurveyState.QUEUED, SurveyState.INVITED, SurveyState.ANSWERED)
    expired = survey.expires_at is not None and survey.expires_at <= ctx.now
    return survey.state in waiting and not expired and survey.follow_up_ticket_id is None


def _theme(book: PolicyBook, comment: str | None) -> IssueType | None:
    """Return what a comment complains of, as the complaint classifier reads it; None if of nothing."""
    if comment is None:
        return None
    found = classify(ClassificationFacts(comment), book.classifier)
    return None if found.complaint_class is ComplaintClass.NOT_COMPLAINT else found.issue_type


def _scores_of_the_form(policy: Policy, body: AnswersIn) -> None:
    """Raises: ValidationFailed for an aspect the form does not ask about."""
    asked = asked_aspects(policy.edition.surveys)
    listed = ", ".join(asked)
    detail = Text(f"该表单的评价项为：{listed}", f"The form asks about {listed}")
    errors = [
        FieldError(("pointer", f"#/scores/{aspect}"), "unknown_value", detail)
        for aspect in body.scores
        if aspect not in asked
    ]
    if errors:
        raise ValidationFailed(errors=errors)
