"""客户投诉处理报告单: which step comes when, who is asked, and when what a department promised is due.

Facts and measures, then the remedy settled with the customer, then every department's approval, and only then the
final answer (components 6.4.2c). A refusal leads back to the measures and begins a new round of approvals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from app.services.rules.clause import Wording


class ApprovalOrder(StrEnum):
    PARALLEL = "parallel"  # 同时审批
    IN_ORDER = "in_order"  # 依次审批


class ReportStatus(StrEnum):
    OPEN = "open"
    MEASURES = "measures"
    SETTLED = "settled"
    IN_APPROVAL = "in_approval"
    APPROVED = "approved"
    ANSWERED = "answered"


class ReportStep(StrEnum):
    FACTS = "facts"
    MEASURES = "measures"
    SETTLE = "settle"
    APPROVALS = "approvals"
    ANSWER = "answer"


class Verdict(StrEnum):
    APPROVE = "approve"
    REFUSE = "refuse"


class MeasureState(StrEnum):
    PLANNED = "planned"
    DUE = "due"  # today
    LATE = "late"
    DONE = "done"


class ReportFact(StrEnum):
    """What is taken down of the goods and the demand (components 6.4.2a)."""

    BATCH = "batch"
    DELIVERED_ON = "delivered_on"
    QUANTITY = "quantity"
    DEFECTIVE_QUANTITY = "defective_quantity"
    DEMAND = "demand"


FACT_TITLES: Final[Mapping[ReportFact, Wording]] = MappingProxyType(
    {
        ReportFact.BATCH: Wording("产品批次", "batch"),
        ReportFact.DELIVERED_ON: Wording("交货日期", "delivery date"),
        ReportFact.QUANTITY: Wording("数量", "quantity"),
        ReportFact.DEFECTIVE_QUANTITY: Wording("不良数量", "defective quantity"),
        ReportFact.DEMAND: Wording("客户要求", "customer's demand"),
    }
)

_DRAFT = frozenset({ReportStatus.OPEN, ReportStatus.MEASURES})
# What departments approve is what was settled: from then on facts and measures stand.
ALLOWED: Final[Mapping[ReportStep, frozenset[ReportStatus]]] = MappingProxyType(
    {
        ReportStep.FACTS: _DRAFT,
        ReportStep.MEASURES: _DRAFT,
        ReportStep.SETTLE: _DRAFT,
        ReportStep.APPROVALS: frozenset({ReportStatus.SETTLED, ReportStatus.IN_APPROVAL}),
        ReportStep.ANSWER: frozenset({ReportStatus.APPROVED}),
    }
)
APPROVED: Final = frozenset({ReportStatus.APPROVED, ReportStatus.ANSWERED})


@dataclass(frozen=True, slots=True)
class Asked:
    """The departments a report asks, each list in the order in which the edition names them."""

    measures_by: tuple[str, ...]
    settled_by: tuple[str, ...]
    approved_by: tuple[str, ...]
    order: ApprovalOrder


@dataclass(frozen=True, slots=True)
class Next:
    """The step a report waits for, and the departments that may take it now: any of them, for each its own part."""

    step: ReportStep
    departments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a report has come: who proposed a measure, and who approved in this round."""

    status: ReportStatus
    asked: Asked
    proposed: frozenset[str]
    approved: frozenset[str]

    @property
    def missing_measures(self) -> tuple[str, ...]:
        return tuple(name for name in self.asked.measures_by if name not in self.proposed)

    @property
    def missing_approvals(self) -> tuple[str, ...]:
        return tuple(name for name in self.asked.approved_by if name not in self.approved)

    @property
    def deciding(self) -> tuple[str, ...]:
        """The departments that may approve or refuse now."""
        missing = self.missing_approvals
        return missing[:1] if self.asked.order is ApprovalOrder.IN_ORDER else missing

    @property
    def next(self) -> Next | None:
        """What comes next; None once the customer has the answer."""
        if self.status in _DRAFT:
            missing = self.missing_measures
            return Next(ReportStep.MEASURES, missing) if missing else Next(ReportStep.SETTLE, self.asked.settled_by)
        if self.status in ALLOWED[ReportStep.APPROVALS]:
            return Next(ReportStep.APPROVALS, self.deciding)
        return Next(ReportStep.ANSWER) if self.status is ReportStatus.APPROVED else None

    def allows(self, step: ReportStep) -> bool:
        """Tell whether a step may be taken now; a remedy is settled once every department asked has proposed."""
        if step is ReportStep.SETTLE and self.missing_measures:
            return False
        return self.status in ALLOWED[step]

    def after(self, department: str, verdict: Verdict) -> ReportStatus:
        """Return the status a department's verdict leads to."""
        if verdict is Verdict.REFUSE:
            return ReportStatus.MEASURES
        return ReportStatus.APPROVED if self.missing_approvals == (department,) else ReportStatus.IN_APPROVAL


def measure_state(due_on: date, done_on: date | None, today: date) -> MeasureState:
    if done_on is not None:
        return MeasureState.DONE
    if due_on == today:
        return MeasureState.DUE
    return MeasureState.LATE if due_on < today else MeasureState.PLANNED


def announcements(due_on: date, timezone: str) -> tuple[tuple[str, datetime], ...]:
    """Return what is announced of an undone measure, and when (UTC): as its day begins, and once it is over."""
    begins, ends = (
        datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
        for day in (due_on, due_on + timedelta(days=1))
    )
    return ("report.measure_due", begins), ("report.measure_late", ends)
