"""Keys in web pages: one route, their own origins, few requests; and orders that nobody learns of by guessing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import IPv4Network
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import text

from app.core.auth import issue_key
from app.core.db import Database
from app.core.personal import Tier
from app.core.settings import Settings
from app.main import create_app
from app.schemas.orders import OrderProofIn
from app.services.archive.orders import purchase_by_order, sign_order
from app.services.context import Context
from app.services.policy_book import PolicyBook
from app.services.scopes import Scope
from app.services.upkeep import purge
from tests.conftest import FakeClock
from tests.http.operations import operations
from tests.http.problems import check_problem
from tests.http.test_archive import LINE, add

CHECK = "/v1/returns/eligibility"
SHOP = "https://shop.example"
STRANGERS = [
    None, "", "null", "*", "http://shop.example", "https://shop.example:8443", "https://shop.example.evil.test",
    "https://evilshop.example", "https://shop.example/", "HTTPS://SHOP.EXAMPLE", "https://shop.example, https://x.test",
]  # fmt: skip


@pytest.fixture
async def page(app: FastAPI, db: Database, clock: FakeClock) -> Any:
    """A web page's client: its key, and no origin yet."""
    async with db.begin() as session:
        key = issue_key(
            session, name="shop", scopes=[Scope.RETURNS_CHECK], business_lines=[LINE], tier=Tier.PUBLIC, now=clock(),
            lifetime=timedelta(days=1), origins=[SHOP],
        )  # fmt: skip
    assert key.startswith("as_pk_")
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test", headers={"Accept-Language": "en"}) as client:
        yield SimpleNamespace(client=client, headers={"Authorization": f"Bearer {key}"})


async def post(page: Any, origin: str | None = SHOP) -> Response:
    headers = page.headers | ({} if origin is None else {"Origin": origin})
    return cast("Response", await page.client.post(CHECK, json={}, headers=headers))


async def test_R19_a_browser_key_reaches_the_check_and_nothing_else(app: FastAPI, page: Any) -> None:
    for operation in operations(app):
        if operation.name != f"POST {CHECK}":
            url = operation.url(**dict.fromkeys(operation.references, "x"))
            response = await page.client.request(operation.method, url, headers=page.headers | {"Origin": SHOP})
            check_problem(response, 403, "insufficient_scope")
            assert "access-control-allow-origin" not in response.headers
    reached = await post(page)
    assert reached.status_code not in (401, 403, 429)
    assert (reached.headers["access-control-allow-origin"], reached.headers["vary"]) == (SHOP, "Origin")
    assert "access-control-allow-credentials" not in reached.headers


@pytest.mark.parametrize("origin", STRANGERS)
async def test_R19_another_origin_is_refused_and_its_page_may_not_read_why(page: Any, origin: str | None) -> None:
    asked = {"Access-Control-Request-Method": "POST"} | ({} if origin is None else {"Origin": origin})
    for response in (await post(page, origin), await page.client.options(CHECK, headers=asked)):
        check_problem(response, 403, "origin_not_allowed")
        assert "access-control-allow-origin" not in response.headers


async def test_R19_a_preflight_is_answered_for_known_origins_on_the_one_route(page: Any) -> None:
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    allowed = await page.client.options(CHECK, headers=asked)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert allowed.headers["access-control-max-age"] == "600"
    check_problem(await page.client.options("/v1/tickets", headers=asked), 401, "invalid_api_key")


async def test_R20_an_address_may_ask_ten_times_a_minute_and_is_told_what_is_left(page: Any) -> None:
    left = [(await post(page)).headers["ratelimit"] for _ in range(10)]
    assert '"address";r=9;' in left[0]
    assert '"address";r=0;' in left[-1]
    refused = await post(page)
    assert check_problem(refused, 429, "rate_limited")["violated_policies"] == ["address"]
    assert refused.headers["ratelimit-policy"] == '"address";q=10;w=60, "key";q=60;w=60'
    assert refused.headers["access-control-allow-origin"] == SHOP
    reset = int(refused.headers["ratelimit"].split("t=")[1].partition(",")[0])
    assert int(refused.headers["retry-after"]) >= reset
    page.headers["X-Forwarded-For"] = "203.0.113.9"  # said by the caller: nobody believes it
    check_problem(await post(page), 429, "rate_limited")


@pytest.fixture
async def order(app: FastAPI, client: AsyncClient, clock: FakeClock) -> Any:
    """Ask for an order of the line as the check does: with the last digits, or with a token; None if not proven."""
    customer = await add(client, "customers", name="王芳", phone="13800001234")
    await add(client, "purchases", order_no="D-1", product_name="餐盘", customer_id=customer["id"])
    await add(client, "purchases", order_no="D-2", product_name="餐盘")  # nobody's
    kit = app.state.kit
    known = await kit.directory.known()

    async def ask(order_no: str, **proof: str) -> str | None:
        ctx = cast("Context", SimpleNamespace(kit=kit, keyring=kit.keyring, now=clock()))
        async with kit.db.begin() as session:
            found = await purchase_by_order(ctx, session, known.by_name[LINE], order_no, OrderProofIn(**proof))
        return None if found is None else found.order_no

    def token(order_no: str, line: str = LINE, days: int = 1) -> str:
        return sign_order(kit.keyring, known.by_name[line].id, order_no, clock(), timedelta(days=days))[0]

    return SimpleNamespace(ask=ask, token=token)


