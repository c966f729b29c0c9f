"""满意度: what customers are asked and when, and what their answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from app.services.rules.clause import SILENT, Basis, Cited, Decision, DecisionKind, Sourced, Terms, Wording
from app.services.rules.policy_shapes import Days, Items, Percent, Statement
from app.services.rules.tickets import Move

Unsaid = TypeVar("Unsaid")


class SurveyAspect(StrEnum):
    OVERALL = "overall"
    PRODUCT_QUALITY = "product_quality"
    ATTITUDE = "attitude"
    TIMELINESS = "timeliness"
    PROBLEM_SOLVING = "problem_solving"


class InvitedAfter(StrEnum):
    """What ends a matter, so that its customer may be asked."""

    ACCEPTANCE = "acceptance"  # 客户验收
    CLOSURE = "closure"  # 服务结束


class InvitedBy(StrEnum):
    """Who sends the link to a customer's page."""

    CRM = "crm"  # the CRM, which the event tells
    EMAIL = "email"  # this service, by email


class SurveyKind(StrEnum):
    """What a customer is asked about."""

    SERVICE = "service"  # one matter, when it is over
    PERIODIC = "periodic"  # the company at large, from time to time (定期调查)
    LOYALTY = "loyalty"  # the same, with the question whether they would recommend it (忠诚度)


class LetterPurpose(StrEnum):
    """Why a customer is written to."""

    INVITATION = "invitation"
    REMINDER = "reminder"


class SurveyChannel(StrEnum):
    """How an answer comes in."""

    WEB = "web"  # the customer's own page
    HOTLINE = "hotline"  # an agent's return visit (回访)
    IVR = "ivr"  # a key press


class SurveyState(StrEnum):
    """An invitation past its expiry keeps its state; it is shown as expired."""

    QUEUED = "queued"  # to be sent in contact hours
    INVITED = "invited"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class SkipReason(StrEnum):
    """Why a customer was not asked."""

    NOT_DRAWN = "not_drawn"
    OPTED_OUT = "opted_out"
    ASKED_RECENTLY = "asked_recently"
    TAKEN_UP_AGAIN = "taken_up_again"  # the matter was reopened before the invitation went out


class AspectItems(Sourced):
    items: Annotated[dict[SurveyAspect, Wording], Field(min_length=1)]


def _unsaid(value: Unsaid) -> Cited[Unsaid]:
    """What holds for editions registered before there was such a value: they go on being read."""
    note = Wording("文件未规定，取默认值", "The document is silent: a default")
    return Cited(value=value, basis=Basis.ASSUMED, clause=SILENT, note=note)


class SurveyTerms(Terms):
    """满意度调查: the form, and whom it goes to.

    `scale` is the lowest and the highest score of an aspect. `invited_percent` is the share of matters whose customer
    is asked at all, `loyalty_percent` the share of those who are also asked whether they would recommend the company,
    `campaign_percent` the share of customers asked in a periodic or loyalty survey.
    """

    form_version: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,20}$")]
    aspects: AspectItems
    scale: Cited[tuple[int, int]]
    dissatisfied_at_most: Cited[int]
    unresolved_is_dissatisfied: Cited[bool]
    invited_after: Cited[InvitedAfter]
    invited_by: Cited[InvitedBy] = _unsaid(InvitedBy.CRM)
    invited_percent: Cited[Percent]
    campaign_percent: Cited[Percent] = _unsaid(100)
    loyalty_percent: Cited[Percent]
    one_invitation_in_days: Cited[Days]
    reminder_after_days: Cited[Days]
    valid_days: Cited[Days]
    methods: Items | None = None
    subjects: Items | None = None
    analysis: Statement | None = None


OVERALL_TITLE: Final = Wording("总体评价", "Overall")
LOWEST_NPS, HIGHEST_NPS, PROMOTER, DETRACTOR = 0, 10, 9, 6


