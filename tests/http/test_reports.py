"""The satisfaction report: who gets in, for how long, and that it says what the API says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from app.core.crypto import KeyRing
from app.core.ids import new_id
from app.core.sessions import COOKIE, key_of, session_for
from tests.conftest import SUNDAY_NOON, FakeClock, MakeKey
from tests.http.browser import CHROMIUM, open_browser
from tests.http.service import take
from tests.http.test_surveys import surveys

REPORT, SIGN_IN = "/reports/satisfaction", "/reports/sign-in"


@pytest.fixture
async def reader(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Somebody's browser: https, as the cookie is for nothing else."""
    headers = {"Accept-Language": "en"}
    async with AsyncClient(transport=ASGITransport(app), base_url="https://test", headers=headers) as reader:
        yield reader


async def answered(client: AsyncClient, *scores: int) -> None:
    for n, score in enumerate(scores):
        ticket = await take(client, customer={"phone": f"1370000{n:04d}"})
        for move in ("resolve", "close"):
            await client.post(f"/v1/tickets/{ticket['id']}/{move}", json={})
        [survey] = await surveys(client, ticket=ticket["number"])
        body = {"scores": {"overall": score}, "comment": "态度太差了" if score < 3 else "很好"}
        assert (await client.post(f"/v1/surveys/{survey['id']}/answers", json=body)).status_code == 200


async def test_a_key_opens_the_report_for_twelve_hours_and_says_what_the_api_says(
    client: AsyncClient, reader: AsyncClient, make_key: MakeKey, clock: FakeClock
) -> None:
    await answered(client, 5, 5, 4, 4, 1)
    assert (await reader.get(REPORT)).headers["location"] == SIGN_IN
    signed_in = await reader.post(SIGN_IN, data={"key": await make_key(("surveys:read",))})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/reports/satisfaction?lang=en")
    attributes = signed_in.headers["set-cookie"].split("; ")[1:]
    assert attributes == ["Path=/reports", "Max-Age=43200", "HttpOnly", "SameSite=Strict", "Secure"]
    page = await reader.get(REPORT)
    total = (await client.get("/v1/satisfaction")).json()["total"]
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    low, high = total["ci95"]
    for shown in (f"{total['satisfied_rate']:.1%}", f"({low:.1%} – {high:.1%})", f"{total['mean']:.2f}", "5 / 5"):
        assert shown in page.text
    assert "Service attitude" in page.text
    assert not {"<script", "http://", "https://"} & set(page.text.split())
    clock.advance(hours=12)
    assert (await reader.get(REPORT)).status_code == 303


async def test_who_may_not_read_surveys_does_not_get_in(reader: AsyncClient, make_key: MakeKey) -> None:
    for key in ("", "as_sk_x", "é", await make_key(("tickets:read",))):
        refused = await reader.post(SIGN_IN, data={"key": key})
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
    assert (await reader.get(REPORT)).status_code == 303


async def test_the_report_shows_the_lines_of_the_key_only(
    client: AsyncClient, reader: AsyncClient, make_key: MakeKey
) -> None:
    await answered(client, 5)
    await reader.post(SIGN_IN, data={"key": await make_key(("surveys:read",), lines=("chemicals",))})
    assert "tableware" not in (await reader.get(REPORT)).text
    assert (await reader.get(REPORT, params={"business_line": "tableware"})).status_code == 404
    assert (await reader.get(REPORT, params={"from": "yesterday"})).status_code == 422


async def test_signing_out_takes_the_cookie_away(reader: AsyncClient, make_key: MakeKey) -> None:
    await reader.post(SIGN_IN, data={"key": await make_key()})
    await reader.post("/reports/sign-out")
    assert COOKIE not in reader.cookies
    assert (await reader.get(REPORT)).status_code == 303


def test_a_session_that_was_touched_is_none() -> None:
    ring, key = KeyRing.read(None, KeyRing.new_entry("a")), new_id()
    session = session_for(key, SUNDAY_NOON, ring)
    assert key_of(session, SUNDAY_NOON, ring) == key
    assert key_of(session, SUNDAY_NOON, KeyRing.read(None, KeyRing.new_entry("a"))) is None
    for wrong in ("", "x", "é", session[:-4], "B" + session[1:], session + "AAAA"):
        assert key_of(wrong, SUNDAY_NOON, ring) is None


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the report is not looked at")
@pytest.mark.parametrize("width", [360, 1280])
async def test_the_report_fits_and_has_nothing_axe_minds(
    client: AsyncClient, reader: AsyncClient, make_key: MakeKey, tmp_path: Path, project: Path, width: int
) -> None:
    await answered(client, 5, 5, 4, 4, 3, 1)
    await reader.post(SIGN_IN, data={"key": await make_key()})
    pages = {"sign_in": await reader.get(SIGN_IN), "report": await reader.get(REPORT, params={"lang": "zh"})}
    async with open_browser(tmp_path / "profile") as browser:
        for name, page in pages.items():
            file = tmp_path / f"{name}.html"
            file.write_text(page.text, encoding="utf-8")
            await browser.open(file.as_uri(), width=width)
            assert await browser.run("document.documentElement.scrollWidth") == width
            assert await browser.violations() == []
            await browser.picture(project / "artefacts" / f"satisfaction_{name}_{width}.png")
