"""Bodies of the batch view, quality alerts and the feedback analysis."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.schemas.fields import Bilingual, Instant, RequestBody, ResponseBody, ShortText, StaffNo
from app.schemas.tickets import CustomerOut

Alarm = Annotated[float, Field(description="the chance that a subject with a steady rate ever gives an alarm")]


class QualityAlertOut(ResponseBody):
    """A model, or a batch of it, whose rate of quality complaints has risen beyond chance since `since`."""

    id: str
    business_line: str
    status: str
    model: str | None
    batch: str | None
    raised_at: Instant
    since: Instant
    complaints_before: int
    complaints_after: int
    rate_before: Annotated[float, Field(description="complaints a day")]
    rate_after: float
    false_alarm_rate: Alarm
    reason: Bilingual
    closed_at: Instant | None
    closed_by: str | None
    conclusion: str | None
    version: int


class QualityAlertList(ResponseBody):
    items: list[QualityAlertOut]
    next_cursor: str | None
    has_more: bool


class CloseAlertIn(RequestBody):
    """`conclusion` says what was found: it stays with the alert."""

    staff_no: StaffNo
    conclusion: ShortText


class BatchRow(ResponseBody):
    """Complaints about one model, batch, cause or month."""

    key: str | None
    model: str | None
    complaints: int
    quality: int
    serious: Annotated[int, Field(description="serious or critical")]
    critical: int
    defective_quantity: Annotated[int, Field(description="as the complaints say; 0 where they say nothing")]
    first_at: Instant
    last_at: Instant
    alert: Annotated[str | None, Field(description="the open quality alert, if there is one")]


class BatchView(ResponseBody):
    group_by: str
    rows: list[BatchRow]
    truncated: bool


class HolderOut(ResponseBody):
    """A customer on file who has goods of the batch, with where we know it from."""

    customer: CustomerOut | None
    tickets: list[str]
    quantity: int
    last_contact_at: Instant


class HolderList(ResponseBody):
    items: list[HolderOut]
    next_cursor: str | None
    has_more: bool


class ShareRow(ResponseBody):
    """One value of one aspect, in this period and in the one of the same length before it."""

    key: str | None
    title: Bilingual | None
    n: int
    previous: int
    share: float
    serious: int


class TrendRow(ResponseBody):
    """A day, week (named by its Monday) or month, local time."""

    start: date
    tickets: int
    complaints: int
    quality: int


class ProblemRow(ResponseBody):
    """A main problem: an issue with how grave it was, what it was about, and tickets to look at."""

    issue_type: str
    title: Bilingual
    n: int
    previous: int
    serious: int
    models: list[str]
    tickets: list[str]


class HandlingSummary(ResponseBody):
    resolved: int
    still_open: int
    cancelled: int
    resolution_met: int
    resolution_breached: int
    resolution_met_rate: float | None
    median_hours_to_resolution: float | None
    reopened: int
    confirmed_by_staff: int


class Analysis(ResponseBody):
    """客户反馈分析: what was reported in a period, how it was handled, where it is going (三.3)."""

    business_lines: list[str]
    time_zone: str
    period_start: Instant
    period_end: Instant
    tickets: int
    tickets_previous: int
    complaints: int
    complaints_previous: int
    problems: list[ProblemRow]
    by_class: list[ShareRow]
    by_issue_type: list[ShareRow]
    by_severity: list[ShareRow]
    by_kind: list[ShareRow]
    by_channel: list[ShareRow]
    by_department: list[ShareRow]
    by_product_category: list[ShareRow]
    by_model: list[ShareRow]
    handling: HandlingSummary
    trend: list[TrendRow]
