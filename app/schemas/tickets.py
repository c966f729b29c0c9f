"""Bodies of the ticket endpoints."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Bilingual,
    Count,
    Email,
    Instant,
    Line,
    LocalDate,
    LongText,
    Phone,
    PointNo,
    Reference,
    RequestBody,
    ResponseBody,
    ShortText,
    StaffNo,
    Word,
)
from app.services.rules.classification import Kind, Severity, Urgency
from app.services.rules.clause import Basis, DecisionKind
from app.services.rules.facts import Channel, ItemClass
from app.services.rules.sla import Clock, CommitmentState, Milestone, Unit
from app.services.rules.tickets import STEPS, Awaited, Status

Region = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,6})?$", examples=["CN-ZJ"])]


def _some_severity(severity: Severity) -> Severity:
    if severity is Severity.NONE:
        raise Refusal("unknown_value", Text("可选：minor、serious、critical", "One of: minor, serious, critical"))
    return severity


def _some_step(milestone: Milestone) -> Milestone:
    if milestone not in STEPS:
        listed = ", ".join(sorted(STEPS))
        raise Refusal("unknown_value", Text(f"可选：{listed}", f"One of: {listed}"))
    return milestone


Step = Annotated[Milestone, AfterValidator(_some_step), Field(description="preliminary_handling, engineer_analysis")]
GivenSeverity = Annotated[Severity, AfterValidator(_some_severity), Field(description="minor, serious or critical")]


CONTACT_REQUIRED = Text(
    "customer 须有 phone、email、external_id 之一（channel 为 internal 时除外）",
    "customer needs one of phone, email, external_id (unless channel is internal)",
)


class CustomerIn(RequestBody):
    name: Line | None = None
    phone: Phone | None = None
    email: Email | None = None
    external_id: Line | None = None
    address: Annotated[str, Field(max_length=300)] | None = None
    tier: Word | None = None


class ProductIn(RequestBody):
    name: Line | None = None
    model: Line | None = None
    category: Word | None = None
    batch: Line | None = None
    quantity: Count | None = None
    defective_quantity: Count | None = None
    delivered_on: LocalDate | None = None
    order_no: Line | None = None
    serial_no: Line | None = None

    @model_validator(mode="after")
    def _no_more_defective_than_delivered(self) -> Self:
        if self.quantity is not None and (self.defective_quantity or 0) > self.quantity:
            detail = Text("不良数量不得大于数量", "defective_quantity cannot be more than quantity")
            raise Refusal("too_large", detail, field="defective_quantity")
        return self


class CallIn(RequestBody):
    """What the hotline knows of the call."""

    call_id: Reference | None = None
    agent_no: StaffNo | None = None
    rings: Annotated[Count, Field(le=1000)] | None = None
    menu: Line | None = None
    recording_ref: Reference | None = None


class TicketIn(RequestBody):
    business_line: Word | None = None
    channel: Channel
    kind: Kind | None = None
    external_ref: Reference | None = None
    customer: CustomerIn | None = None
    product: ProductIn | None = None
    description: LongText
    urgency: Urgency | None = None
    severity: GivenSeverity | None = None
    item_class: ItemClass | None = None
    materials: Annotated[list[Word], Field(max_length=50)] = []
    call: CallIn | None = None
    staff_no: StaffNo | None = None
    seller: Line | None = None
    service_provider: Line | None = None
    branch: Line | None = None
    region: Region | None = None
    sold_by: Annotated[PointNo | None, Field(description="service point; else as the purchase on file says")] = None
    opened_at: Instant | None = None
    test_clock: Annotated[str | None, Field(max_length=64, description="in a sandbox: the clock it lives by")] = None

    @model_validator(mode="after")
    def _somebody_can_be_answered(self) -> Self:
        customer = self.customer
        known = customer is not None and (customer.phone or customer.email or customer.external_id)
        if not known and self.channel is not Channel.INTERNAL:
            raise Refusal("contact_required", CONTACT_REQUIRED, field="customer")
        return self


class EditionWanted(RequestBody):
    """An edition of the ticket's own policy that is in force already. `name` may be left out."""

    name: Word | None = None
    version: Line


