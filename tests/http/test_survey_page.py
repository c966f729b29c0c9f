"""The customer's page in a real browser, at the width of a phone and of a desk, with keys, and before axe."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient

from tests.http.browser import CHROMIUM, Browser, open_browser
from tests.http.test_surveys import Round, ask, finish, link_for, surveys, told

__all__ = ["ask"]  # a fixture
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page is not looked at")


@pytest.fixture
async def site(app: FastAPI) -> AsyncIterator[str]:
    """The application on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path / "profile") as browser:
        yield browser


async def choose(browser: Browser, name: str, value: str) -> None:
    await browser.run(f"document.querySelector('input[name={name}][value=\"{value}\"]').click()")


async def send(browser: Browser) -> None:
    await browser.run("document.querySelector('button').click()")
    await browser.loaded()


async def look(browser: Browser, picture: Path, width: int) -> None:
    assert await browser.run("document.documentElement.scrollWidth") == width
    assert await browser.violations() == []
    await browser.picture(picture)


@pytest.mark.parametrize(("width", "language"), [(360, "zh-CN"), (360, "en"), (1280, "zh-CN")])
async def test_the_page_fits_asks_once_and_has_nothing_axe_minds(
    client: AsyncClient, site: str, browser: Browser, width: int, language: str, project: Path
) -> None:
    url = await link_for(client, await finish(client, business_line="general", product={"model": "AC-2026"}))
    pictures = project / "artefacts"
    await browser.open(site + url, width=width, language=language)
    assert browser.requests == [site + url]
    await browser.run("document.querySelector('a[href*=stop]').click()")
    await browser.loaded()
    await look(browser, pictures / f"survey_stop_{language}_{width}.png", width)
    await send(browser)
    assert await browser.run("document.querySelector('button')") is None
    await look(browser, pictures / f"survey_stopped_{language}_{width}.png", width)
    await browser.open(site + url, width=width, language=language)
    await look(browser, pictures / f"survey_{language}_{width}.png", width)
    await send(browser)  # nothing was answered
    await browser.comes_to("document.activeElement.getAttribute('href')", "#overall")
    await look(browser, pictures / f"survey_fault_{language}_{width}.png", width)
    for name, value in (("overall", "5"), ("attitude", "4"), ("resolved", "yes")):
        await choose(browser, name, value)
    await look(browser, pictures / f"survey_chosen_{language}_{width}.png", width)
    await browser.call(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )  # fmt: skip
    await look(browser, pictures / f"survey_dark_{language}_{width}.png", width)
    await send(browser)
    assert (await browser.run("location.pathname")) == "/s/thanks"
    await look(browser, pictures / f"survey_thanks_{language}_{width}.png", width)
    await browser.open(f"{site}/s/{'A' * 43}", width=width, language=language)
    await look(browser, pictures / f"survey_closed_{language}_{width}.png", width)


async def test_axe_sees_what_is_wrong(browser: Browser) -> None:
    await browser.open("data:text/html,<input><img src='data:,'>", width=360)
    assert {found.partition(":")[0] for found in await browser.violations()} >= {"label", "image-alt", "html-has-lang"}


async def test_keys_alone_are_enough(client: AsyncClient, site: str, browser: Browser) -> None:
    url = await link_for(client, await finish(client))
    await browser.open(site + url, width=360)
    await browser.press("Tab", "Tab", " ", "ArrowRight", "ArrowRight", "ArrowRight", "Tab", " ", "Enter")
    await browser.loaded()
    [survey] = await surveys(client)
    assert survey["scores"]["overall"] == 4
    assert len(survey["scores"]) == 2


async def test_from_a_closed_matter_over_a_bad_answer_to_a_good_one_in_the_browser(
    client: AsyncClient, site: str, browser: Browser, ask: Round, seal: Round
) -> None:
    await finish(client)
    await ask()
    [invited] = await told(client, seal, "survey.invited")
    await browser.open(site + invited["url"], width=360)
    await browser.call("Emulation.setScriptExecutionDisabled", value=True)
    await choose(browser, "overall", "1")
    await choose(browser, "resolved", "no")
    await send(browser)
    assert "谢谢" in await browser.run("document.title")
    [survey] = await surveys(client)
    assert survey["dissatisfied"]
    for move in ("resolve", "accept", "close"):
        await client.post(f"/v1/tickets/{survey['follow_up']['id']}/{move}", json={})
    await ask()
    again = (await told(client, seal, "survey.invited"))[-1]
    await browser.open(site + again["url"], width=1280)
    await choose(browser, "overall", "5")
    await send(browser)
    [last, first] = await surveys(client)
    assert (last["satisfied"], last["follow_up_of"], first["follow_up"]["status"]) == (True, first["id"], "closed")
