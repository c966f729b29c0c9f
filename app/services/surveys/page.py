"""The customer's page `/s/{token}`: what is asked, what was answered so far, and taking the answers."""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.call import EVERYTHING, Call, Caller
from app.core.language import Language, Text
from app.core.personal import Tier
from app.models.surveys import Survey
from app.services.context import Context, Kit
from app.services.rules.surveys import (
    HIGHEST_NPS,
    LOWEST_NPS,
    Answers,
    SurveyAspect,
    SurveyChannel,
    SurveyKind,
    asked_aspects,
)
from app.services.surveys import words
from app.services.surveys.answering import Asked, answers_of, is_open, load_asked, lock_survey, take_answers
from app.services.surveys.asking import note_opt_out
from app.services.surveys.inviting import opted_out
from app.services.surveys.links import survey_of
from app.services.surveys.rendering import closed_page, render_page, stop_page

MOST_BYTES: Final = 64 * 1024
_LONGEST_COMMENT: Final = 2000
_MOST_FIELDS: Final = 30
_NOBODY: Final = UUID(int=0)
_CUSTOMER: Final = Caller(_NOBODY, _NOBODY, "customer", frozenset(), frozenset({EVERYTHING}), Tier.PUBLIC)

Faults = list[tuple[str, Text]]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to the page. `token` was checked by nobody yet; the address decides the language."""

    call: Call
    language: Language
    token: str


async def show_survey(kit: Kit, visit: Visit) -> Answer | None:
    """Return the page of a link, or the one that says there is nothing to answer; None if the link is not ours.

    Raises: DatabaseUnavailable.
    """
    survey_id = survey_of(visit.token, kit.keyring)
    if survey_id is None:
        return None
    ctx = await _context(kit, visit.call)
    async with ctx.db.begin() as session:
        survey = await session.get(Survey, survey_id)
        asked = await _open(ctx, session, survey)
        return closed_page(visit.language) if asked is None else _page(asked, visit, answers_of(asked.survey))


async def answer_survey(kit: Kit, visit: Visit, body: bytes) -> Answer | None:
    """Take a form and lead on to the thanks, or show it again with what is missing; None if the link is not ours.

    Raises: DatabaseUnavailable.
    """
    survey_id = survey_of(visit.token, kit.keyring)
    if survey_id is None:
        return None
    ctx = await _context(kit, visit.call)
    async with ctx.db.begin() as session:
        asked = await _open(ctx, session, await lock_survey(session, survey_id))
        if asked is None:
            return closed_page(visit.language)
        said, faults = _read_form(asked, body)
        if faults:
            return _page(asked, visit, said, faults)
        await take_answers(ctx, session, asked, said, by=SurveyChannel.WEB, staff_no=None)
    return Answer(303, b"", {"location": f"thanks?lang={visit.language}", "cache-control": "no-store"})


async def show_stop(kit: Kit, visit: Visit) -> Answer | None:
    """Return the page that asks whether to be left alone; it works as long as the link is ours, answered or expired.

    Nothing is done yet: mail scanners follow links. None if the link is not ours.
    Raises: DatabaseUnavailable.
    """
    survey_id = survey_of(visit.token, kit.keyring)
    if survey_id is None:
        return None
    ctx = await _context(kit, visit.call)
    async with ctx.db.begin() as session:
        survey = await session.get(Survey, survey_id)
        if survey is None:
            return closed_page(visit.language)
        return stop_page(visit.language, done=await opted_out(session, survey))


async def stop_asking(kit: Kit, visit: Visit) -> Answer | None:
    """Note that a link's customer does not want to be asked any more, by whatever contact; None if it is not ours.

    Raises: DatabaseUnavailable.
    """
    survey_id = survey_of(visit.token, kit.keyring)
    if survey_id is None:
        return None
    ctx = await _context(kit, visit.call)
    async with ctx.db.begin() as session:
        survey = await session.get(Survey, survey_id)
        if survey is None:
            return closed_page(visit.language)
        await note_opt_out(session, survey.business_line_id, survey.customer_hashes, ctx.now)
        return stop_page(visit.language, done=True)


async def _context(kit: Kit, call: Call) -> Context:
    return Context(kit, _CUSTOMER, call, await kit.directory.known(), kit.clock())


async def _open(ctx: Context, session: AsyncSession, survey: Survey | None) -> Asked | None:
    """Return what can be answered by its link now: invited, not expired, not followed up."""
    if survey is None or survey.invited_at is None or not is_open(ctx, survey):
        return None
    return await load_asked(ctx, session, survey)


def _page(asked: Asked, visit: Visit, given: Answers, faults: Faults | None = None) -> Answer:
    survey, ticket, policy = asked.survey, asked.ticket, asked.policy
    terms = policy.edition.surveys
    lowest, highest = terms.scale.value
    about_service = survey.kind is SurveyKind.SERVICE
    assert survey.expires_at is not None  # noqa: S101 — it is set with `invited_at`
    return render_page(
        "survey.html",
        422 if faults else 200,
        visit.language,
        faults=faults or [],
        number=None if ticket is None else ticket.number,
        title=words.TITLE if about_service else words.CAMPAIGN_TITLE,
        overall=words.OVERALL if about_service else words.CAMPAIGN_OVERALL,
        token=visit.token,
        product=survey.product,
        scores=range(lowest, highest + 1),
        aspects=[item for item in terms.aspects.items.items() if item[0] is not SurveyAspect.OVERALL],
        given=given,
        loyalty=survey.with_loyalty,
        until=survey.expires_at.astimezone(ZoneInfo(policy.time.timezone)).strftime("%Y-%m-%d %H:%M"),
    )


def _read_form(asked: Asked, body: bytes) -> tuple[Answers, Faults]:
    """Return the answers with what a form adds to them, and what is wrong with it.

    What the form leaves out stays as it was; an emptied comment is taken back.
    """
    before, terms = answers_of(asked.survey), asked.policy.edition.surveys
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return before, [("overall", words.UNREADABLE)]
    given = {name: values[-1] for name, values in fields.items()}
    lowest, highest = terms.scale.value
    try:
        scores = {aspect: _number(given[aspect], lowest, highest) for aspect in asked_aspects(terms) if aspect in given}
        nps = _number(given["nps"], LOWEST_NPS, HIGHEST_NPS) if "nps" in given else before.nps
        resolved = {"yes": True, "no": False}[given["resolved"]] if "resolved" in given else before.resolved
    except (ValueError, KeyError):
        return before, [("overall", words.UNREADABLE)]
    comment = _plain(given["comment"]) or None if "comment" in given else before.comment
    said = replace(before, scores={**before.scores, **scores}, nps=nps, resolved=resolved, comment=comment)
    if not said.given:
        return said, [("overall", words.NOTHING_SAID)]
    if comment is not None and len(comment) > _LONGEST_COMMENT:
        return said, [("comment", words.TOO_LONG)]
    return said, []


def _number(text: str, lowest: int, highest: int) -> int:
    """Raises: ValueError unless it is a whole number within the bounds."""
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and lowest <= int(text) <= highest):
        raise ValueError(text)
    return int(text)


def _plain(text: str) -> str:
    """Return what was written without line-end variants and control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in lines if sign == "\n" or sign.isprintable()).strip()
