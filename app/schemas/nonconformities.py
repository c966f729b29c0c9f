"""Bodies of nonconforming goods (不合格品审理). Free text is null for the tier `public`, lists of it empty."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.capas import Evidence, SomeEvidence
from app.schemas.fields import (
    Count,
    Instant,
    Line,
    LongText,
    Reference,
    RequestBody,
    ResponseBody,
    ShortText,
    StaffNo,
    Word,
)
from app.schemas.tickets import DecisionOut, PolicyRef
from app.services.rules.nonconformities import (
    DefectSeverity,
    Disposition,
    NonconformitySource,
    NonconformityStatus,
)

Quantity = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]


class GoodsIn(RequestBody):
    """A name or a model is needed."""

    name: Line | None = None
    model: Line | None = None
    batch: Line | None = None

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.name is None and self.model is None:
            raise Refusal("required", Text("请填写 name 或 model", "Give name or model"), field="name")
        return self


class NonconformityIn(RequestBody):
    """`quantity` counts in `unit`, pieces where none is given."""

    business_line: Word | None = None
    source: NonconformitySource
    product: GoodsIn
    quantity: Quantity
    unit: Line | None = None
    severity: DefectSeverity
    defect: LongText
    recorded_by: StaffNo
    tickets: Annotated[list[Reference], Field(max_length=50, description="numbers or ids of the complaints")] = []
    inspection: Annotated[Reference | None, Field(description="id of the inspection that found it")] = None


class NonconformityPatch(RequestBody):
    """What is left out stays as it is."""

    quantity: Quantity | None = None
    severity: DefectSeverity | None = None
    defect: LongText | None = None
    staff_no: StaffNo
    reason: ShortText


class StepIn(RequestBody):
    """Who takes the step, and for which department."""

    staff_no: StaffNo
    department: Word


class ReviewIn(StepIn):
    finding: ShortText
    cause: ShortText | None = None


class PortionIn(RequestBody):
    """`use_as_is` needs who approved the concession."""

    disposition: Disposition
    quantity: Quantity
    approved_by: StaffNo | None = None
    note: ShortText | None = None

    @model_validator(mode="after")
    def _a_concession_is_approved(self) -> Self:
        if self.disposition is Disposition.USE_AS_IS and self.approved_by is None:
            detail = Text("让步接收须填写批准人", "A concession needs who approved it")
            raise Refusal("required", detail, field="approved_by")
        return self


class DisposeIn(StepIn):
    """The quantities add up to what is under review."""

    portions: Annotated[list[PortionIn], Field(min_length=1, max_length=50)]
    reason: ShortText


class CorrectIn(StepIn):
    text: ShortText
    evidence: SomeEvidence


class VerifyGoodsIn(StepIn):
    """`failed_quantity` of what was reworked, repaired or sorted goes into another round; 0 ends it."""

    failed_quantity: Count
    finding: ShortText
    evidence: Evidence = []


class CloseGoodsIn(StepIn):
    conclusion: ShortText


class NonconformityCapaIn(RequestBody):
    """Either the `capa` that answers it too, or the `title` of a new one."""

    staff_no: StaffNo
    capa: Reference | None = None
    title: Line | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if (self.capa is None) == (self.title is None):
            detail = Text("capa 和 title 必须且只能填写一个", "Give either capa or title")
            raise Refusal("contradiction" if self.capa else "required", detail, field="capa" if self.capa else "title")
        return self


class GoodsOut(ResponseBody):
    name: str | None
    model: str | None
    batch: str | None


class ReviewOut(ResponseBody):
    finding: str | None
    cause: str | None
    staff_no: str
    department: str
    at: Instant


class PortionOut(ResponseBody):
    disposition: Disposition
    quantity: int
    approved_by: str | None
    note: str | None


class CorrectionOut(ResponseBody):
    text: str | None
    evidence: list[str]
    staff_no: str
    department: str
    at: Instant


class VerificationOut(ResponseBody):
    failed_quantity: int
    finding: str | None
    evidence: list[str]
    staff_no: str
    department: str
    at: Instant


class RoundOut(ResponseBody):
    """What became of `quantity`: the whole at first, then what failed on being looked at again."""

    round: int
    quantity: int
    portions: list[PortionOut]
    reason: str | None
    staff_no: str
    department: str
    at: Instant
    correction: CorrectionOut | None
    verification: VerificationOut | None


class GoodsHistoryOut(ResponseBody):
    """One step: what was done, by whom, why, and where it led."""

    move: str
    status: NonconformityStatus
    round: int
    staff_no: str
    department: str | None
    text: str | None
    at: Instant


class NonconformitySummary(ResponseBody):
    id: str
    number: str
    business_line: str
    status: NonconformityStatus
    source: NonconformitySource
    product: GoodsOut
    quantity: int
    quantity_open: Annotated[int, Field(description="what the present round is about, 0 once nothing is left to do")]
    unit: str | None
    severity: DefectSeverity
    recorded_at: Instant
    updated_at: Instant
    closed_at: Instant | None
    version: int


class NonconformityList(ResponseBody):
    items: list[NonconformitySummary]
    next_cursor: str | None
    has_more: bool


class NonconformityOut(NonconformitySummary):
    time_zone: str
    policy: PolicyRef
    round: int
    defect: str | None
    tickets: list[str]
    inspection: str | None
    capa: Annotated[str | None, Field(description="number of the CAPA that answers it")]
    reviews: list[ReviewOut]
    rounds: list[RoundOut]
    decisions: list[DecisionOut]
    history: list[GoodsHistoryOut]
    recorded_by: str
