"""Bodies of the complaint handling report."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Bilingual,
    Count,
    Instant,
    Line,
    LocalDate,
    LongText,
    RequestBody,
    ResponseBody,
    ShortText,
    StaffNo,
    Word,
)
from app.schemas.tickets import DecisionOut
from app.services.rules.complaint_reports import (
    ApprovalOrder,
    MeasureState,
    ReportFact,
    ReportStatus,
    ReportStep,
    Verdict,
)


class ReportFactsIn(RequestBody):
    batch: Line | None = None
    delivered_on: LocalDate | None = None
    quantity: Count | None = None
    defective_quantity: Count | None = None
    demand: ShortText | None = None

    @model_validator(mode="after")
    def _no_more_defective_than_delivered(self) -> Self:
        if self.quantity is not None and (self.defective_quantity or 0) > self.quantity:
            detail = Text("不良数量不得大于数量", "defective_quantity cannot be more than quantity")
            raise Refusal("too_large", detail, field="defective_quantity")
        return self


class ReportIn(ReportFactsIn):
    """Facts left out are those of the ticket's product."""

    staff_no: StaffNo


class ReportPatch(ReportFactsIn):
    """What is left out stays as it is; null clears."""

    staff_no: StaffNo


class MeasureIn(RequestBody):
    """A department's measure; sent again before the remedy is settled, it takes the place of the one before."""

    department: Word
    text: ShortText
    owner_staff_no: StaffNo
    due_on: LocalDate


class MeasureDoneIn(RequestBody):
    department: Word
    staff_no: StaffNo
    done_on: Annotated[LocalDate | None, Field(description="today where it is left out")] = None


class SettlementIn(RequestBody):
    remedy: ShortText
    agreed_with_customer_on: LocalDate
    department: Word
    staff_no: StaffNo


class ApprovalIn(RequestBody):
    department: Word
    decision: Verdict
    reason: ShortText | None = None
    staff_no: StaffNo
    round: Annotated[
        int | None, Field(strict=True, ge=1, le=1000, description="the round meant: another one is refused")
    ] = None

    @model_validator(mode="after")
    def _a_refusal_says_why(self) -> Self:
        if self.decision is Verdict.REFUSE and self.reason is None:
            raise Refusal("required", Text("不同意须说明原因", "A refusal needs its reason"), field="reason")
        return self


class FinalAnswerIn(RequestBody):
    """The final answer, as the customer reads it."""

    text: LongText
    staff_no: StaffNo
    delay_reason: ShortText | None = None


class ReportFacts(ResponseBody):
    batch: str | None
    delivered_on: date | None
    quantity: int | None
    defective_quantity: int | None
    demand: str | None


class AskedOut(ResponseBody):
    measures_by: list[str]
    settled_by: list[str]
    approved_by: list[str]
    approval_order: ApprovalOrder


class MeasureOut(ResponseBody):
    department: str
    title: Bilingual
    text: str | None
    owner_staff_no: str
    due_on: date
    state: MeasureState
    proposed_at: Instant
    done_on: date | None
    done_by: str | None


class SettlementOut(ResponseBody):
    remedy: str | None
    agreed_with_customer_on: date
    department: str
    staff_no: str
    at: Instant


class ApprovalOut(ResponseBody):
    round: int
    department: str
    title: Bilingual
    decision: Verdict
    reason: str | None
    staff_no: str
    at: Instant


class FinalAnswerOut(ResponseBody):
    text: str | None
    staff_no: str
    at: Instant


class NextOut(ResponseBody):
    step: ReportStep
    departments: list[str]


class ReportOut(ResponseBody):
    """客户投诉处理报告单. Free text is null for the tier `public`."""

    id: str
    number: str
    ticket: str
    instance: int
    status: ReportStatus
    required: Annotated[bool, Field(description="the ticket is not resolved, nor finally answered, before approval")]
    decision: DecisionOut
    facts: ReportFacts
    missing_facts: Annotated[list[ReportFact], Field(description="what the edition asks for and nobody has entered")]
    asked: AskedOut
    measures: list[MeasureOut]
    settlement: SettlementOut | None
    round: Annotated[int, Field(description="of approvals: a refusal begins the next one")]
    approvals: Annotated[list[ApprovalOut], Field(description="of all rounds, the earliest first")]
    answer: FinalAnswerOut | None
    next: Annotated[NextOut | None, Field(description="what the report waits for; null once it is answered")]
    opened_by: Annotated[str | None, Field(description="null: opened by the rule")]
    opened_at: Instant
    updated_at: Instant
    version: int
