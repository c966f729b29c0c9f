"""Bodies of return requests. Free text is masked by tier, and null for the tier `public`. Money is CNY."""

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Bilingual,
    Flag,
    Instant,
    Line,
    LocalDate,
    Money,
    Reference,
    RequestBody,
    ResponseBody,
    ShortText,
    StaffNo,
    Word,
)
from app.schemas.return_facts import ReturnFactsIn
from app.schemas.returns import Amount, EligibilityOut
from app.schemas.tickets import PolicyRef
from app.services.rules.return_requests import (
    DeadlineKind,
    InspectionResult,
    LineRemedy,
    ReturnMove,
    ReturnStatus,
)
from app.services.rules.returns.words import Outcome, Reason, RequestedRemedy

MOST_LINES = 50
_OF_THE_FORM = {"reason", "quantity_requested", "requested_remedy", "requested_at", "notice_at", "policy"}
_OF_THE_STEPS = {
    "company_approval", "reinspection", "quantity_received", "returned_goods_received_at", "as_of", "handled_at",
}  # fmt: skip


def _none_of(barred: set[str]) -> Callable[[ReturnFactsIn], ReturnFactsIn]:
    def check(facts: ReturnFactsIn) -> ReturnFactsIn:
        if named := sorted(barred & facts.model_fields_set):
            names = ", ".join(named)
            detail = Text(f"由申请单或各步骤记录，不能在此填写：{names}", f"The form or a step records this: {names}")
            raise Refusal("contradiction", detail)
        return facts

    return check


FormFacts = Annotated[ReturnFactsIn, AfterValidator(_none_of(_OF_THE_STEPS))]
NewFacts = Annotated[ReturnFactsIn, AfterValidator(_none_of(_OF_THE_FORM | _OF_THE_STEPS))]
Units = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Place = Annotated[int, Field(strict=True, ge=1, le=MOST_LINES, description="a line of the form, from 1")]
Places = Annotated[list[Place], Field(min_length=1, max_length=MOST_LINES)]


class ReturnLineIn(RequestBody):
    """A purchase on file, or what is stated of one; the file wins over `facts`, which count where it is silent."""

    purchase_id: Reference | None = None
    product_name: Line | None = None
    spec_model: Line | None = None
    purchased_on: LocalDate | None = None
    quantity: Units = 1
    reason: Reason
    remedy: RequestedRemedy = RequestedRemedy.ANY
    problem: ShortText | None = None
    facts: FormFacts = Field(default_factory=ReturnFactsIn)

    @model_validator(mode="after")
    def _says_what_it_is_about_once(self) -> Self:
        if self.purchase_id is None and self.product_name is None:
            detail = Text("请给出 purchase_id 或产品名称", "Give the purchase_id or the product's name")
            raise Refusal("required", detail, field="product_name")
        said = {"quantity_requested": self.quantity, "reason": self.reason, "requested_remedy": self.remedy}
        for name, value in said.items():
            if name in self.facts.model_fields_set and getattr(self.facts, name) != value:
                detail = Text(f"facts 中的 {name} 与本行不一致", f"The facts say another {name} than the line")
                raise Refusal("contradiction", detail, field="facts")
        return self


class ReturnRequestIn(RequestBody):
    """`ticket` is the matter it belongs to, by number or id; without it the request stands alone."""

    business_line: Word | None = None
    ticket: Reference | None = None
    staff_no: StaffNo | None = None
    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=MOST_LINES)]


class MoveIn(RequestBody):
    """`staff_no` does it; `note` says more about it, for staff."""

    staff_no: StaffNo
    note: ShortText | None = None


class ReasonIn(MoveIn):
    reason: ShortText


class InspectIn(MoveIn):
    """`passed`: the goods are as the request says, so a claimed defect is confirmed; `failed`: they are not.

    `lines` are all where they are left out; lines that differ are inspected one after the other. `facts` are what the
    inspection found beside, such as `condition` or `misuse_found`.
    """

    result: InspectionResult
    finding: ShortText
    lines: Places | None = None
    facts: NewFacts = Field(default_factory=ReturnFactsIn)


class RedecideIn(ReasonIn):
    """Facts that were not known, or were wrong; what is on file is read again and wins over them."""

    line: Place
    facts: NewFacts


class ApprovedLineIn(RequestBody):
    """`quantity` is all that was asked for, `remedy` what was asked for or else what is due, where left out."""

    line: Place
    quantity: Units | None = None
    remedy: LineRemedy | None = None


class ApproveIn(MoveIn):
    """`lines` are all where they are left out; what is not approved of a request needs `reason`, as consent does.

    `goodwill` approves what nobody could demand, and needs `reason`.
    """

    lines: Annotated[list[ApprovedLineIn], Field(min_length=1, max_length=MOST_LINES)] | None = None
    goodwill: Flag = False
    reason: ShortText | None = None


