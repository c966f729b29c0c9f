"""Bodies of corrective and preventive action (CAPA). Free text is null for the tier `public`, lists of it empty."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Instant,
    Line,
    LocalDate,
    LongText,
    Reference,
    RequestBody,
    ResponseBody,
    ShortText,
    StaffNo,
    Word,
)
from app.schemas.tickets import DecisionOut, PolicyRef
from app.services.rules.capa import CapaSource, CapaStatus, CauseCategory, CauseMethod, Effect, TaskKind

Evidence = Annotated[list[ShortText], Field(max_length=50)]
SomeEvidence = Annotated[list[ShortText], Field(min_length=1, max_length=50, description="what shows it")]


def _an_action(kind: TaskKind) -> TaskKind:
    if kind is TaskKind.EFFECTIVENESS_CHECK:
        raise Refusal(
            "unknown_value",
            Text("可选：correction、corrective、preventive", "One of: correction, corrective, preventive"),
        )
    return kind


ActionKind = Annotated[
    TaskKind, AfterValidator(_an_action), Field(description="correction, corrective or preventive")
]  # fmt: skip


class CapaIn(RequestBody):
    business_line: Word | None = None
    title: Line
    source: CapaSource
    problem: LongText
    opened_by: StaffNo
    tickets: Annotated[list[Reference], Field(max_length=50, description="numbers or ids of the complaints")] = []


class TicketCapaIn(RequestBody):
    """Either the `capa` that answers the ticket too, or what a new one needs.

    Without `source` it is an internal finding for a ticket of channel `internal`, and a complaint for any other.
    """

    capa: Reference | None = None
    title: Line | None = None
    problem: LongText | None = None
    source: CapaSource | None = None
    staff_no: StaffNo

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        opening = (self.title, self.problem)
        if self.capa is not None and (any(opening) or self.source):
            detail = Text("关联已有措施时只填 capa", "To link one that is there, give capa alone")
            raise Refusal("contradiction", detail, field="capa")
        if self.capa is None and not all(opening):
            detail = Text(
                "请填写 title 和 problem 以新建，或填写 capa 以关联",
                "Give title and problem to open one, or capa to link one",
            )
            raise Refusal("required", detail, field="title" if self.title is None else "problem")
        return self


class CapaPatch(RequestBody):
    """What is left out stays as it is."""

    title: Line | None = None
    problem: LongText | None = None
    criteria: ShortText | None = None
    staff_no: StaffNo


class CauseIn(RequestBody):
    category: CauseCategory
    text: ShortText


class AnalyseIn(RequestBody):
    """根本原因: by the answers to "why" in order, or by causes in the categories of a fishbone (人机料法环测)."""

    staff_no: StaffNo
    method: CauseMethod
    whys: Annotated[list[ShortText], Field(max_length=10)] = []
    causes: Annotated[list[CauseIn], Field(max_length=50)] = []
    root_cause: ShortText

    @model_validator(mode="after")
    def _by_its_method(self) -> Self:
        wanted, other = ("whys", "causes") if self.method is CauseMethod.FIVE_WHYS else ("causes", "whys")
        if not getattr(self, wanted):
            raise Refusal("required", Text(f"此方法需填写 {wanted}", f"This method needs {wanted}"), field=wanted)
        if getattr(self, other):
            detail = Text(f"此方法不使用 {other}", f"This method has no {other}")
            raise Refusal("contradiction", detail, field=other)
        return self


class ActionIn(RequestBody):
    kind: ActionKind
    text: ShortText
    owner_staff_no: StaffNo
    department: Word
    due_on: LocalDate


class PlanIn(RequestBody):
    """`criteria` says how it will be told whether the actions worked; a round needs it once."""

    staff_no: StaffNo
    actions: Annotated[list[ActionIn], Field(min_length=1, max_length=50)]
    criteria: ShortText | None = None


class ActionPatch(RequestBody):
    """Who does it, and until when. A new date needs its reason, and its warnings begin anew."""

    staff_no: StaffNo
    text: ShortText | None = None
    owner_staff_no: StaffNo | None = None
    department: Word | None = None
    due_on: LocalDate | None = None
    reason: ShortText | None = None

    @model_validator(mode="after")
    def _a_new_date_has_a_reason(self) -> Self:
        if self.due_on is not None and self.reason is None:
            detail = Text("调整期限须说明原因", "Say why the date is moved")
            raise Refusal("required", detail, field="reason")
        return self


class CompleteIn(RequestBody):
    staff_no: StaffNo
    evidence: SomeEvidence
    note: ShortText | None = None
    delay_reason: ShortText | None = None


class ReasonIn(RequestBody):
    staff_no: StaffNo
    reason: ShortText


class VerifyIn(RequestBody):
    """`reason` is needed before the day the check is planned for, `delay_reason` after it."""

    staff_no: StaffNo
    result: Effect
    finding: ShortText
    evidence: Evidence = []
    reason: ShortText | None = None
    delay_reason: ShortText | None = None


class CloseIn(RequestBody):
    staff_no: StaffNo
    department: Word
    conclusion: ShortText | None = None


class CauseOut(ResponseBody):
    category: CauseCategory
    text: str | None


class AnalysisOut(ResponseBody):
    round: int
    method: CauseMethod
    whys: list[str]
    causes: list[CauseOut]
    root_cause: str | None
    staff_no: str
    at: Instant


class TaskOut(ResponseBody):
    """`state`: open, overdue, done or dropped. `due_at` is 24:00, local time, of `due_on`."""

    id: str
    round: int
    kind: TaskKind
    text: str | None
    owner_staff_no: str | None
    department: str | None
    due_on: LocalDate
    due_at: Instant
    state: str
    done_at: Instant | None
    done_by: str | None
    evidence: list[str]
    finding: str | None
    delay_reason: str | None
    dropped_because: str | None


class CheckOut(TaskOut):
    """效果验证: `text` is by what it is told."""

    result: Effect | None


class HistoryOut(ResponseBody):
    """One step: what was done, by whom, why, and where it led. `task` is the action or check it was about."""

    move: str
    status: CapaStatus
    round: int
    staff_no: str
    department: str | None
    text: str | None
    task: str | None
    at: Instant


class CapaSummary(ResponseBody):
    id: str
    number: str
    business_line: str
    status: CapaStatus
    round: int
    source: CapaSource
    title: Annotated[str | None, Field(description="masked in lists, whatever the tier")]
    open_tasks: int
    next_due_on: LocalDate | None
    overdue: bool
    opened_at: Instant
    updated_at: Instant
    closed_at: Instant | None
    version: int


class CapaList(ResponseBody):
    items: list[CapaSummary]
    next_cursor: str | None
    has_more: bool


class TicketCapas(ResponseBody):
    items: list[CapaSummary]


class CapaOut(ResponseBody):
    """`recurrences` counts complaints since it was closed about a model and an issue it answers for."""

    id: str
    number: str
    business_line: str
    time_zone: str
    policy: PolicyRef
    status: CapaStatus
    round: int
    source: CapaSource
    title: str | None
    problem: str | None
    criteria: str | None
    tickets: list[str]
    nonconformities: Annotated[list[str], Field(description="numbers of the goods it was opened for")]
    analyses: list[AnalysisOut]
    actions: list[TaskOut]
    effectiveness_checks: list[CheckOut]
    recurrences: int
    recurred_in: Annotated[list[str], Field(description="numbers of the latest of them, 20 at most")]
    decisions: list[DecisionOut]
    history: list[HistoryOut]
    opened_by: str
    opened_at: Instant
    updated_at: Instant
    closed_at: Instant | None
    version: int
