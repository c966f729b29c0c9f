"""Bodies of inspections, the determination of responsibility, and its letter."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Bilingual,
    Flag,
    Instant,
    Reference,
    RequestBody,
    ResponseBody,
    ShortText,
    StaffNo,
    Word,
)
from app.schemas.tickets import DecisionOut
from app.services.rules.responsibility import Conclusion, Doubt, Share
from app.services.rules.routing import DutyHolder

References = Annotated[list[Reference], Field(max_length=50, description="where it is kept: a number or an address")]
LetterChannel = Literal["email", "letter", "online_chat", "on_site", "store"]


class InspectionIn(RequestBody):
    """检验记录. Without `inspected_at` it was done now."""

    sample: ShortText
    method: ShortText
    finding: ShortText
    conclusion: Conclusion
    inspected_by: StaffNo
    department: Word
    inspected_at: Instant | None = None
    attachments: References = []


class InspectionOut(ResponseBody):
    """Free text is null, and lists of it are empty, for the tier `public`."""

    id: str
    sample: str | None
    method: str | None
    finding: str | None
    conclusion: Conclusion
    inspected_by: str
    department: str
    inspected_at: Instant
    attachments: list[str]
    recorded_at: Instant


class InspectionList(ResponseBody):
    items: list[InspectionOut]


class ResponsibilityIn(RequestBody):
    """责任判定. `share` follows from `ours` unless it says `shared`, which is ours in part."""

    ours: Flag
    share: Share | None = None
    our_percent: Annotated[int, Field(strict=True, ge=1, le=99, description="for `shared` only")] | None = None
    department: Annotated[Word | None, Field(description="whose fault it is, where it is ours")] = None
    cause: ShortText | None = None
    evidence: Annotated[list[ShortText], Field(max_length=50)] = []
    explanation: Annotated[ShortText | None, Field(description="for the customer")] = None
    next_step: Annotated[ShortText | None, Field(description="what is offered to the customer")] = None
    reason: Annotated[ShortText | None, Field(description="why the earlier determination no longer holds")] = None
    staff_no: StaffNo | None = None

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Self:
        if self.share is not None and (self.share is Share.NOT_OURS) is self.ours:
            detail = Text(
                "share 与 ours 矛盾：ours 为 true 时是 ours 或 shared",
                "share contradicts ours: true goes with ours or shared",
            )
            raise Refusal("contradiction", detail, field="share")
        share = self.determined
        if self.our_percent is not None and share is not Share.SHARED:
            detail = Text("仅 share 为 shared 时填写比例", "A percentage is for share: shared only")
            raise Refusal("contradiction", detail, field="our_percent")
        for name, shares, detail in _NEEDED:
            if share in shares and not getattr(self, name):
                raise Refusal("required", detail, field=name)
        return self

    @property
    def determined(self) -> Share:
        return self.share or (Share.OURS if self.ours else Share.NOT_OURS)


_IN_PART_OURS = (Share.OURS, Share.SHARED)
_IN_PART_THEIRS = (Share.NOT_OURS, Share.SHARED)
_NEEDED = (
    ("department", _IN_PART_OURS, Text("属我方责任时请注明责任部门", "Where it is ours, name the department")),
    ("cause", _IN_PART_OURS, Text("属我方责任时请写明原因", "Where it is ours, state the cause")),
    (
        "evidence",
        _IN_PART_THEIRS,
        Text("非我方责任须有依据：请列出检验报告、照片等", "Where it is not ours, list the evidence: reports, photos"),
    ),
    (
        "explanation",
        _IN_PART_THEIRS,
        Text("非我方责任须向客户说明：请填写说明", "Where it is not ours, write the explanation for the customer"),
    ),
)


class DutyOut(ResponseBody):
    """谁销售谁负责、谁服务谁负责: whose duty the matter is by the edition, and their name if the ticket has it."""

    holder: DutyHolder
    party: str | None
    decision: DecisionOut


class WarningOut(ResponseBody):
    code: Doubt
    reason: Bilingual


class LetterSentOut(ResponseBody):
    at: Instant
    by: str
    channel: str


class DeterminationOut(ResponseBody):
    """Free text is null, and lists of it are empty, for the tier `public`."""

    id: str
    revision: int
    ours: bool
    share: Share
    our_percent: int | None
    department: str | None
    cause: str | None
    evidence: list[str]
    explanation: str | None
    next_step: str | None
    reason: str | None
    decision: DecisionOut
    duty_holder: DutyOut | None
    warnings: list[WarningOut]
    letter_sent: LetterSentOut | None
    determined_by: str | None
    determined_at: Instant


class ResponsibilityOut(ResponseBody):
    """The determination that holds, and the earlier ones, the latest first."""

    current: DeterminationOut | None
    history: list[DeterminationOut]


class LetterSentIn(RequestBody):
    staff_no: StaffNo
    channel: LetterChannel
