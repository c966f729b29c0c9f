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


def separate_by_commas(document: dict[str, Any]) -> None:
    """Say of lists in a query how they are written: once, with commas."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and parameter["schema"].get("type") == "array":
                    parameter |= {"style": "form", "explode": False}
