"""The satisfaction report as a page to read and to print: the figures of `GET /v1/satisfaction`, drawn."""

from dataclasses import dataclass

from app.core.answers import Answer
from app.core.language import Language, Text
from app.schemas.lists import SatisfactionFilter
from app.schemas.surveys import Satisfaction, SatisfactionRow
from app.services.context import Context
from app.services.policy_pages.rendering import Links, render
from app.services.surveys import report_words as texts
from app.services.surveys.satisfaction import read_satisfaction

_WIDTH = 300  # of a bar of 100 %


@dataclass(frozen=True, slots=True)
class _Bar:
    """One row of a chart, in the units of its drawing; None where there is nothing to draw."""

    label: str
    value: str
    long: int
    low: int
    high: int


async def show_report(ctx: Context, wanted: SatisfactionFilter, language: Language) -> Answer:
    """Raises: NotFound for a line that is not the caller's."""
    found = await read_satisfaction(ctx, wanted)
    page = render(
        "satisfaction.html",
        language,
        Links(switch="", index=""),
        texts=texts,
        found=found,
        total=found.total,
        groups=_bars(found.rows),
        months=_bars(found.trend),
        changes=_changes(found, language),
        lines=sorted(name for name in ctx.known.by_name if ctx.caller.sees(name)),
        chosen=wanted.business_line or "",
        percent=_percent,
    )
    return _private(page)


def show_sign_in(language: Language, *, refused: bool) -> Answer:
    """Return the page that asks for a key; with 401 if the last one was not good."""
    page = render("sign_in.html", language, Links(switch="", index=""), texts=texts, refused=refused)
    private = _private(page)
    return Answer(401 if refused else 200, private.body, private.headers)


def _private(page: Answer) -> Answer:
    """Let a page be kept by nobody, and send its own forms."""
    policy = page.headers["content-security-policy"].replace("form-action 'none'", "form-action 'self'")
    kept = {name: value for name, value in page.headers.items() if name != "etag"}
    own = {"cache-control": "no-store", "vary": "Cookie", "content-security-policy": policy}
    return Answer(page.status, page.body, {**kept, **own})


def _bars(rows: list[SatisfactionRow]) -> list[_Bar]:
    return [
        _Bar(
            row.key or "–", _percent(row.satisfied_rate), round(row.satisfied_rate * _WIDTH),
            round(row.ci95[0] * _WIDTH), round(row.ci95[1] * _WIDTH),
        )
        for row in rows
        if row.satisfied_rate is not None and row.ci95 is not None
    ]  # fmt: skip


def _changes(found: Satisfaction, language: Language) -> list[str]:
    said = [
        texts.CHANGED.format(
            month=change.month, before=_percent(change.rate_before), after=_percent(change.rate_after)
        )
        for change in found.change_points
    ]  # fmt: skip
    return [_in(text, language) for text in said or [texts.STEADY]]


def _in(text: Text, language: Language) -> str:
    return text.zh if language == "zh" else text.en


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f}%"
