"""The definite answer a caller gets at once: what happens next, and by when (000 第十一条, 003 4.4.2)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.services.rules.clause import Wording
from app.services.rules.sla import MILESTONE_TITLES, Commitment, Milestone

# The steps a customer waits for. Registering is done when the promise is read out; an engineer's analysis is between us.
_TOLD = (
    Milestone.FIRST_RESPONSE,
    Milestone.EMAIL_REPLY,
    Milestone.ARRANGE_REPAIR,
    Milestone.ON_SITE_VISIT,
    Milestone.RESOLUTION,
)


def word_promise(commitments: Sequence[Commitment], missing: Sequence[Wording], timezone: str) -> Wording:
    """Return the promise without its ticket number, which `with_number` puts in front. Times are local."""
    zone, steps = ZoneInfo(timezone), dict[str, list[Wording]]()
    for commitment in sorted((c for c in commitments if c.milestone in _TOLD), key=_told_order):
        steps.setdefault(local_time(commitment.due_at, zone), []).append(MILESTONE_TITLES[commitment.milestone])
    zh = "，".join(f"{due} 前{'、'.join(title.zh for title in titles)}" for due, titles in steps.items())
    en = "; ".join(f"{' and '.join(title.en for title in titles)} by {due}" for due, titles in steps.items())
    promise = (
        Wording(f"我们将在 {zh}。", f"What happens next: {en}.") if steps else Wording("已登记。", "It is on record.")
    )
    if missing:
        listed_zh, listed_en = "、".join(m.zh for m in missing), ", ".join(m.en for m in missing)
        promise = Wording(f"{promise.zh}请补充：{listed_zh}。", f"{promise.en} Please send: {listed_en}.")
    return promise


def _told_order(commitment: Commitment) -> tuple[datetime, int]:
    return commitment.due_at, _TOLD.index(commitment.milestone)


def with_number(number: str, promise_zh: str, promise_en: str) -> Wording:
    return Wording(f"您的工单号为 {number}。{promise_zh}", f"Your ticket is {number}. {promise_en}")


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """Write a deadline as people read it; midnight is 24:00 of the day that ends."""
    local = instant.astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"
