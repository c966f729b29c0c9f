"""Bodies of the SLA endpoints."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.schemas.fields import Bilingual, Instant, RequestBody, ResponseBody, Word
from app.schemas.tickets import CommitmentOut, DecisionOut, GivenSeverity, PolicyRef, Region
from app.services.rules.classification import ComplaintClass, IssueType, Kind, Urgency
from app.services.rules.explanation import DayNature
from app.services.rules.facts import Channel, ItemClass
from app.services.rules.sla import Clock, CommitmentState, Milestone
from app.services.rules.tickets import Status


class PreviewIn(RequestBody):
    business_line: Word | None = None
    kind: Kind
    urgency: Urgency = Urgency.GENERAL
    channel: Channel = Channel.HOTLINE
    severity: GivenSeverity | None = None
    tier: Word | None = None
    item_class: ItemClass | None = None
    complaint_class: ComplaintClass | None = None
    issue_type: IssueType | None = None
    product_category: Word | None = None
    region: Region | None = None
    opened_at: Instant | None = None


class OverdueItem(ResponseBody):
    ticket_id: str
    ticket_number: str
    business_line: str
    status: str
    department: str
    assignee_staff_no: str | None
    owner_staff_no: str | None
    commitment_id: str
    milestone: Milestone
    clock: Clock
    due_at: Instant
    state: CommitmentState
    seconds_left: Annotated[int, Field(description="negative once the time has passed")]


class OverdueList(ResponseBody):
    items: list[OverdueItem]
    next_cursor: str | None
    has_more: bool


class StretchOut(ResponseBody):
    """A stretch of time, and the seconds of the commitment's own clock in it."""

    since: Instant
    until: Instant
    seconds: int


class SpecialDayOut(ResponseBody):
    on: date
    nature: DayNature
    title: Bilingual


class CountedOut(ResponseBody):
    """`counted` adds up to `allowance_seconds`; `days` are the local dates the week alone does not explain."""

    allowance_seconds: int
    counted: list[StretchOut]
    days: list[SpecialDayOut]


class ExplanationOut(CountedOut):
    commitment: CommitmentOut
    time_zone: str
    decisions: list[DecisionOut]
    pauses: list[StretchOut]


class PreviewedCommitment(CommitmentOut):
    explanation: CountedOut


class PreviewOut(ResponseBody):
    policy: PolicyRef
    time_zone: str
    service_level: str
    commitments: list[PreviewedCommitment]
    decisions: list[DecisionOut]


class PerformanceRow(ResponseBody):
    """How one milestone was kept in one group. Seconds are of the commitments' own clocks, and of those that ended."""

    key: str | None
    milestone: Milestone
    n: int
    met: int
    breached: int
    running: int
    cancelled: int
    met_rate: Annotated[float | None, Field(description="met of met and breached; null while there is neither")]
    mean_used_seconds: int | None
    mean_paused_seconds: int | None


class HandlingRow(ResponseBody):
    """The time tickets spent in one stage with one group, round the clock. A spell still lasting counts up to now."""

    key: str | None
    status: Status
    tickets: int
    spells: int
    total_seconds: int
    mean_seconds: Annotated[int, Field(description="of a ticket")]
    longest_seconds: Annotated[int, Field(description="spell")]


class HandlingTimes(ResponseBody):
    group_by: str
    rows: list[HandlingRow]


class Performance(ResponseBody):
    group_by: str
    rows: list[PerformanceRow]
