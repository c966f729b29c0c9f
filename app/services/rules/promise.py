"""The definite answer a caller gets at once: what happens next, and by when (000 第十一条, 003 4.4.2)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.services.rules.clause import Wording
from app.services.rules.sla import MILESTONE_TITLES, Commitment, Milestone

# The steps a customer waits for; analysis by an engineer is between us.
_TOLD = (
    Milestone.ACKNOWLEDGE,
    Milestone.FIRST_RESPONSE,
    Milestone.EMAIL_REPLY,
    Milestone.ARRANGE_REPAIR,
    Milestone.ON_SITE_VISIT,
    Milestone.RESOLUTION,
)


def word_promise(commitments: Sequence[Commitment], missing: Sequence[Wording], timezone: str) -> Wording:
    """Return the promise without its ticket number, which `with_number` puts in front. Times are local."""
    told = sorted((c for c in commitments if c.milestone in _TOLD), key=lambda c: (c.due_at, _TOLD.index(c.milestone)))
    zone = ZoneInfo(timezone)
    zh = "，".join(
        f"{local_time(c.due_at, zone)} 前{MILESTONE_TITLES[c.milestone].zh}" for c in told
    )  # fmt: skip
    en = "; ".join(f"{MILESTONE_TITLES[c.milestone].en} by {local_time(c.due_at, zone)}" for c in told)
    promise = Wording(f"我们将在 {zh}。", f"What happens next: {en}.")
    if missing:
        listed_zh, listed_en = "、".join(m.zh for m in missing), ", ".join(m.en for m in missing)
        promise = Wording(f"{promise.zh}请补充：{listed_zh}。", f"{promise.en} Please send: {listed_en}.")
    return promise


def with_number(number: str, promise_zh: str, promise_en: str) -> Wording:
    return Wording(f"您的工单号为 {number}。{promise_zh}", f"Your ticket is {number}. {promise_en}")


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """Write a deadline as people read it; midnight is 24:00 of the day that ends."""
    local = instant.astimezone(zone)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"