class PickupIn(MoveIn):
    """The time agreed with the customer at which the goods are fetched."""

    agreed_from: Instant
    agreed_until: Instant
    carrier: Line | None = None

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.agreed_from > self.agreed_until:
            detail = Text("约定时间的开始晚于结束", "The time agreed begins after its end")
            raise Refusal("empty_range", detail, field="agreed_from")
        return self


class ShipBackIn(MoveIn):
    """The customer posts the goods back by the time agreed; the parcel's number once it is known."""

    agreed_until: Instant
    carrier: Line | None = None
    tracking_no: Line | None = None


class ReceivedLineIn(RequestBody):
    """What came of a line in this parcel, against the form."""

    line: Place
    quantity: Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
    spec_matches: Flag
    appearance_matches: Flag
    found: Annotated[ShortText | None, Field(description="what is different; needed where anything is")] = None

    @model_validator(mode="after")
    def _what_differs_is_described(self) -> Self:
        if self.found is None and not (self.spec_matches and self.appearance_matches):
            raise Refusal("required", Text("请说明不符之处", "Say what is different"), field="found")
        return self


class ReceiveIn(MoveIn):
    lines: Annotated[list[ReceivedLineIn], Field(min_length=1, max_length=MOST_LINES)]
    received_at: Instant | None = None


class DisposedLineIn(RequestBody):
    line: Place
    quantity: Units


class RestockIn(MoveIn):
    """`lines` are all units on hand where they are left out."""

    lines: Annotated[list[DisposedLineIn], Field(min_length=1, max_length=MOST_LINES)] | None = None
    reason: ShortText | None = None


class DisposeIn(RestockIn):
    reason: ShortText


class RefundedLineIn(RequestBody):
    line: Place
    amount: Money


class RefundIn(MoveIn):
    """What is paid back now. Less than is due altogether needs `reason`, and so does what was no longer decided."""

    lines: Annotated[list[RefundedLineIn], Field(min_length=1, max_length=MOST_LINES)]
    reference: Annotated[Line | None, Field(description="the payment's number at finance")] = None
    reason: ShortText | None = None


class ReplacementIn(MoveIn):
    """`lines` are all those to be exchanged where they are left out. The warranty card starts anew."""

    lines: Places | None = None
    carrier: Line | None = None
    tracking_no: Line | None = None
    serial_nos: Annotated[list[Line], Field(max_length=100)] = []


class CompleteIn(MoveIn):
    """`reason` is needed where something is still due to the customer."""

    reason: ShortText | None = None


class LineDecisionOut(ResponseBody):
    """One decision as made: `facts` are those that differ from what is taken for granted."""

    revision: int
    cause: str
    staff_no: str | None
    law_version: str
    facts: dict[str, Any]
    answer: EligibilityOut


class ReturnLineOut(ResponseBody):
    """`on_hand` are units back with us whose way on is open; `refund_limit` is due for the units kept."""

    line: int
    purchase_id: str | None
    product_name: str
    spec_model: str | None
    purchased_on: LocalDate | None
    reason: Reason
    problem: str | None
    quantity: int
    outcome: Outcome
    remedy: LineRemedy | None
    approved: int
    received: int
    on_hand: int
    restocked: int
    scrapped: int
    sent_again: int
    refund_limit: Amount | None
    refunded: Amount
    replaced_on: LocalDate | None
    decisions: list[LineDecisionOut]


class ReturnDeadlineOut(ResponseBody):
    """`state`: open, overdue, met, met_late or dropped. `due_at` is 24:00, local time, of `due_on`."""

    kind: DeadlineKind
    rule: str
    due_on: LocalDate
    due_at: Instant
    state: str
    met_at: Instant | None


class NextMoveOut(ResponseBody):
    """A move that is allowed now; `department` or `role` is whose it is by the edition, null where that is silent."""

    move: ReturnMove
    department: str | None
    role: str | None
    needs: list[str]


class ReturnStepOut(ResponseBody):
    """One step: what was done, by whom, why, and where it led."""

    move: str
    status: ReturnStatus
    staff_no: str | None
    text: str | None
    data: dict[str, Any]
    at: Instant


class ReturnSummary(ResponseBody):
    id: str
    number: str
    business_line: str
    status: ReturnStatus
    ticket: str | None
    goodwill: bool
    deadlines: list[ReturnDeadlineOut]
    submitted_at: Instant
    updated_at: Instant
    closed_at: Instant | None
    version: int


class ReturnRequestList(ResponseBody):
    items: list[ReturnSummary]
    next_cursor: str | None
    has_more: bool


class ReturnRequestOut(ReturnSummary):
    """`message` is what the customer can be told of the present state."""

    time_zone: str
    policy: PolicyRef
    submitted_by: str | None
    lines: list[ReturnLineOut]
    refunded: Amount
    next_moves: list[NextMoveOut]
    message: Bilingual
    timeline: list[ReturnStepOut]
