"""The example page of a web shop, in a real browser, served from an origin of its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from app.core.auth import issue_key
from app.core.db import Database
from app.core.personal import Tier
from app.services import scopes
from tests.conftest import FakeClock
from tests.http.browser import CHROMIUM, Browser, open_browser
from tests.http.test_archive import LINE, add

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page is not looked at")


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


class Seen:
    """Notes what reaches the application."""

    def __init__(self, app: FastAPI) -> None:
        self.app, self.requests = app, list[tuple[str, str]]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append((scope["method"], scope["path"]))
        await self.app(scope, receive, send)


class Shop:
    """A static site with the page, filled in as its README says."""

    page = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await HTMLResponse(self.page)(scope, receive, send)


@pytest.fixture
async def shop(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, project: Path
) -> AsyncIterator[tuple[str, str, Seen]]:
    """The page at an origin that its key is for, at one that it is not for, and what the service got to see."""
    customer = await add(client, "customers", name="王芳", phone="13800001234")
    await add(
        client, "purchases", order_no="D-1", product_name="餐盘", customer_id=customer["id"], channel="online",
        buyer_type="consumer", delivered_at="2026-11-18T10:00:00+08:00",
    )  # fmt: skip
    site, seen = Shop(), Seen(app)
    async with served(seen) as service, served(site) as ours, served(site) as foreign:
        async with db.begin() as session:
            key = issue_key(
                session, name="shop", scopes=[scopes.Scope.RETURNS_CHECK], business_lines=[LINE], tier=Tier.PUBLIC,
                now=clock(), lifetime=timedelta(days=1), origins=[ours],
            )  # fmt: skip
        page = (project / "examples/webshop/index.html").read_text(encoding="utf-8")
        site.page = page.replace("https://service.example.com", service).replace("as_pk_…", key)
        assert service in site.page
        assert key in site.page
        yield ours, foreign, seen


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path / "profile") as browser:
        yield browser


async def visit(browser: Browser, url: str, width: int, language: str = "zh-CN") -> None:
    await browser.call("Emulation.setUserAgentOverride", userAgent="test", acceptLanguage=language)
    await browser.open(url, width=width, language=language)


async def ask(browser: Browser, digits: str, reason: str = "no_reason") -> str:
    """Fill the form in, send it, and return what the page then says."""
    said: str = await browser.run(
        f"""new Promise(done => {{
            const form = document.querySelector("form"), output = document.querySelector("output");
            form.order.value = "D-1"; form.digits.value = "{digits}"; form.reason.value = "{reason}";
            new MutationObserver((_, watching) => {{ watching.disconnect(); done(output.innerText); }})
                .observe(output, {{childList: true}});
            form.requestSubmit();
        }})"""
    )
    return said


@pytest.mark.parametrize(
    ("width", "language", "unknown"),
    [
        (360, "zh-CN", "未找到该订单，或凭证不符"), (1280, "zh-CN", "未找到该订单，或凭证不符"),
        (360, "en", "No such order, or the proof is not its customer's"),
    ],
)  # fmt: skip
async def test_a_page_on_its_own_origin_asks_and_shows_the_answer(
    shop: tuple[str, str, Seen], browser: Browser, width: int, language: str, unknown: str, project: Path
) -> None:
    ours, _, seen = shop
    pictures = project / "artefacts"
    await visit(browser, ours, width, language)
    await browser.picture(pictures / f"webshop_{language}_{width}.png")
    said = await ask(browser, "1234")
    assert "2026-11-25" in said
    assert "消费者权益保护法 25(1)" in said
    assert seen.requests == [("OPTIONS", "/v1/returns/eligibility"), ("POST", "/v1/returns/eligibility")]
    assert await browser.run("document.documentElement.scrollWidth") == width
    assert await browser.violations() == []
    await browser.picture(pictures / f"webshop_answer_{language}_{width}.png")
    assert "2026-11-25" in await ask(browser, "1234", "quality")
    await browser.picture(pictures / f"webshop_defect_{language}_{width}.png")
    wrong = await ask(browser, "0000")
    assert wrong.strip() == unknown
    assert await browser.violations() == []


async def test_a_page_on_another_origin_learns_nothing(shop: tuple[str, str, Seen], browser: Browser) -> None:
    _, foreign, seen = shop
    await visit(browser, foreign, 1280)
    assert "请稍后再试" in await ask(browser, "1234")
    assert seen.requests == [("OPTIONS", "/v1/returns/eligibility")]  # the browser does not even send the question
