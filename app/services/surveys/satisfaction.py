"""客户满意度: the figures of a period, by group and by month, with what they can mean (001 三.3, 九.1; 004 5.3).

Counted are the customers who were invited in the period; who answered later belongs to the day of the invitation, so
that the share of those who answered is one of the same people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, Row, SQLColumnExpression, cast, func, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.business_lines import BusinessLine
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.schemas.fields import Bilingual
from app.schemas.lists import SatisfactionFilter
from app.schemas.surveys import ChangePoint, Satisfaction, SatisfactionRow, Theme
from app.services.context import Context
from app.services.reporting import ZONE, month_of
from app.services.rules.classification import IssueType
from app.services.rules.labels import ISSUE_TYPE_LABELS
from app.services.rules.statistics import (
    Period,
    find_changes,
    net_promoter_interval,
    net_promoter_score,
    wilson,
)
from app.services.rules.surveys import DETRACTOR, PROMOTER, SurveyAspect
from app.services.rules.tickets import Status

_DEFAULT_DAYS: Final = 365
_TOO_SMALL: Final = 5  # answers, to compare people by
_MOST_ROWS: Final = 200
_MONTH: Final = month_of(Survey.invited_at)
_GROUPS: Final[dict[str, SQLColumnExpression[Any]]] = {
    "business_line": BusinessLine.name,
    "department": Survey.department,
    "staff": Survey.staff_no,
    "product": Survey.product,
    "channel": Survey.ticket_channel,
    "kind": Survey.kind,
    "month": _MONTH,
}
_ANSWERED: Final = Survey.answered_at.is_not(None)


@dataclass(frozen=True, slots=True)
class _Counts:
    """What is counted of one group."""

    key: str | None
    invited: int
    n: int
    rated: int
    satisfied: int
    nps_n: int
    promoters: int
    detractors: int
    means: dict[SurveyAspect, float]


async def read_satisfaction(ctx: Context, wanted: SatisfactionFilter) -> Satisfaction:
    """Return the figures of a period. Raises: NotFound for a line that is not the caller's."""
    lines = ctx.line_ids(wanted.business_line)
    until = wanted.until or ctx.now.astimezone(ZoneInfo(ZONE)).date()
    since = min(wanted.since or until - timedelta(days=_DEFAULT_DAYS - 1), until)
    chosen = [
        Survey.business_line_id.in_(lines),
        Survey.invited_at >= _midnight(since),
        Survey.invited_at < _midnight(until + timedelta(days=1)),
    ]
    if wanted.kind is not None:
        chosen.append(Survey.kind == wanted.kind)
    async with ctx.reports.read() as session:
        total = (await _counted(session, chosen, null()))[0]
        groups = await _counted(session, chosen, _GROUPS[wanted.group_by])
        months = await _counted(session, chosen, _MONTH)
        themes = await _themes(session, chosen)
        opened, closed = await _follow_ups(session, chosen)
    by_staff = wanted.group_by == "staff"
    months.sort(key=lambda month: month.key or "")
    groups.sort(key=lambda group: (-group.n, group.key or ""))
    shown = months if wanted.group_by == "month" else groups[:_MOST_ROWS]
    return Satisfaction(
        business_lines=sorted(ctx.known.by_id[line].name for line in lines),
        time_zone=ZONE,
        period_start=since,
        period_end=until,
        group_by=wanted.group_by,
        total=_row(total),
        rows=[_row(group, hidden=by_staff and group.n < _TOO_SMALL) for group in shown],
        trend=[_row(month) for month in months],
        change_points=_change_points(months),
        themes=themes,
        follow_ups=opened,
        follow_ups_closed=closed,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(ZONE))


