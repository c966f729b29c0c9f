"""Query parameters of the list endpoints. Several values of one filter are separated by commas."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Instant, Line, LocalDate, PointNo, Reference, RequestBody, StaffNo, Word
from app.schemas.tickets import Region
from app.services.rules.capa import CapaSource, CapaStatus
from app.services.rules.classification import Kind, Severity, Urgency
from app.services.rules.erasures import ErasureState
from app.services.rules.facts import Channel
from app.services.rules.nonconformities import DefectSeverity, NonconformitySource, NonconformityStatus
from app.services.rules.notices import ChannelKind, NoticeState
from app.services.rules.return_requests import ReturnStatus
from app.services.rules.service_points import PointKind
from app.services.rules.surveys import SurveyKind
from app.services.rules.tickets import Status

Value = TypeVar("Value")


def _separated(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.split(",") if isinstance(value, str) else value


def _whole_number(value: Any) -> Any:
    """Take ASCII digits only: `1e3`, `+5` and digits of other scripts are not numbers here."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 16):
        raise Refusal("not_an_integer", Text("须为整数", "A whole number is expected"))
    return value


def _with_plus(value: Any) -> Any:
    """Take `…T08:46:01 08:00` for `…T08:46:01+08:00`: in an address a plus sign means a space."""
    return value.replace(" ", "+") if isinstance(value, str) else value


Moment = Annotated[Instant, BeforeValidator(_with_plus)]
# Bounds stand before the validators that run before them: only so the API documentation shows them.
Several = Annotated[list[Value], Field(min_length=1, max_length=50), BeforeValidator(_separated)]
Limit = Annotated[int, Field(ge=1, le=200), BeforeValidator(_whole_number)]
Position = Annotated[int, Field(ge=0, le=2**53 - 1), BeforeValidator(_whole_number)]
Cursor = Annotated[str, Field(max_length=2000)]
Lines = Annotated[str, Field(max_length=1000)]


class TicketFilter(RequestBody):
    business_line: Lines | None = None
    status: Several[Status] = []
    kind: Several[Kind] = []
    channel: Several[Channel] = []
    urgency: Several[Urgency] = []
    severity: Several[Severity] = []
    department: Several[Word] = []
    assignee_staff_no: Several[StaffNo] = []
    owner_staff_no: Several[StaffNo] = []
    served_by: Several[PointNo] = []
    external_ref: Annotated[str, Field(max_length=200)] | None = None
    overdue: Literal["true", "false"] | None = None
    opened_at_gte: Moment | None = None
    opened_at_lt: Moment | None = None
    sort: Literal["opened_at", "-opened_at", "updated_at", "-updated_at"] = "-opened_at"
    limit: Limit = 50
    cursor: Cursor | None = None
    include: Literal["total"] | None = None

    @model_validator(mode="after")
    def _a_range_runs_forward(self) -> Self:
        if self.opened_at_gte and self.opened_at_lt and self.opened_at_gte > self.opened_at_lt:
            detail = Text("opened_at_gte 晚于 opened_at_lt", "opened_at_gte is after opened_at_lt")
            raise Refusal("empty_range", detail, field="opened_at_gte")
        return self


class TimelineFilter(RequestBody):
    visibility: Literal["customer", "internal"] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class OverdueFilter(RequestBody):
    business_line: Lines | None = None
    within_seconds: Annotated[int, Field(ge=0, le=31_622_400), BeforeValidator(_whole_number)] = 0
    milestone: Several[Word] = []
    department: Several[Word] = []
    assignee_staff_no: Several[StaffNo] = []
    limit: Limit = 50
    cursor: Cursor | None = None


class TestClockFilter(RequestBody):
    business_line: Lines | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class PerformanceFilter(RequestBody):
    business_line: Lines | None = None
    opened_at_gte: Moment | None = None
    opened_at_lt: Moment | None = None
    group_by: Literal["milestone", "business_line", "department", "staff", "month"] = "milestone"


class HandlingFilter(RequestBody):
    business_line: Lines | None = None
    since_gte: Moment | None = None
    since_lt: Moment | None = None
    group_by: Literal["status", "business_line", "department", "staff", "month"] = "status"


class ReportWanted(RequestBody):
    """Which of a ticket's handling reports: 1 is its first; the latest where it is left out."""

    instance: Annotated[int, Field(ge=1, le=1000), BeforeValidator(_whole_number)] | None = None


class QualityAlertFilter(RequestBody):
    business_line: Lines | None = None
    status: Literal["open", "closed"] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class BatchFilter(RequestBody):
    business_line: Lines | None = None
    group_by: Literal["batch", "model", "cause", "month"] = "batch"
    model: Reference | None = None
    batch: Reference | None = None
    opened_at_gte: Moment | None = None
    opened_at_lt: Moment | None = None
    limit: Limit = 50


