"""From where a key may be used, and how often an address may be wrong about one."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.auth import issue_key
from app.core.call import EVERYTHING
from app.core.personal import Tier
from app.core.settings import Settings
from app.services.policy_book import PolicyBook
from tests.http.problems import check_problem
from tests.http.service import Service, open_service

WRONG = {"Authorization": "Bearer as_sk_" + "A" * 43}


def at(service: Service, address: str, key: str | None = None) -> httpx.AsyncClient:
    """Return a client that comes from an address."""
    transport = httpx.ASGITransport(service.app, client=(address, 40_000), raise_app_exceptions=False)
    headers = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {key}"} if key else {})
    client = httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)
    service.clients.append(client)
    return client


async def key_for(service: Service, *networks: str) -> str:
    async with service.db.begin() as session:
        return issue_key(
            session, name="ivr", scopes=[EVERYTHING], business_lines=[EVERYTHING], tier=Tier.GENERAL,
            now=service.clock(), addresses=list(networks),
        )  # fmt: skip


@pytest.mark.parametrize("address", ["10.1.2.3", "10.1.255.255", "::ffff:10.1.2.3", "2001:db8::7", "192.0.2.9"])
async def test_a_key_serves_within_its_networks(service: Service, address: str) -> None:
    key = await key_for(service, "10.1.0.0/16", "2001:db8::/32", "192.0.2.9/32")
    assert (await at(service, address, key).get("/v1/events")).status_code == 200


@pytest.mark.parametrize("address", ["10.2.0.1", "::ffff:10.2.0.1", "2001:db9::7", "192.0.2.10", "testclient", ""])
async def test_R18_a_key_serves_nowhere_else(service: Service, address: str) -> None:
    key = await key_for(service, "10.1.0.0/16", "2001:db8::/32", "192.0.2.9/32")
    check_problem(await at(service, address, key).get("/v1/events"), 403, "address_not_allowed")
    signed_in = await at(service, address).post("/reports/sign-in", content=f"key={key}")
    assert signed_in.status_code == 401


@pytest.fixture
async def guarded(service: Service, book: PolicyBook) -> AsyncIterator[Service]:
    async with open_service(service.url, book, wrong_key_limit=10) as guarded:
        yield guarded


async def test_R18_who_guesses_keys_is_stopped_and_a_good_key_beside_them_is_not(guarded: Service) -> None:
    guesser = at(guarded, "203.0.113.7")
    for _ in range(10):
        check_problem(await guesser.get("/v1/events", headers=WRONG), 401, "invalid_api_key")
    stopped = await guesser.get("/v1/events", headers=WRONG)
    check_problem(stopped, 429, "rate_limited")
    assert int(stopped.headers["retry-after"]) >= 1
    assert (await at(guarded, "203.0.113.7", await guarded.key()).get("/v1/events")).status_code == 200
    check_problem(await at(guarded, "203.0.113.8").get("/v1/events", headers=WRONG), 401, "invalid_api_key")
    check_problem(await guesser.get("/v1/events"), 401, "invalid_api_key")  # who sends none guesses none


async def test_only_a_trusted_proxy_says_who_asks(service: Service, book: PolicyBook) -> None:
    async with open_service(service.url, book, trusted_proxies="192.0.2.0/24, 2001:db8::1") as behind:
        key = await key_for(behind, "10.1.0.0/16")
        forged = {"X-Forwarded-For": "10.1.2.3"}
        assert (await at(behind, "192.0.2.5", key).get("/v1/events", headers=forged)).status_code == 200
        refused = await at(behind, "203.0.113.7", key).get("/v1/events", headers=forged)
        check_problem(refused, 403, "address_not_allowed")


@pytest.mark.parametrize("networks", ["10.1.0.0/99", "proxy.example", "10.1.0.1/16"])
def test_a_network_that_is_none_is_a_wrong_setting(networks: str) -> None:
    with pytest.raises(ValueError, match="trusted_proxies"):
        Settings(DATABASE_URL="postgresql://x@h/d", trusted_proxies=networks)