async def _counted(
    session: AsyncSession, chosen: Sequence[ColumnElement[bool]], key: SQLColumnExpression[Any]
) -> list[_Counts]:
    """Count by a key; without surveys there is one group of none if the key is constant, else none."""
    counts = [
        func.count(),
        func.count().filter(_ANSWERED),
        func.count(Survey.satisfied),
        func.count().filter(Survey.satisfied.is_(True)),
        func.count(Survey.nps),
        func.count().filter(Survey.nps >= PROMOTER),
        func.count().filter(Survey.nps <= DETRACTOR),
        *(func.avg(cast(Survey.scores[aspect].astext, Integer)) for aspect in SurveyAspect),
    ]
    counted = (
        select(key, *counts)
        .select_from(Survey)
        .join(BusinessLine, BusinessLine.id == Survey.business_line_id)
        .where(*chosen)
    )
    grouped = counted if isinstance(key, type(null())) else counted.group_by(key)
    return [_counts(row) for row in await session.execute(grouped)]


def _counts(row: Row[Any]) -> _Counts:
    key, invited, n, rated, satisfied, nps_n, promoters, detractors, *means = tuple(row)
    by_aspect = {
        aspect: round(float(mean), 4) for aspect, mean in zip(SurveyAspect, means, strict=True) if mean is not None
    }
    return _Counts(key, invited, n, rated, satisfied, nps_n, promoters, detractors, by_aspect)


def _row(counts: _Counts, *, hidden: bool = False) -> SatisfactionRow:
    """Shape a group; of one too small to compare people by only the numbers of people are shown."""
    means = {} if hidden else counts.means
    rated, nps_n = (0, 0) if hidden else (counts.rated, counts.nps_n)
    return SatisfactionRow(
        key=counts.key,
        invited=counts.invited,
        n=counts.n,
        response_rate=round(counts.n / counts.invited, 4) if counts.invited else None,
        rated=counts.rated,
        mean=means.get(SurveyAspect.OVERALL),
        means={aspect: mean for aspect, mean in means.items() if aspect is not SurveyAspect.OVERALL},
        satisfied_rate=round(counts.satisfied / rated, 4) if rated else None,
        ci95=_rounded(wilson(counts.satisfied, rated)),
        nps_n=counts.nps_n,
        nps=_one(net_promoter_score(counts.promoters, counts.detractors, nps_n)),
        nps_ci95=_rounded(net_promoter_interval(counts.promoters, counts.detractors, nps_n)),
        too_small=counts.n < _TOO_SMALL,
    )


def _rounded(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if interval is None else (round(interval[0], 4), round(interval[1], 4))


def _one(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _change_points(months: Sequence[_Counts]) -> list[ChangePoint]:
    rated = [month for month in months if month.rated]
    return [
        ChangePoint(
            month=rated[change.place].key or "",
            rate_before=round(change.rate_before, 4),
            rate_after=round(change.rate_after, 4),
            p_value=change.p_value,
        )
        for change in find_changes([Period(month.satisfied, month.rated) for month in rated])
    ]


async def _themes(session: AsyncSession, chosen: Sequence[ColumnElement[bool]]) -> list[Theme]:
    n = func.count()
    counted = select(Survey.theme, n).where(*chosen, Survey.theme.is_not(None)).group_by(Survey.theme)
    found = (await session.execute(counted.order_by(n.desc(), Survey.theme))).all()
    themes = []
    for key, count in found:
        title = ISSUE_TYPE_LABELS[key or IssueType.OTHER]
        themes.append(Theme(key=key or IssueType.OTHER, title=Bilingual(zh=title.zh, en=title.en), n=count))
    return themes


async def _follow_ups(session: AsyncSession, chosen: Sequence[ColumnElement[bool]]) -> tuple[int, int]:
    """Return how many answers led to a follow-up, and how many of those are over."""
    over = func.count().filter(Ticket.status.in_((Status.CLOSED, Status.CANCELLED)))
    counted = (
        select(func.count(), over)
        .select_from(Survey)
        .join(Ticket, Ticket.id == Survey.follow_up_ticket_id)
        .where(*chosen)
    )
    opened, closed = (await session.execute(counted)).one()
    return opened, closed