async def test_an_order_needs_its_own_customers_digits_or_its_own_token(order: Any, clock: FakeClock) -> None:
    assert await order.ask("D-1", phone_last4="1234") == "D-1"
    for number, digits in (("D-1", "9999"), ("D-2", "1234"), ("D-9", "1234"), ("D-2", "0000")):
        assert await order.ask(number, phone_last4=digits) is None
    assert await order.ask("D-2", order_token=order.token("D-2")) == "D-2"
    good = order.token("D-1")
    wrong = [order.token("D-2"), order.token("D-1", "chemicals"), good[:-2] + "AA", "A" + good[1:], "x", "é", "=" * 9]
    assert [await order.ask("D-1", order_token=token) for token in wrong] == [None] * len(wrong)
    clock.advance(days=1, seconds=1)
    assert await order.ask("D-1", order_token=good) is None


async def test_R20_after_ten_wrong_digits_only_a_token_proves_an_order(order: Any) -> None:
    for guess in range(10):
        assert await order.ask("D-1", phone_last4=f"{guess:04}") is None
    assert await order.ask("D-1", phone_last4="1234") is None
    assert await order.ask("D-1", order_token=order.token("D-1")) == "D-1"


async def guess(page: Any, number: int, order_no: str = "D-1", **headers: str) -> Response:
    body = {"order_no": order_no, "proof": {"phone_last4": f"{number:04}"}}
    response = await page.client.post(CHECK, json=body, headers=page.headers | {"Origin": SHOP} | headers)
    return cast("Response", response)


@pytest.mark.usefixtures("order")
async def test_R20_forged_addresses_do_not_raise_the_limit(page: Any) -> None:
    answers = []
    for number in range(300):
        forged = {"X-Forwarded-For": f"203.0.113.{number % 50}", "Forwarded": f"for=10.0.0.{number}"}
        answers.append(await guess(page, number, **forged))
    assert [answer.status_code for answer in answers] == [404] * 10 + [429] * 290


@pytest.fixture
async def elsewhere(settings: Settings, clock: FakeClock, book: PolicyBook, page: Any) -> AsyncIterator[Any]:
    """The same page's client at another process, which believes the proxy it stands behind."""
    trusting = settings.model_copy(update={"trusted_proxies": (IPv4Network("127.0.0.0/8"),)})
    app = create_app(trusting, clock=clock, book=book)
    async with app.router.lifespan_context(app):
        transport = ASGITransport(app, raise_app_exceptions=False)
        async with AsyncClient(
            transport=transport, base_url="http://test", headers={"Accept-Language": "en"}
        ) as client:
            yield SimpleNamespace(client=client, headers=page.headers)


async def test_an_address_is_taken_from_a_proxy_that_is_trusted(elsewhere: Any) -> None:
    for number in range(10):
        said = {"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7, 127.0.0.2"}
        assert (await guess(elsewhere, number, "D-9", **said)).status_code == 404
    check_problem(await guess(elsewhere, 0, "D-9", **{"X-Forwarded-For": "203.0.113.7"}), 429, "rate_limited")
    assert (await guess(elsewhere, 0, "D-9", **{"X-Forwarded-For": "203.0.113.8"})).status_code == 404


async def test_processes_count_together(page: Any, elsewhere: Any) -> None:
    for _ in range(5):
        assert (await post(page)).status_code == 200
        assert (await post(elsewhere)).status_code == 200
    for process in (page, elsewhere):
        check_problem(await post(process), 429, "rate_limited")


async def test_wrong_digits_count_in_all_processes_until_none_has_failed_for_a_day(
    page: Any, elsewhere: Any, order: Any, db: Database
) -> None:
    for number in range(10):
        process = page if number % 2 else elsewhere
        assert (await guess(process, number)).status_code == 404
    assert await order.ask("D-1", phone_last4="1234") is None
    async with db.begin() as session:
        left = await session.scalars(text("SELECT extract(epoch FROM ends_at - now()) FROM counter"))
        assert [round(float(seconds) / 3600) for seconds in left if seconds > 60] == [24]
        await session.execute(text("UPDATE counter SET ends_at = now()"))
    assert await order.ask("D-1", phone_last4="1234") == "D-1"


async def test_counts_name_nobody_and_are_forgotten(page: Any, order: Any, db: Database) -> None:
    await guess(page, 0)
    async with db.begin() as session:
        rows = (await session.execute(text("SELECT name FROM counter"))).scalars().all()
        assert [len(name) for name in rows] == [32] * 3
        assert not [name for name in rows if b"D-1" in name or b"127" in name]
        await session.execute(text("UPDATE counter SET ends_at = now()"))
    await purge(db)
    async with db.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM counter")) == 0
