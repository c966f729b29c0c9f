"""客户反馈分析: the main problems of a period, how they were handled, and the trend (001 三.3)."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, SQLColumnExpression, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.tickets import Ticket, TicketCommitment, TimelineEntry
from app.schemas.fields import Bilingual
from app.schemas.lists import AnalysisFilter
from app.schemas.quality import Analysis, HandlingSummary, ProblemRow, ShareRow, TrendRow
from app.services.context import Context
from app.services.quality_watch import MODEL, quality_complaint
from app.services.reporting import ZONE
from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity
from app.services.rules.clause import Wording
from app.services.rules.labels import COMPLAINT_CLASS_LABELS, ISSUE_TYPE_LABELS, KIND_LABELS, SEVERITY_LABELS
from app.services.rules.sla import CommitmentState, Milestone
from app.services.rules.tickets import Move, Status

_DEFAULT_PERIOD: Final = timedelta(days=30)
_MOMENT: Final = timedelta(milliseconds=1)  # what came in just now is counted
_MOST_PROBLEMS: Final = 5
_MOST_ROWS: Final = 20  # of an aspect with free values
_EXAMPLES: Final = 3
_GRAVE = (Severity.SERIOUS, Severity.CRITICAL)
_CLASS = Ticket.classification["complaint_class"].astext
_ISSUE = Ticket.classification["issue_type"].astext
_COMPLAINT = Ticket.kind == Kind.COMPLAINT
_TREND_STEPS: Final = ((timedelta(days=31), "day"), (timedelta(days=186), "week"))

_ASPECTS: Final[dict[str, SQLColumnExpression[Any]]] = {
    "by_class": _CLASS,
    "by_issue_type": _ISSUE,
    "by_severity": Ticket.severity,
    "by_kind": Ticket.kind,
    "by_channel": Ticket.channel,
    "by_department": Ticket.department,
    "by_product_category": Ticket.product["category"].astext,
    "by_model": MODEL,
}
_TITLES: Final[dict[str, dict[str, Wording]]] = {
    "by_class": {str(word): title for word, title in COMPLAINT_CLASS_LABELS.items()},
    "by_issue_type": {str(word): title for word, title in ISSUE_TYPE_LABELS.items()},
    "by_severity": {str(word): title for word, title in SEVERITY_LABELS.items()},
    "by_kind": {str(word): title for word, title in KIND_LABELS.items()},
}


@dataclass(frozen=True, slots=True)
class _Period:
    """The period asked for, and `earlier`, where the one of the same length before it begins."""

    lines: Sequence[UUID]
    earlier: datetime
    start: datetime
    end: datetime

    @property
    def now(self) -> ColumnElement[bool]:
        return Ticket.opened_at >= self.start

    @property
    def before(self) -> ColumnElement[bool]:
        return Ticket.opened_at < self.start

    def both(self) -> list[ColumnElement[bool]]:
        lines = Ticket.business_line_id.in_(self.lines)
        return [lines, Ticket.opened_at >= self.earlier, Ticket.opened_at < self.end]

    def only(self) -> list[ColumnElement[bool]]:
        return [*self.both(), self.now]


async def analyse(ctx: Context, wanted: AnalysisFilter) -> Analysis:
    """Analyse what was reported in a period, against the period of the same length before it.

    Raises: NotFound for a line that is not the caller's.
    """
    lines = ctx.line_ids(wanted.business_line)
    end = wanted.opened_at_lt or ctx.now + _MOMENT
    start = min(wanted.opened_at_gte or end - _DEFAULT_PERIOD, end)
    period = _Period(lines, start - (end - start), start, end)
    async with ctx.reports.read() as session:
        totals = await _totals(session, period)
        shares = {name: await _shares(session, period, name) for name in _ASPECTS}
        return Analysis(
            business_lines=sorted(ctx.known.by_id[line].name for line in lines),
            time_zone=ZONE,
            period_start=start,
            period_end=end,
            problems=await _problems(session, period),
            handling=await _handling(session, period),
            trend=await _trend(session, period),
            **totals,
            **shares,
        )


async def _totals(session: AsyncSession, period: _Period) -> dict[str, int]:
    counts = {
        "tickets": func.count().filter(period.now),
        "tickets_previous": func.count().filter(period.before),
        "complaints": func.count().filter(period.now, _COMPLAINT),
        "complaints_previous": func.count().filter(period.before, _COMPLAINT),
    }
    row = (await session.execute(select(*counts.values()).where(*period.both()))).one()
    return dict(zip(counts, row, strict=True))


async def _shares(session: AsyncSession, period: _Period, aspect: str) -> list[ShareRow]:
    """Count the tickets by one aspect, the most first; tickets of which it is not known are left out."""
    column = _ASPECTS[aspect]
    n = func.count().filter(period.now)
    previous, serious = func.count().filter(period.before), func.count().filter(period.now, Ticket.severity.in_(_GRAVE))
    counted = (
        select(column, n, previous, serious)
        .where(*period.both(), column.is_not(None))
        .group_by(column)
        .order_by(n.desc(), column)
        .limit(_MOST_ROWS)
    )
    rows = (await session.execute(counted)).all()
    total = sum(row[1] for row in rows) or 1
    titles = _TITLES.get(aspect, {})
    return [
        ShareRow(
            key=key, title=_bilingual(titles.get(key)), n=count, previous=earlier,
            share=round(count / total, 4), serious=grave,
        )
        for key, count, earlier, grave in rows
    ]  # fmt: skip


async def _problems(session: AsyncSession, period: _Period) -> list[ProblemRow]:
    """The most frequent issues, each with its models and its gravest and latest tickets."""
    n = func.count().filter(period.now)
    gravest = aggregate_order_by(Ticket.number, Ticket.severity.in_(_GRAVE).desc(), Ticket.opened_at.desc())
    counted = (
        select(
            _ISSUE,
            n,
            func.count().filter(period.before),
            func.count().filter(period.now, Ticket.severity.in_(_GRAVE)),
            func.array_agg(MODEL.distinct()).filter(period.now, MODEL.is_not(None)),
            func.array_agg(gravest).filter(period.now),
        )
        .where(*period.both(), _ISSUE.is_not(None), _ISSUE != IssueType.NONE, _CLASS != ComplaintClass.NOT_COMPLAINT)
        .group_by(_ISSUE)
        .having(n > 0)
        .order_by(n.desc(), _ISSUE)
        .limit(_MOST_PROBLEMS)
    )
    return [
        ProblemRow(
            issue_type=issue, title=_bilingual(ISSUE_TYPE_LABELS[IssueType(issue)]), n=count, previous=earlier,
            serious=grave, models=sorted(models or [])[:_EXAMPLES], tickets=numbers[:_EXAMPLES],
        )
        for issue, count, earlier, grave, models, numbers in await session.execute(counted)
    ]  # fmt: skip


async def _handling(session: AsyncSession, period: _Period) -> HandlingSummary:
    over = (Status.RESOLVED, Status.ACCEPTED, Status.CLOSED)
    statuses = select(
        func.count().filter(Ticket.status.in_(over)),
        func.count().filter(Ticket.status == Status.CANCELLED),
        func.count(),
        func.count().filter(Ticket.classification["confirmed_by"].astext.is_not(None)),
    ).where(*period.only())
    resolved, cancelled, total, confirmed = (await session.execute(statuses)).one()
    took = func.extract("epoch", TicketCommitment.met_at - Ticket.opened_at) / 3600
    kept = (
        select(
            func.count().filter(TicketCommitment.state == CommitmentState.MET),
            func.count().filter(TicketCommitment.state == CommitmentState.BREACHED),
            func.percentile_cont(0.5).within_group(took).filter(TicketCommitment.met_at.is_not(None)),
        )
        .join(Ticket, Ticket.id == TicketCommitment.ticket_id)
        .where(*period.only(), TicketCommitment.milestone == Milestone.RESOLUTION)
    )
    met, breached, hours = (await session.execute(kept)).one()
    reopened = (
        select(func.count(TimelineEntry.ticket_id.distinct()))
        .join(Ticket, Ticket.id == TimelineEntry.ticket_id)
        .where(*period.only(), TimelineEntry.kind == Move.REOPEN)
    )
    return HandlingSummary(
        resolved=resolved,
        still_open=total - resolved - cancelled,
        cancelled=cancelled,
        resolution_met=met,
        resolution_breached=breached,
        resolution_met_rate=round(met / (met + breached), 4) if met + breached else None,
        median_hours_to_resolution=None if hours is None else round(hours, 1),
        reopened=await session.scalar(reopened) or 0,
        confirmed_by_staff=confirmed,
    )


async def _trend(session: AsyncSession, period: _Period) -> list[TrendRow]:
    """Count by day up to a month, by week up to half a year, else by month."""
    length = period.end - period.start
    step = next((step for most, step in _TREND_STEPS if length <= most), "month")
    start = func.date_trunc(step, func.timezone(ZONE, Ticket.opened_at))
    counted = (
        select(start, func.count(), func.count().filter(_COMPLAINT), func.count().filter(quality_complaint()))
        .where(*period.only())
        .group_by(start)
        .order_by(start)
    )
    found = {at.date(): counts for at, *counts in await session.execute(counted)}
    rows = []
    for day in _steps(step, period.start, period.end):
        tickets, complaints, quality = found.get(day, (0, 0, 0))
        rows.append(TrendRow(start=day, tickets=tickets, complaints=complaints, quality=quality))
    return rows


def _steps(step: str, start: datetime, end: datetime) -> Iterator[date]:
    """Yield the days, Mondays or first days of the month of a period, those without tickets too."""
    zone = ZoneInfo(ZONE)
    day, last = start.astimezone(zone).date(), (end - _MOMENT).astimezone(zone).date()
    while day <= last:
        first = {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[step]
        yield first
        length = {"day": 1, "week": 7, "month": monthrange(first.year, first.month)[1]}[step]
        day = first + timedelta(days=length)


def _bilingual(title: Wording | None) -> Bilingual | None:
    return None if title is None else Bilingual(zh=title.zh, en=title.en)