@dataclass(frozen=True, slots=True)
class Answers:
    """What a customer has said so far; None is not answered."""

    scores: Mapping[SurveyAspect, int]
    resolved: bool | None = None
    nps: int | None = None
    comment: str | None = None

    @property
    def given(self) -> bool:
        """Whether anything is answered at all."""
        return bool(self.scores or self.comment) or self.resolved is not None or self.nps is not None


def asked_aspects(terms: SurveyTerms) -> dict[SurveyAspect, Wording]:
    """Return what is scored, the overall score first."""
    return {SurveyAspect.OVERALL: OVERALL_TITLE} | terms.aspects.items


def ends_matter(move: Move, terms: SurveyTerms) -> bool:
    """Tell whether a move is one the customer is asked after. A matter closed without acceptance counts as over too."""
    return move is Move.CLOSE or (move is Move.ACCEPT and terms.invited_after.value is InvitedAfter.ACCEPTANCE)


def drawn(survey: UUID, percent: int, purpose: str) -> bool:
    """Tell whether a survey belongs to the `percent` drawn by lot. The lot lies in its id: asked again, it is the same.

    Each purpose reads bytes of its own, so that the draws do not depend on each other.
    """
    place = {"invited": 8, "loyalty": 12}[purpose]
    return int.from_bytes(survey.bytes[place : place + 4]) % 100 < percent


def lot_of(seed: str, customer: bytes) -> int:
    """Return a customer's lot in a survey of many, 0 to 99: below the share asked, they are drawn.

    Seed and customer decide it alone, so that a draw can be made again, and each seed draws other customers.
    """
    return int.from_bytes(sha256(seed.encode() + b"\0" + customer).digest()[:8]) % 100


def contact_time(instant: datetime, window: tuple[str, str], timezone: str) -> datetime:
    """Return the first instant from `instant` (aware) on at which customers may be written to, in the same zone.

    `window` is opening and closing wall time, such as 9:00–20:00; closing itself is too late.
    """
    zone = ZoneInfo(timezone)
    local = instant.astimezone(zone)
    opens, closes = _wall(window[0]), _wall(window[1])
    seconds = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    if opens <= seconds < closes:
        return instant
    day = local.date() + timedelta(days=seconds >= closes)
    midnight = datetime.combine(day, time(), zone)
    return (midnight + opens).astimezone(instant.tzinfo)


def _wall(text: str) -> timedelta:
    hours, _, minutes = text.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def complaints_of(answers: Answers, terms: SurveyTerms) -> tuple[SurveyAspect, ...]:
    """Return the aspects a customer is dissatisfied with."""
    return tuple(aspect for aspect, score in answers.scores.items() if score <= terms.dissatisfied_at_most.value)


def is_dissatisfied(answers: Answers, terms: SurveyTerms) -> bool:
    """Tell whether somebody has to call this customer: an aspect scored low, or the matter not resolved."""
    unresolved = answers.resolved is False and terms.unresolved_is_dissatisfied.value
    return unresolved or bool(complaints_of(answers, terms))


def is_satisfied(answers: Answers, terms: SurveyTerms) -> bool | None:
    """Tell whether the overall score is one of the two highest; None without one."""
    overall = answers.scores.get(SurveyAspect.OVERALL)
    return None if overall is None else overall >= terms.scale.value[1] - 1


def explain_follow_up(department: str, answers: Answers, terms: SurveyTerms) -> Decision:
    """Say why a dissatisfied answer goes to a department: that of the matter it is about."""
    by_score = bool(complaints_of(answers, terms))
    key = "dissatisfied_at_most" if by_score else "unresolved_is_dissatisfied"
    term = terms.dissatisfied_at_most if by_score else terms.unresolved_is_dissatisfied
    reason = Wording(
        "客户回访不满意，由原责任部门跟进至解决", "A dissatisfied answer: the department of the matter follows it up"
    )
    return Decision(DecisionKind.RESPONSIBILITY, department, f"surveys.{key}", term.clause, reason, term.basis)
