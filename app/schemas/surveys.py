"""Bodies of surveys and satisfaction."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Bilingual,
    Email,
    Flag,
    Instant,
    Line,
    Phone,
    RequestBody,
    ResponseBody,
    ShortText,
    StaffNo,
    Word,
)
from app.schemas.tickets import CONTACT_REQUIRED, PolicyRef
from app.services.rules.notices import NoticeState
from app.services.rules.surveys import (
    InvitedBy,
    LetterPurpose,
    SkipReason,
    SurveyAspect,
    SurveyChannel,
    SurveyKind,
    SurveyState,
)

Score = Annotated[int, Field(strict=True, ge=1, le=5)]


class SurveyIn(RequestBody):
    """Either a ticket that is resolved, accepted or closed, or a return request that is over and belongs to one."""

    ticket_number: Line | None = None
    return_number: Line | None = None
    channel: Annotated[
        SurveyChannel, Field(description="`web`: the customer's page; `hotline`, `ivr`: the answer is posted")
    ] = SurveyChannel.WEB

    @model_validator(mode="after")
    def _one_matter(self) -> Self:
        if (self.ticket_number is None) is (self.return_number is None):
            detail = Text("请给出 ticket_number 或 return_number 之一", "Give either ticket_number or return_number")
            raise Refusal("required", detail, field="ticket_number")
        return self


class SurveyInvitation(ResponseBody):
    """`url` opens the customer's page: whoever has it can answer."""

    id: str
    url: str
    expires_at: Instant | None
    state: SurveyState


class AnswersIn(RequestBody):
    """What a customer said; what is left out stays as it was said before. One key press is `overall`."""

    scores: Annotated[dict[SurveyAspect, Score], Field(max_length=5)] = {}
    resolved: Flag | None = None
    nps: Annotated[int, Field(strict=True, ge=0, le=10, description="would recommend us, 0 to 10")] | None = None
    comment: ShortText | None = None
    channel: Literal["hotline", "ivr"] = "hotline"
    staff_no: StaffNo | None = None

    @model_validator(mode="after")
    def _something_is_said(self) -> Self:
        if not self.scores and (self.resolved, self.nps, self.comment) == (None, None, None):
            raise Refusal("required", Text("请给出至少一项回答", "Give at least one answer"))
        return self


class OptOutIn(RequestBody):
    """A customer who does not want to be asked. One contact is enough."""

    business_line: Word | None = None
    phone: Phone | None = None
    email: Email | None = None
    external_id: Line | None = None

    @model_validator(mode="after")
    def _somebody_is_meant(self) -> Self:
        if self.phone is None and self.email is None and self.external_id is None:
            raise Refusal("contact_required", CONTACT_REQUIRED)
        return self


class OptOutOut(ResponseBody):
    business_line: str
    recorded_at: Instant


class LetterOut(ResponseBody):
    """An email to the customer. `dropped`: it was not to be sent any more when its turn came."""

    purpose: LetterPurpose
    state: NoticeState
    attempts: int
    next_try_at: Instant | None
    last_status: Annotated[int | None, Field(description="what the mail server said last")]
    last_code: str | None
    advice: Bilingual | None
    sent_at: Instant | None


class SurveyTicket(ResponseBody):
    id: str
    number: str
    status: str


class FormOut(ResponseBody):
    policy: PolicyRef
    version: str
    with_loyalty: bool


class SurveyOut(ResponseBody):
    """A survey, what was answered, and what came of it.

    `follow_up` is the ticket a dissatisfied answer opened, `follow_up_of` the survey that was answered so before.
    """

    id: str
    business_line: str
    kind: SurveyKind
    ticket: SurveyTicket | None
    campaign: str | None
    lot: int | None
    customer_external_id: str | None
    form: FormOut
    channel: SurveyChannel
    invited_by: InvitedBy
    letters: list[LetterOut]
    state: SurveyState
    skipped_because: SkipReason | None
    department: str | None
    staff_no: str | None
    scores: dict[SurveyAspect, int]
    resolved: bool | None
    nps: int | None
    comment: Annotated[str | None, Field(description="null for the tier `public`")]
    theme: str | None
    satisfied: bool | None
    dissatisfied: bool | None
    answered_by: SurveyChannel | None
    answered_staff_no: str | None
    follow_up: SurveyTicket | None
    follow_up_of: str | None
    version: int
    created_at: Instant
    invited_at: Instant | None
    reminded_at: Instant | None
    expires_at: Instant | None
    answered_at: Instant | None


class SurveyList(ResponseBody):
    items: list[SurveyOut]
    next_cursor: str | None
    has_more: bool


Interval = Annotated[tuple[float, float], Field(description="95 %")]


class SatisfactionRow(ResponseBody):
    """One group of those who were invited in the period. Figures are null where the group is too small to compare."""

    key: str | None
    invited: int
    n: Annotated[int, Field(description="who answered")]
    response_rate: float | None
    rated: Annotated[int, Field(description="who gave an overall score")]
    mean: Annotated[float | None, Field(description="of the overall score")]
    means: dict[SurveyAspect, float]
    satisfied_rate: Annotated[float | None, Field(description="share of the two highest overall scores")]
    ci95: Interval | None
    nps_n: int
    nps: Annotated[float | None, Field(description="promoters less detractors, -100 to 100")]
    nps_ci95: Interval | None
    too_small: bool


class ChangePoint(ResponseBody):
    """A month from which on the satisfied share is another, beyond chance."""

    month: str
    rate_before: float
    rate_after: float
    p_value: Annotated[float, Field(description="Fisher's exact test, corrected for the months looked at")]


class Theme(ResponseBody):
    """What comments complain of."""

    key: str
    title: Bilingual
    n: int


class Satisfaction(ResponseBody):
    """客户满意度: of those invited from `period_start` to `period_end`, both days included."""

    business_lines: list[str]
    time_zone: str
    period_start: date
    period_end: date
    group_by: str
    total: SatisfactionRow
    rows: list[SatisfactionRow]
    trend: list[SatisfactionRow]
    change_points: list[ChangePoint]
    themes: list[Theme]
    follow_ups: int
    follow_ups_closed: int
