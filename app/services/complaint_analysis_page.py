"""The feedback analysis as a page to print."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.core.answers import Answer
from app.core.language import Text
from app.schemas.lists import AnalysisFilter
from app.schemas.quality import Analysis, TrendRow
from app.services import complaint_analysis_words as texts
from app.services.complaint_analysis import analyse
from app.services.context import Context
from app.services.policy_pages.rendering import Links, render

_TALLEST = 100


@dataclass(frozen=True, slots=True)
class _Bar:
    start: str
    tickets: int
    complaints: int
    tall: int
    part: int


async def show_analysis(ctx: Context, wanted: AnalysisFilter) -> Answer:
    """Render the analysis in the caller's language; it is the caller's alone, and not to be cached by others.

    Raises: NotFound for a line that is not the caller's.
    """
    analysis = await analyse(ctx, wanted)
    page = render(
        "complaint_analysis.html",
        ctx.call.language,
        Links(switch="", index=""),
        texts=texts,
        analysis=analysis,
        handling=analysis.handling,
        handled=_handled(analysis),
        bars=_bars(analysis.trend),
        since=_day(analysis.period_start, analysis.time_zone),
        until=_day(analysis.period_end - timedelta(microseconds=1), analysis.time_zone),
    )
    return Answer(page.status, page.body, {**page.headers, "cache-control": "no-store", "vary": "Authorization"})


def _handled(analysis: Analysis) -> list[tuple[Text, int]]:
    done = analysis.handling
    return [
        (texts.RESOLVED, done.resolved),
        (texts.LATE, done.resolution_breached),
        (texts.STILL_OPEN, done.still_open),
        (texts.CANCELLED, done.cancelled),
        (texts.REOPENED, done.reopened),
        (texts.CONFIRMED, done.confirmed_by_staff),
    ]


def _bars(trend: list[TrendRow]) -> list[_Bar]:
    most = max((row.tickets for row in trend), default=0) or 1
    return [
        _Bar(
            row.start.isoformat(), row.tickets, row.complaints,
            row.tickets * _TALLEST // most, row.complaints * _TALLEST // most,
        )
        for row in trend
    ]  # fmt: skip


def _day(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).date().isoformat()