class HolderFilter(RequestBody):
    business_line: Lines | None = None
    batch: Reference
    model: Reference | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class AnalysisFilter(RequestBody):
    """The period is the last 30 days where it is left out."""

    business_line: Lines | None = None
    opened_at_gte: Moment | None = None
    opened_at_lt: Moment | None = None


class CapaFilter(RequestBody):
    """`overdue`, `owner_staff_no` and `department` look at what is still to be done."""

    business_line: Lines | None = None
    status: Several[CapaStatus] = []
    source: Several[CapaSource] = []
    owner_staff_no: StaffNo | None = None
    department: Word | None = None
    overdue: Literal["true", "false"] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class NonconformityFilter(RequestBody):
    """`ticket` and `capa` are numbers or ids."""

    business_line: Lines | None = None
    status: Several[NonconformityStatus] = []
    source: Several[NonconformitySource] = []
    severity: Several[DefectSeverity] = []
    model: Line | None = None
    batch: Line | None = None
    ticket: Reference | None = None
    capa: Reference | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ReturnRequestFilter(RequestBody):
    """`overdue` looks at deadlines that are still to be met."""

    business_line: Lines | None = None
    status: Several[ReturnStatus] = []
    ticket: Annotated[str, Field(max_length=64, description="a ticket's number or id")] | None = None
    purchase: Annotated[str, Field(max_length=64, description="id")] | None = None
    overdue: Literal["true", "false"] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class StaffFilter(RequestBody):
    business_line: Lines | None = None
    department: Word | None = None
    staff_no: StaffNo | None = None
    available: Literal["true", "false"] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ServicePointFilter(RequestBody):
    """`region` is looked for as the points have it: a district is not found by its province."""

    business_line: Lines | None = None
    number: PointNo | None = None
    kind: Several[PointKind] = []
    region: Region | None = None
    active: Annotated[Literal["true", "false"] | None, Field(description="today")] = None
    limit: Limit = 50
    cursor: Cursor | None = None


class SurveyFilter(RequestBody):
    business_line: Lines | None = None
    ticket: Annotated[str, Field(max_length=64, description="a ticket's number or id")] | None = None
    state: Literal["queued", "invited", "answered", "skipped", "expired"] | None = None
    kind: SurveyKind | None = None
    campaign: Annotated[str, Field(max_length=64)] | None = None
    letter: Annotated[NoticeState | None, Field(description="surveys with an email in this state")] = None
    dissatisfied: Literal["true", "false"] | None = None
    staff_no: StaffNo | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class SurveyCampaignFilter(RequestBody):
    business_line: Lines | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class SatisfactionFilter(RequestBody):
    """The period, in local days, both included, is the last 365 days where it is left out."""

    business_line: Lines | None = None
    since: Annotated[LocalDate | None, Field(alias="from")] = None
    until: Annotated[LocalDate | None, Field(alias="to")] = None
    kind: Annotated[SurveyKind | None, Field(description="of these surveys only; otherwise of all")] = None
    group_by: Literal["business_line", "department", "staff", "product", "channel", "kind", "month"] = "department"


class QueueFilter(RequestBody):
    business_line: Lines | None = None


class NoticeChannelFilter(RequestBody):
    business_line: Lines | None = None
    kind: Several[ChannelKind] = []
    limit: Limit = 50
    cursor: Cursor | None = None


class NoticeFilter(RequestBody):
    business_line: Lines | None = None
    state: Several[NoticeState] = []
    kind: Several[ChannelKind] = []
    ticket: Annotated[str, Field(max_length=64, description="number or id")] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ArchiveFilter(RequestBody):
    business_line: Lines | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class PurchaseFilter(ArchiveFilter):
    customer: Annotated[str, Field(max_length=64, description="id")] | None = None


class AccessFilter(RequestBody):
    business_line: Lines | None = None
    key_id: Annotated[str, Field(pattern=r"^key_[0-9a-f]{32}$")] | None = None
    staff_no: StaffNo | None = None
    subject: Annotated[str, Field(max_length=80, description="as in tickets/tkt_…")] | None = None
    at_gte: Moment | None = None
    at_lt: Moment | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class ErasureFilter(RequestBody):
    business_line: Lines | None = None
    state: Several[ErasureState] = []
    limit: Limit = 50
    cursor: Cursor | None = None


class AgreementFilter(RequestBody):
    business_line: Lines | None = None
    confirmed_at_gte: Moment | None = None
    confirmed_at_lt: Moment | None = None


class EventFilter(RequestBody):
    after: Position = 0
    types: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,60}$")]],
        Field(min_length=1, max_length=50),
        BeforeValidator(_separated),
    ] = []
    limit: Limit = 50
