"""客户满意度: the figures of a period, by group and by month, with what they can mean (001 三.3, 九.1; 004 5.3).

Counted are the customers who were invited in the period; who answered later belongs to the day of the invitation, so
that the share of those who answered is one of the same people.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, SQLColumnExpression, column, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.satisfaction import FIGURES
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.schemas.fields import Bilingual
from app.schemas.lists import SatisfactionFilter
from app.schemas.surveys import ChangePoint, Satisfaction, SatisfactionRow, Theme
from app.services.context import Context
from app.services.reporting import ZONE
from app.services.rules.classification import IssueType
from app.services.rules.labels import ISSUE_TYPE_LABELS
from app.services.rules.statistics import (
    Period,
    find_changes,
    net_promoter_interval,
    net_promoter_score,
    wilson,
)
from app.services.rules.surveys import SurveyAspect, SurveyKind
from app.services.rules.tickets import Status
from app.services.surveys.counting import Counted

_DEFAULT_DAYS: Final = 365
_TOO_SMALL: Final = 5  # answers, to compare people by
_MOST_ROWS: Final = 200
_MONTH: Final[SQLColumnExpression[str]] = func.to_char(column("day"), "YYYY-MM")
# Of each group its dimension, and what of it the groups are told apart by.
_GROUPS: Final[dict[str, tuple[str, str | SQLColumnExpression[Any]]]] = {
    "business_line": ("total", "business_line_id"),
    "department": ("department", "key"),
    "staff": ("staff", "key"),
    "product": ("product", "key"),
    "channel": ("channel", "key"),
    "kind": ("total", "kind"),
    "month": ("total", _MONTH),
}


@dataclass(frozen=True, slots=True)
class _Counts:
    """What is counted of one group, by the names of `FIGURES`."""

    key: str | None
    figures: Counter[str]

    def __getattr__(self, name: str) -> int:
        return self.figures[name]

    @property
    def means(self) -> dict[SurveyAspect, float]:
        return {
            aspect: round(self.figures[f"{aspect}_sum"] / rated, 4)
            for aspect in SurveyAspect
            if (rated := self.figures[f"{aspect}_rated"])
        }


async def read_satisfaction(ctx: Context, wanted: SatisfactionFilter) -> Satisfaction:
    """Return the figures of a period. Raises: NotFound for a line that is not the caller's."""
    lines = ctx.line_ids(wanted.business_line)
    until = wanted.until or ctx.now.astimezone(ZoneInfo(ZONE)).date()
    since = min(wanted.since or until - timedelta(days=_DEFAULT_DAYS - 1), until)
    counted = Counted(lines, since, until, wanted.kind)
    async with ctx.reports.read() as session:
        months = await _counts(session, counted.by(*_GROUPS["month"]))
        groups = await _counts(session, counted.by(*_GROUPS[wanted.group_by]))
        themes = await _counts(session, counted.by("theme"))
        closed = await _follow_ups_closed(session, lines, since, until, wanted.kind)
    if wanted.group_by == "business_line":
        groups = [_Counts(ctx.known.by_id[UUID(group.key or "")].name, group.figures) for group in groups]
    total = _Counts(None, sum((month.figures for month in months), Counter()))
    by_staff = wanted.group_by == "staff"
    months.sort(key=lambda month: month.key or "")
    groups.sort(key=lambda group: (-group.answered, group.key or ""))
    shown = months if wanted.group_by == "month" else groups[:_MOST_ROWS]
    return Satisfaction(
        business_lines=sorted(ctx.known.by_id[line].name for line in lines),
        time_zone=ZONE,
        period_start=since,
        period_end=until,
        group_by=wanted.group_by,
        total=_row(total),
        rows=[_row(group, hidden=by_staff and group.answered < _TOO_SMALL) for group in shown],
        trend=[_row(month) for month in months],
        change_points=_change_points(months),
        themes=_themes(themes),
        follow_ups=total.follow_ups,
        follow_ups_closed=closed,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(ZONE))


async def _counts(session: AsyncSession, groups: Select[Any]) -> list[_Counts]:
    return [
        _Counts(str(key) if key else None, Counter(dict(zip(FIGURES, figures, strict=True))))
        for key, *figures in await session.execute(groups)
    ]


def _row(counts: _Counts, *, hidden: bool = False) -> SatisfactionRow:
    """Shape a group; of one too small to compare people by only the numbers of people are shown."""
    means = {} if hidden else counts.means
    rated, nps_n = (0, 0) if hidden else (counts.rated, counts.loyalty_rated)
    return SatisfactionRow(
        key=counts.key,
        invited=counts.invited,
        n=counts.answered,
        response_rate=round(counts.answered / counts.invited, 4) if counts.invited else None,
        rated=counts.rated,
        mean=means.get(SurveyAspect.OVERALL),
        means={aspect: mean for aspect, mean in means.items() if aspect is not SurveyAspect.OVERALL},
        satisfied_rate=round(counts.satisfied / rated, 4) if rated else None,
        ci95=_rounded(wilson(counts.satisfied, rated)),
        nps_n=counts.loyalty_rated,
        nps=_one(net_promoter_score(counts.promoters, counts.detractors, nps_n)),
        nps_ci95=_rounded(net_promoter_interval(counts.promoters, counts.detractors, nps_n)),
        too_small=counts.answered < _TOO_SMALL,
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


def _themes(counted: Sequence[_Counts]) -> list[Theme]:
    """Name what comments complain of, the most frequent first."""
    themes = []
    for group in sorted(counted, key=lambda group: (-group.invited, group.key or "")):
        if group.key is not None:
            issue = IssueType(group.key)
            title = ISSUE_TYPE_LABELS[issue]
            themes.append(Theme(key=issue, title=Bilingual(zh=title.zh, en=title.en), n=group.invited))
    return themes


async def _follow_ups_closed(
    session: AsyncSession, lines: Sequence[UUID], since: date, until: date, kind: SurveyKind | None
) -> int:
    """Return how many of the tickets that follow up an answer are over."""
    chosen = (
        select(func.count())
        .select_from(Survey)
        .join(Ticket, Ticket.id == Survey.follow_up_ticket_id)
        .where(
            Survey.business_line_id.in_(lines),
            Survey.follow_up_ticket_id.is_not(None),
            Survey.invited_at >= _midnight(since),
            Survey.invited_at < _midnight(until + timedelta(days=1)),
            Ticket.status.in_((Status.CLOSED, Status.CANCELLED)),
        )
    )
    closed: int = (await session.execute(chosen if kind is None else chosen.where(Survey.kind == kind))).scalar_one()
    return closed
