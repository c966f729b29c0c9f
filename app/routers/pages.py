"""Pages for people: no key, HTML, and a page of its own for whatever cannot be shown."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from app.core.answers import Answer
from app.core.conditional import unchanged
from app.core.errors import ServiceError
from app.core.http import call_of, response_of
from app.core.language import Language
from app.services.context import Kit
from app.services.policy_pages import serving
from app.services.policy_pages.rendering import render_message
from app.services.policy_pages.serving import Asked


class PageRoute(APIRoute):
    """A route whose problems are pages too. Unknown parameters pass: links that are shared carry those of others."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handle(request)
            except ServiceError as problem:
                language = language_of(request, request.query_params.get("lang"))
                page = render_message(problem.status, language, problem.title, problem.detail)
                return response_of(Answer(page.status, page.body, {**page.headers, **problem.headers}))

        return answered


router = APIRouter(tags=["pages"], route_class=PageRoute, default_response_class=HTMLResponse)


async def asked(
    request: Request,
    lang: Annotated[str | None, Query(description="`zh` or `en`; otherwise `Accept-Language` decides")] = None,
    on: Annotated[str | None, Query(description="a date, `YYYY-MM-DD`; otherwise today")] = None,
) -> Asked:
    return Asked(language_of(request, lang), on)


def language_of(request: Request, lang: str | None) -> Language:
    """Return the language the address asks for; one we do not have leaves it to the header."""
    chosen: Language = request.state.language
    return "zh" if lang == "zh" else "en" if lang == "en" else chosen


async def public_kit(request: Request) -> Kit:
    kit: Kit = request.app.state.kit
    return kit


Visitor = Annotated[Asked, Depends(asked)]
PublicKit = Annotated[Kit, Depends(public_kit)]
_HTML: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    304: {"description": "`If-None-Match` names this page"},
    "default": {"description": "A page that says what is wrong", "content": _HTML},
}
_NO_PAGE: dict[int | str, dict[str, Any]] = {
    404: {"description": "A page that says there is no such policy, or no edition for that day", "content": _HTML}
}


@router.get("/policies", responses=_ANSWERS)
@router.get("/policies/", include_in_schema=False)
async def policy_index(request: Request, kit: PublicKit, visitor: Visitor) -> Response:
    """Show all policies as a page for customers. No key; Chinese first, English by `Accept-Language` or `lang=en`."""
    return _fresh(request, await serving.show_index(kit, visitor))


@router.get("/policies/{name}", responses=_ANSWERS | _NO_PAGE)
async def policy_page(request: Request, kit: PublicKit, visitor: Visitor, name: str) -> Response:
    """Show what customers are entitled to under a policy: times, returns, freight, promises, and who is responsible.

    Each value stands with its clause or its law; what the document leaves open is marked as not yet laid down. `on`
    shows the edition of another day. Editions a company registered show once a business line is under the policy.
    """
    return _fresh(request, await serving.show_policy(kit, name, visitor))


def _fresh(request: Request, page: Answer) -> Response:
    tag = page.headers.get("etag")
    if tag is not None and unchanged(call_of(request), tag):
        return response_of(Answer(304, b"", page.headers))
    return response_of(page)