class TicketPatch(RequestBody):
    """What may be corrected afterwards; commitments, materials and route follow. `null` clears a field."""

    kind: Kind | None = None
    urgency: Urgency | None = None
    severity: GivenSeverity | None = None
    item_class: ItemClass | None = None
    customer: CustomerIn | None = None
    product: ProductIn | None = None
    materials: Annotated[list[Word], Field(max_length=50)] | None = None
    seller: Line | None = None
    service_provider: Line | None = None
    branch: Line | None = None
    region: Region | None = None
    sold_by: PointNo | None = None
    served_by: Annotated[PointNo | None, Field(description="`null`: whom the service network names")] = None
    policy: Annotated[EditionWanted | None, Field(description="decide everything again under this edition")] = None
    staff_no: StaffNo | None = None
    reason: ShortText | None = None

    @model_validator(mode="after")
    def _what_a_ticket_must_have(self) -> Self:
        for name in ("kind", "urgency", "materials", "policy"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise Refusal("required", Text(f"{name} 不能清空", f"{name} cannot be cleared"), field=name)
        return self


class MoveIn(RequestBody):
    """Who moves, and why. `delay_reason` is needed when the move meets a milestone after its time."""

    staff_no: StaffNo | None = None
    reason: Annotated[ShortText | None, Field(description="the customer may read it in the timeline")] = None
    note: Annotated[ShortText | None, Field(description="between staff")] = None
    delay_reason: ShortText | None = None


class AssignIn(MoveIn):
    """Without `assignee_staff_no` the acting staff member takes the ticket."""

    assignee_staff_no: StaffNo | None = None

    @model_validator(mode="after")
    def _somebody_takes_it(self) -> Self:
        if self.assignee_staff_no is None and self.staff_no is None:
            raise Refusal(
                "required", Text("请给出 assignee_staff_no", "Give assignee_staff_no"), field="assignee_staff_no"
            )
        return self


class WaitIn(MoveIn):
    waiting_for: Awaited = Awaited.CUSTOMER


class ResolveIn(MoveIn):
    resolution: LongText | None = None


class TransferIn(MoveIn):
    department: Word
    assignee_staff_no: StaffNo | None = None


class EscalateIn(MoveIn):
    level: Annotated[int, Field(strict=True, ge=1, le=3)] | None = None


class AcknowledgeEscalationIn(RequestBody):
    """Who takes notice, of one commitment or of all that have escalated."""

    staff_no: StaffNo | None = None
    note: Annotated[ShortText | None, Field(description="between staff")] = None
    commitment_id: Annotated[str, Field(max_length=64)] | None = None


class CommentIn(RequestBody):
    text: LongText
    author: Annotated[str, Field(pattern="^(staff|customer)$")] = "staff"
    visibility: Annotated[str, Field(pattern="^(customer|internal)$")] = "internal"
    step: Annotated[Step | None, Field(description="what staff have done, where this comment says so")] = None
    staff_no: StaffNo | None = None
    delay_reason: ShortText | None = None


class DelayReasonIn(RequestBody):
    reason: ShortText
    commitment_id: Annotated[str, Field(max_length=64)] | None = None
    milestone: Milestone | None = None
    staff_no: StaffNo | None = None


class SearchIn(RequestBody):
    """At least one criterion; all given must hold."""

    business_line: Word | None = None
    phone: Phone | None = None
    email: Email | None = None
    name: Line | None = None
    external_id: Line | None = None
    text: Annotated[Line, Field(min_length=2)] | None = None
    order_no: Line | None = None
    batch: Line | None = None
    model: Line | None = None
    number: Line | None = None
    limit: Annotated[int, Field(strict=True, ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=2000)] | None = None

    @model_validator(mode="after")
    def _something_is_looked_for(self) -> Self:
        criteria = self.model_fields_set - {"business_line", "limit", "cursor"}
        if all(getattr(self, name) is None for name in criteria):
            raise Refusal("required", Text("请给出至少一个查询条件", "Give at least one criterion"))
        return self


class CustomerOut(ResponseBody):
    name: str | None
    phone: str | None
    email: str | None
    external_id: str | None
    address: str | None
    tier: str | None


class PolicyRef(ResponseBody):
    name: str
    version: str


class TargetOut(ResponseBody):
    value: int
    unit: Unit


class CommitmentOut(ResponseBody):
    id: str | None
    milestone: Milestone
    target: TargetOut
    clock: Clock
    due_at: Instant
    calendar_confirmed: bool
    state: CommitmentState
    met_at: Instant | None
    used_seconds: int
    paused_seconds: int
    delay_reason_recorded: bool = False
    escalation_acknowledged_at: Instant | None = None


class DecisionOut(ResponseBody):
    kind: DecisionKind
    outcome: str
    rule: str
    clause: str
    reason: Bilingual
    basis: Annotated[Basis | None, Field(description="`assumed`: our default, which the company has not laid down")]
    at: str


class TicketOut(ResponseBody):
    id: str
    number: str
    business_line: str
    time_zone: str
    policy: PolicyRef
    channel: Channel
    kind: Kind
    status: Status
    urgency: Urgency
    severity: Severity | None
    item_class: ItemClass | None
    service_level: str
    customer: CustomerOut | None
    product: dict[str, Any]
    description: Annotated[str | None, Field(description="null for the tier `public`")]
    call: dict[str, Any] | None
    external_ref: str | None
    owner_staff_no: str | None
    assignee_staff_no: str | None
    department: str
    collaborating_departments: list[str]
    handler_role: str
    escalation_level: int
    seller: str | None
    service_provider: str | None
    branch: str | None
    region: str | None
    sold_by: Annotated[str | None, Field(description="number of the service point")]
    served_by: Annotated[str | None, Field(description="number of the service point")]
    classification: dict[str, Any] | None
    commitments: list[CommitmentOut]
    materials: list[str]
    missing_materials: list[str]
    promise: Bilingual
    decisions: list[DecisionOut]
    follow_up_of: Annotated[str | None, Field(description="the ticket whose customer was dissatisfied")]
    test_clock: Annotated[str | None, Field(description="the clock it lives by, in a sandbox")]
    version: int
    opened_at: Instant
    updated_at: Instant
    closed_at: Instant | None


class TicketList(ResponseBody):
    items: list[TicketOut]
    next_cursor: str | None
    has_more: bool
    total: int | None = None
    total_is_capped: bool | None = None


class TimelineEntryOut(ResponseBody):
    id: str
    kind: str
    visibility: str
    author: str
    staff_no: str | None
    text: str | None
    data: dict[str, Any]
    at: Instant


class Timeline(ResponseBody):
    items: list[TimelineEntryOut]
    next_cursor: str | None
    has_more: bool


class AssignmentOut(ResponseBody):
    """A department, or a person of it, that had the ticket in a stage; `until` is null while it still has."""

    department: str
    staff_no: str | None
    status: Status
    since: Instant
    until: Instant | None
    seconds: int
    working_seconds: int


class Assignments(ResponseBody):
    items: list[AssignmentOut]
