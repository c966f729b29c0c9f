"""By when a request is to be answered and its price paid back; timers tell before, at and after it."""

from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.models.return_requests import ReturnDeadline, ReturnRequest
from app.services.policy_book import Policy
from app.services.rules.return_requests import DeadlineKind
from app.services.rules.thresholds import next_plain_firing, thresholds_of

_DAY = timedelta(days=1)


def add_deadline(
    session: AsyncSession,
    request: ReturnRequest,
    policy: Policy,
    kind: DeadlineKind,
    *,
    begins: date,
    days: int,
    rule: str,
) -> ReturnDeadline:
    """Add what is due by 24:00, local time, of the day `days` after `begins`; its timer runs from that day's end.

    The nominal day, also where it is a rest day: to act later than that is safe on one reading of the law only.
    """
    due_on = begins + timedelta(days=days)
    row = ReturnDeadline(
        id=new_id(), business_line_id=request.business_line_id, return_request_id=request.id, kind=kind, rule=rule,
        due_on=due_on, due_at=policy.time.end_of_date(due_on), started_at=policy.time.end_of_date(begins),
        met_at=None, dropped_at=None, thresholds_fired=0, firing_failures=0,
    )  # fmt: skip
    set_timer(row, policy)
    session.add(row)
    return row


def set_timer(row: ReturnDeadline, policy: Policy) -> None:
    """Note when the next threshold of a deadline is due, if it is still to be met."""
    thresholds = thresholds_of(policy.edition.sla)
    row.next_fire_at = (
        next_plain_firing(row.started_at, row.due_at, row.thresholds_fired, thresholds) if row.is_open else None
    )


def meet(row: ReturnDeadline | None, now: datetime) -> None:
    """Note that what was due is done, if it was still to be done."""
    if row is not None and row.is_open:
        row.met_at, row.next_fire_at = now, None


def drop(row: ReturnDeadline | None, now: datetime) -> None:
    """Note that nothing is due any more."""
    if row is not None and row.is_open:
        row.dropped_at, row.next_fire_at = now, None
