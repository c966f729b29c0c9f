"""Query parameters of the list endpoints. Several values of one filter are separated by commas."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Instant, RequestBody, StaffNo, Word
from app.services.rules.classification import Kind, Severity, Urgency
from app.services.rules.facts import Channel
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
Several = Annotated[list[Value], Field(max_length=50), BeforeValidator(_separated)]
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


class PerformanceFilter(RequestBody):
    business_line: Lines | None = None
    opened_at_gte: Moment | None = None
    opened_at_lt: Moment | None = None
    group_by: Literal["milestone", "business_line", "department", "staff", "month"] = "milestone"


class AgreementFilter(RequestBody):
    business_line: Lines | None = None
    confirmed_at_gte: Moment | None = None
    confirmed_at_lt: Moment | None = None


class EventFilter(RequestBody):
    after: Position = 0
    types: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,60}$")]], BeforeValidator(_separated), Field(max_length=50)
    ] = []
    limit: Limit = 50
