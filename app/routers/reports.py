"""Reports for people: a key signs a browser in for twelve hours, and the pages show what the key may see."""

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from app.core.auth import KeyBook
from app.core.call import Caller
from app.core.errors import AddressNotAllowed, ExpiredApiKey, InsufficientScope, InvalidApiKey, ValidationFailed
from app.core.guesses import GuessLimit
from app.core.http import call_of, response_of
from app.core.sessions import COOKIE, cookie, key_of, session_for
from app.routers.pages import PageRoute, PublicKit, language_of
from app.schemas.lists import SatisfactionFilter
from app.services.context import Context, Kit
from app.services.scopes import Scope
from app.services.surveys.report import show_report, show_sign_in

router = APIRouter(prefix="/reports", tags=["pages"], route_class=PageRoute, default_response_class=HTMLResponse)
_GUESSES = GuessLimit(20)
_NEEDED = Scope.SURVEYS_READ
_REFUSED = (InvalidApiKey, ExpiredApiKey, AddressNotAllowed, InsufficientScope)
_HTML: dict[str, Any] = {"text/html": {}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    303: {"description": "To the report, or to sign in"},
    "default": {"description": "A page that says what is wrong", "content": _HTML},
}
Lang = Annotated[str | None, Query(description="`zh` or `en`; otherwise `Accept-Language` decides")]


@router.get("/sign-in")
async def sign_in_page(request: Request, lang: Lang = None) -> Response:
    """Ask for a key."""
    return response_of(show_sign_in(language_of(request, lang), refused=False))


@router.post("/sign-in", responses=_ANSWERS)
async def sign_in(request: Request, kit: PublicKit, lang: Lang = None) -> Response:
    """Take a key from a form and answer with a session cookie; 401 for one that is not good, 429 for too many."""
    given = parse_qs((await request.body())[:2000].decode("ascii", "replace")).get("key", [""])[0]
    address = _address(request)
    try:
        caller = _allowed(await _keys(request).caller(given.strip(), now=kit.clock(), address=address))
    except _REFUSED:
        page = response_of(show_sign_in(language_of(request, lang), refused=True))
        page.status_code = 429 if _GUESSES.too_many(address) else 401
        return page
    session = session_for(caller.key_id, kit.clock(), kit.keyring)
    return _redirect(request, "/reports/satisfaction", lang, session)


@router.post("/sign-out", responses=_ANSWERS)
async def sign_out(request: Request, lang: Lang = None) -> Response:
    """Take the session cookie away."""
    return _redirect(request, "/reports/sign-in", lang, "")


@router.get("/satisfaction", responses=_ANSWERS)
async def satisfaction_report(
    request: Request,
    kit: PublicKit,
    lang: Lang = None,
    business_line: str = "",
    since: Annotated[str, Query(alias="from")] = "",
    until: Annotated[str, Query(alias="to")] = "",
    group_by: str = "department",
) -> Response:
    """Show the satisfaction of a period, to read and to print; 303 to the sign-in without a session."""
    caller = await _signed_in(request, kit)
    if caller is None:
        return Response(status_code=303, headers={"location": "/reports/sign-in"})
    asked = {"business_line": business_line, "from": since, "to": until, "group_by": group_by}
    try:
        wanted = SatisfactionFilter.model_validate({name: value for name, value in asked.items() if value})
    except ValidationError:
        raise ValidationFailed from None
    ctx = Context(kit, caller, call_of(request), await kit.directory.known(), kit.clock())
    return response_of(await show_report(ctx, wanted, language_of(request, lang)))


async def _signed_in(request: Request, kit: Kit) -> Caller | None:
    """Return whom the cookie stands for, if its key still may."""
    key_id = key_of(request.cookies.get(COOKIE, ""), kit.clock(), kit.keyring)
    if key_id is None:
        return None
    try:
        return _allowed(await _keys(request).caller_of(key_id, now=kit.clock(), address=_address(request)))
    except _REFUSED:
        return None


def _allowed(caller: Caller) -> Caller:
    """Raises: InsufficientScope."""
    if not caller.may(_NEEDED):
        raise InsufficientScope
    return caller


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _keys(request: Request) -> KeyBook:
    keys: KeyBook = request.app.state.keys
    return keys


def _redirect(request: Request, path: str, lang: str | None, session: str) -> Response:
    secure = request.app.state.settings.environment == "production"
    headers = {"location": f"{path}?lang={language_of(request, lang)}", "set-cookie": cookie(session, secure=secure)}
    return Response(status_code=303, headers=headers)
