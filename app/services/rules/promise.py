"""The definite answer a caller gets, at intake and whenever they ask: what happens next, and by when.

Source: 000 第十一条, 003 4.4.2.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol
from zoneinfo import ZoneInfo

from app.services.rules.clause import Wording
from app.services.rules.sla import MILESTONE_TITLES, Milestone
from app.services.rules.tickets import Status

# The steps a customer waits for. Registering is done by then; an engineer's analysis is between us.
_TOLD = (
    Milestone.FIRST_RESPONSE,
    Milestone.EMAIL_REPLY,
    Milestone.NEXT_REPLY,
    Milestone.ARRANGE_REPAIR,
    Milestone.ON_SITE_VISIT,
    Milestone.RESOLUTION,
)

# What is said before the next steps, or instead of them.
_STANDING = MappingProxyType({
    Status.WAITING_CUSTOMER: Wording("正在等待您的回复，收到后继续办理。", "We go on when we have your reply."),
    Status.RESOLVED: Wording("事项已处理完成，请您确认。", "The matter is resolved: please confirm."),
    Status.ACCEPTED: Wording("事项已处理完成，感谢您的确认。", "The matter is resolved; thank you for confirming."),
    Status.CLOSED: Wording("事项已办结。", "The matter is closed."),
    Status.CANCELLED: Wording("该事项已取消。", "The matter was cancelled."),
})  # fmt: skip


class Due(Protocol):
    """A step still to be done, and its deadline (aware)."""

    @property
    def milestone(self) -> Milestone: ...
    @property
    def due_at(self) -> datetime: ...


def word_promise(
    status: Status, steps: Sequence[Due], missing: Sequence[Wording], timezone: str, *, late: bool = False
) -> Wording:
    """Return the promise without its ticket number, which `with_number` puts in front. Times are local.

    `steps` are those whose clock runs and whose time is not over; `late` says that others are overdue. `missing` are
    the materials still to come, asked for while there is time.
    """
    zone, by_time = ZoneInfo(timezone), dict[str, list[Wording]]()
    for step in sorted((step for step in steps if step.milestone in _TOLD), key=_told_order):
        by_time.setdefault(local_time(step.due_at, zone), []).append(MILESTONE_TITLES[step.milestone])
    parts = [_STANDING[status]] if status in _STANDING else []
    if by_time:
        zh = "，".join(f"{due} 前{'、'.join(title.zh for title in titles)}" for due, titles in by_time.items())
        en = "; ".join(f"{' and '.join(title.en for title in titles)} by {due}" for due, titles in by_time.items())
        parts.append(Wording(f"我们将在 {zh}。", f"What happens next: {en}."))
    if late:
        parts.append(Wording("有步骤已超过时限，我们将尽快处理。", "A step is overdue; we see to it at once."))
    if missing and by_time:
        listed_zh, listed_en = "、".join(m.zh for m in missing), ", ".join(m.en for m in missing)
        parts.append(Wording(f"请补充：{listed_zh}。", f"Please send: {listed_en}."))
    if not parts:
        parts.append(Wording("已登记。", "It is on record."))
    return Wording("".join(part.zh for part in parts), " ".join(part.en for part in parts))


def _told_order(step: Due) -> tuple[datetime, int]:
    return step.due_at, _TOLD.index(step.milestone)


def with_number(number: str, promise_zh: str, promise_en: str) -> Wording:
    return Wording(f"您的工单号为 {number}。{promise_zh}", f"Your ticket is {number}. {promise_en}")


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """Write a deadline as people read it; midnight is 24:00 of the day that ends."""
    local = instant.astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"
