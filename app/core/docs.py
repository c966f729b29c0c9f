"""The interface's document, and its page from files of an installed package: no network, and no other script."""

import base64
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

_CHANGES = ("patch", "put", "delete")
DOCS, _FILES = "/docs", "/docs/static"
_STATIC = Path(fastapi_offline.__file__).parent / "static"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def install_docs(app: FastAPI) -> None:
    """Serve Swagger UI for the application's OpenAPI document under `/docs`."""
    app.mount(_FILES, StaticFiles(directory=_STATIC), name="docs-static")

    @app.get("/", include_in_schema=False)
    async def front(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{request.scope.get('root_path', '')}{DOCS}", 307)

    @app.get(DOCS, include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_FILES}/favicon.png",
        )
        page.headers["content-security-policy"] = _policy(bytes(page.body).decode())
        return page


def _policy(page: str) -> str:
    """Allow the page's own script by its hash, the files by their origin, and the calls that "try it out" makes."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in _INLINE.findall(page)
    )
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
    )


def say_how_parameters_are_sent(document: dict[str, Any]) -> None:
    """Put right what the framework cannot know of parameters.

    None is `null`: it is left out instead. A list in a query stands there once, with commas. A change of what is there
    needs `If-Match`.
    """
    for operations in document["paths"].values():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = schema = _without_null(parameter["schema"])
                if parameter["in"] == "query" and schema.get("type") == "array":
                    parameter |= {"style": "form", "explode": False}
                if parameter["name"] == "If-Match" and method in _CHANGES:
                    parameter["required"] = True


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    options: list[dict[str, Any]] = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    return {name: part for name, part in schema.items() if name != "anyOf"} | options[0]
