"""The page on which a customer answers, for whoever has its link. No key, no script, no cookie."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from app.core.answers import PROBLEM_JSON, Answer
from app.core.guesses import GuessLimit
from app.core.http import call_of, response_of
from app.routers.pages import PageRoute, PublicKit, language_of
from app.services.surveys.page import MOST_BYTES, Visit, answer_survey, show_stop, show_survey, stop_asking
from app.services.surveys.rendering import closed_page, thanks_page

router = APIRouter(prefix="/s", tags=["pages"], route_class=PageRoute, default_response_class=HTMLResponse)
_GUESSES = GuessLimit(30)
_HTML: dict[str, Any] = {"text/html": {}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    303: {"description": "Done: on to the thanks"},
    404: {"description": "The page for every link that leads nowhere (any more)", "content": _HTML},
    422: {"description": "The form again, with what to mend", "content": _HTML},
    429: {"description": "Too many wrong links from one address", "content": _HTML},
    503: {"description": "The database does not answer", "content": {PROBLEM_JSON: {}}},
}
Lang = Annotated[str | None, Query(description="`zh` or `en`; otherwise `Accept-Language` decides")]


@router.get("/thanks")
async def thanks(request: Request, lang: Lang = None) -> Response:
    """Thank a customer; it is the same page for everybody."""
    return response_of(thanks_page(language_of(request, lang)))


@router.get("/{token}", responses=_ANSWERS)
async def survey_page(request: Request, kit: PublicKit, token: str, lang: Lang = None) -> Response:
    """Show the form of an invitation, with what was answered before.

    404 with one and the same page for a wrong link, an expired one, and one whose answer is being followed up.
    """
    visit = Visit(call_of(request), language_of(request, lang), token)
    return _answered(request, visit, await show_survey(kit, visit))


@router.post("/{token}", responses=_ANSWERS)
async def send_answers(request: Request, kit: PublicKit, token: str, lang: Lang = None) -> Response:
    """Take a form (`application/x-www-form-urlencoded`); 303 to the thanks, or 422 with the form again."""
    visit = Visit(call_of(request), language_of(request, lang), token)
    body = await request.body()
    return _answered(request, visit, await answer_survey(kit, visit, body[:MOST_BYTES]))


@router.get("/{token}/stop", responses=_ANSWERS)
async def stop_page(request: Request, kit: PublicKit, token: str, lang: Lang = None) -> Response:
    """Ask whether a customer wants no more surveys. Opening the page alone changes nothing."""
    visit = Visit(call_of(request), language_of(request, lang), token)
    return _answered(request, visit, await show_stop(kit, visit))


@router.post("/{token}/stop", responses=_ANSWERS)
async def stop(request: Request, kit: PublicKit, token: str, lang: Lang = None) -> Response:
    """Send a customer no more surveys: the button of the page, and one click in a mail program (RFC 8058)."""
    visit = Visit(call_of(request), language_of(request, lang), token)
    return _answered(request, visit, await stop_asking(kit, visit))


def _answered(request: Request, visit: Visit, page: Answer | None) -> Response:
    """Send a page; for a link that is not ours the closed one, with 429 for who tries many."""
    if page is not None:
        return response_of(page)
    address = request.client.host if request.client else ""
    if not _GUESSES.too_many(address):
        return response_of(closed_page(visit.language))
    limited = closed_page(visit.language, status=429)
    return response_of(Answer(429, limited.body, {**limited.headers, "retry-after": "60"}))
