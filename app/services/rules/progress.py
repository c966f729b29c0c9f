"""进展告知: customers hear how their matter stands without asking, at each step and at intervals while it lasts.

Source: 002 完整版 2.3 and 6.4.2d, 001 二.2, 004 3.3.
"""

from collections.abc import Set
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from app.services.rules.clause import Cited, Terms, Wording
from app.services.rules.surveys import contact_time
from app.services.rules.tickets import OVER, Move, Status


class ProgressCause(StrEnum):
    STEP = "step"
    INTERVAL = "interval"


class ProgressTerms(Terms):
    """`steps` are the moves a customer is told of; `every_hours` how long it may last without a word."""

    steps: Cited[tuple[Move, ...]]
    every_hours: Cited[Annotated[int, Field(gt=0, le=24 * 31)]]


STATUS_TITLES = MappingProxyType({
    Status.RECORDED: Wording("已登记", "on record"),
    Status.ACKNOWLEDGED: Wording("已受理", "taken up"),
    Status.IN_PROGRESS: Wording("处理中", "being worked on"),
    Status.WAITING_CUSTOMER: Wording("等待您的回复", "waiting for your reply"),
    Status.WAITING_SUPPLIER: Wording("等待配件或供应商", "waiting for parts or a supplier"),
    Status.RESOLVED: Wording("已处理完成", "resolved"),
    Status.ACCEPTED: Wording("您已确认", "confirmed by you"),
    Status.CLOSED: Wording("已办结", "closed"),
    Status.CANCELLED: Wording("已取消", "cancelled"),
})  # fmt: skip
# After these there is nothing more to tell but the step itself: what comes is the customer's to say.
_SETTLED: Set[Status] = OVER | {Status.RESOLVED, Status.ACCEPTED}


def tell_after_step(
    move: Move, instant: datetime, terms: ProgressTerms, window: tuple[str, str], timezone: str
) -> datetime | None:
    """Return when the customer is told of a move made at `instant`: in contact hours; None if not of this one."""
    return contact_time(instant, window, timezone) if move in terms.steps.value else None


def tell_next(
    status: Status, instant: datetime, terms: ProgressTerms, window: tuple[str, str], timezone: str
) -> datetime | None:
    """Return when the customer who was told at `instant` is told again if nothing happens; None once it is settled."""
    if status in _SETTLED:
        return None
    return contact_time(instant + timedelta(hours=terms.every_hours.value), window, timezone)


def word_progress(number: str, status: Status, promise: Wording) -> Wording:
    """Return what the customer is told: how the matter stands, and what comes next. It names no person."""
    stands = STATUS_TITLES[status]
    return Wording(
        f"您的工单 {number} 当前状态：{stands.zh}。{promise.zh}",
        f"Your ticket {number} is {stands.en}. {promise.en}",
    )
