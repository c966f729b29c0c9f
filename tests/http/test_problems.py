"""Every problem of the kit, provoked: complete, in the caller's language, with what a caller needs to go on."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core import errors, middleware, streaming
from app.core.auth import issue_key
from app.core.errors import ServiceError
from app.core.personal import Tier
from app.main import create_app
from app.services.policy_book import PolicyBook
from tests.builders import a_ticket
from tests.conftest import Databases
from tests.http.problems import check_problem
from tests.http.service import Service, connect_beside, open_service, settings_for, take

CHINESE = re.compile(r"[\u4e00-\u9fff]")
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def service(databases: Databases, book: PolicyBook) -> AsyncIterator[Service]:
    """A service that soon gives up waiting for locks."""
    async with open_service(await databases.clone(), book, lock_timeout_seconds=0.2) as service:
        yield service


@pytest.fixture(scope="module")
async def ticket(caller: httpx.AsyncClient) -> dict[str, Any]:
    await take(caller)
    return await take(caller, external_ref="ref-1")


def is_chinese(text: str) -> bool:
    return CHINESE.search(text) is not None


async def _slow(client: httpx.AsyncClient, _: Service) -> httpx.Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "BODY_SECONDS", 0.05)
        patch.setattr(streaming, "LINGER_SECONDS", 0.05)
        return await client.post("/v1/tickets", content=body(), headers=JSON)


@asynccontextmanager
async def _locked(service: Service, table: str, mode: str) -> AsyncIterator[None]:
    connection = await connect_beside(service.url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield
    finally:
        await connection.close()


async def _in_progress(client: httpx.AsyncClient, service: Service) -> httpx.Response:
    async with _locked(service, "idempotency_record", "EXCLUSIVE"):
        return await client.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": "in-progress"})


async def _busy(client: httpx.AsyncClient, service: Service) -> httpx.Response:
    async with _locked(service, "ticket", "ACCESS EXCLUSIVE"):
        return await client.get("/v1/tickets")


async def _reused(client: httpx.AsyncClient, _: Service) -> httpx.Response:
    headers = {"Idempotency-Key": "used-before"}
    await client.post("/v1/tickets", json=a_ticket(), headers=headers)
    return await client.post("/v1/tickets", json=a_ticket(urgency="emergency"), headers=headers)


async def _expired(client: httpx.AsyncClient, service: Service) -> httpx.Response:
    key = await service.key(lifetime=timedelta(minutes=1))
    service.clock.advance(minutes=1)
    return await client.get("/v1/events", headers={"Authorization": f"Bearer {key}"})


async def _scopeless(client: httpx.AsyncClient, service: Service) -> httpx.Response:
    key = await service.key(scopes=("events:read",))
    return await client.get("/v1/tickets", headers={"Authorization": f"Bearer {key}"})


async def _broken(client: httpx.AsyncClient, service: Service) -> httpx.Response:
    await service.sql("ALTER TABLE ticket RENAME TO ticket_away")
    try:
        return await client.get("/v1/tickets")
    finally:
        await service.sql("ALTER TABLE ticket_away RENAME TO ticket")


async def _mismatch(client: httpx.AsyncClient, _: Service) -> httpx.Response:
    cursor = (await client.get("/v1/tickets?limit=1")).json()["next_cursor"]
    return await client.get("/v1/tickets", params={"cursor": cursor, "status": "closed"})


async def _too_often(client: httpx.AsyncClient, service: Service) -> httpx.Response:
    async with service.db.begin() as session:
        key = issue_key(
            session, name="page", scopes=["returns:check"], business_lines=["tableware"], tier=Tier.PUBLIC,
            now=service.clock(), lifetime=timedelta(days=1), origins=["https://shop.example"],
        )  # fmt: skip
    headers = {"Authorization": f"Bearer {key}", "Origin": "https://shop.example"}
    for _ in range(10):
        await client.post(CHECK, json={}, headers=headers)
    return await client.post(CHECK, json={}, headers=headers)


CHECK = "/v1/returns/eligibility"
TICKETS, ONE = "/v1/tickets", "/v1/tickets/{id}"
# code → status, method, address, and what goes with it
ASKED: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "malformed_json": (400, "POST", TICKETS, {"content": b"{", "headers": JSON}),
    "unknown_parameter": (400, "GET", f"{TICKETS}?stauts=open", {}),
    "invalid_cursor": (400, "GET", f"{TICKETS}?cursor=x", {}),
    "invalid_idempotency_key": (400, "POST", TICKETS, {"json": a_ticket(), "headers": {"Idempotency-Key": "x"}}),
    "invalid_api_key": (401, "GET", TICKETS, {"headers": {"Authorization": "Bearer x"}}),
    "not_found": (404, "GET", f"{TICKETS}/x", {}),
    "origin_not_allowed": (403, "OPTIONS", CHECK, {"headers": {"Origin": "https://elsewhere.example"}}),
    "method_not_allowed": (405, "DELETE", TICKETS, {}),
    "version_mismatch": (412, "PATCH", ONE, {"json": {}, "headers": {"If-Match": '"9.general"'}}),
    "body_too_large": (413, "POST", TICKETS, {"content": b" " * 1_048_577, "headers": JSON}),
    "unsupported_media_type": (415, "POST", TICKETS, {"content": b"{}"}),
    "validation_failed": (
        422,
        "POST",
        TICKETS,
        {"json": {"kind": "x", "customer": {"phone": "1"}, "call": {"rings": "1"}}},
    ),
    "timezone_required": (422, "POST", TICKETS, {"json": a_ticket(opened_at="2026-11-22T08:00:00")}),
    "if_match_required": (428, "PATCH", ONE, {"json": {}}),
    "headers_too_large": (431, "GET", TICKETS, {"headers": {"X-Big": "a" * 16_384}}),
    "external_ref_conflict": (409, "POST", TICKETS, {"json": a_ticket(external_ref="ref-1", seller="甲")}),
    "invalid_transition": (409, "POST", f"{ONE}/accept", {"json": {}}),
}
STAGED: dict[str, tuple[int, Callable[[httpx.AsyncClient, Service], Awaitable[httpx.Response]]]] = {
    "cursor_filter_mismatch": (400, _mismatch),
    "expired_api_key": (401, _expired),
    "insufficient_scope": (403, _scopeless),
    "request_timeout": (408, _slow),
    "idempotency_in_progress": (409, _in_progress),
    "idempotency_key_reused": (422, _reused),
    "rate_limited": (429, _too_often),
    "internal_error": (500, _broken),
    "server_busy": (503, _busy),
}
# What takes another service: another address, an identity provider, no database.
ELSEWHERE = {
    "address_not_allowed": "tests/http/test_key_limits.py",
    "identity_provider_unavailable": "tests/http/test_single_sign_on.py",
    "database_unavailable": "tests/reliability/test_faults.py",
}
RETRYABLE = {"request_timeout", "idempotency_in_progress", "internal_error", "rate_limited", "server_busy"}
AFTER_A_WHILE = {"idempotency_in_progress", "rate_limited", "server_busy"}


def kinds(parent: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_code_of_the_kit_is_provoked_here() -> None:
    codes = {kind.code for kind in kinds() if kind.__module__ == errors.__name__}
    assert codes <= {*ASKED, *STAGED, *ELSEWHERE}


@pytest.mark.parametrize(("code", "file"), ELSEWHERE.items())
def test_what_is_provoked_elsewhere_is(code: str, file: str, project: Path) -> None:
    assert f'"{code}"' in (project / file).read_text(encoding="utf-8")


def test_every_title_stands_in_both_languages() -> None:
    for kind in kinds():
        assert is_chinese(kind.title.zh), kind
        assert not is_chinese(kind.title.en), kind


async def provoke(client: httpx.AsyncClient, service: Service, ticket: dict[str, Any], code: str) -> httpx.Response:
    if code in STAGED:
        return await STAGED[code][1](client, service)
    _, method, url, options = ASKED[code]
    return await client.request(method, url.format(id=ticket["id"]), **options)


@pytest.mark.parametrize("code", [*ASKED, *STAGED])
@pytest.mark.parametrize("accept", ["zh-CN,zh;q=0.9", "en", None])
async def test_a_problem_is_complete_and_speaks_the_callers_language(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any], code: str, accept: str | None
) -> None:
    client = await service.client(caller.headers["authorization"].removeprefix("Bearer "))
    del client.headers["accept-language"]
    if accept:
        client.headers["accept-language"] = accept
    response = await provoke(client, service, ticket, code)
    problem = check_problem(response, (ASKED.get(code) or STAGED[code])[0], code)
    told = [problem["title"], problem["detail"], *(error["detail"] for error in problem["errors"])]
    assert [is_chinese(text) for text in told] == [accept != "en"] * len(told), told
    assert response.headers["content-language"] == ("en" if accept == "en" else "zh")
    assert problem["retryable"] is (code in RETRYABLE)
    assert problem["instance"].startswith("/v1/")
    assert ("retry-after" in response.headers) is (code in AFTER_A_WHILE)


async def test_a_database_that_is_away_is_said_to_be_away(book: PolicyBook, tmp_path: Path) -> None:
    app = create_app(settings_for(f"postgresql+asyncpg://nobody@/nothing?host={tmp_path}"), book=book)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post("/v1/tickets", json=a_ticket(), headers={"Authorization": "Bearer as_sk_x"})
        problem = check_problem(response, 503, "database_unavailable")
        assert (problem["retryable"], response.headers["retry-after"]) == (True, "1")
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(("revision", "schema"), [("0001", "not at head"), ("9999", "ok")])
async def test_the_schema_may_be_newer_than_the_program_but_not_older(
    databases: Databases, book: PolicyBook, revision: str, schema: str
) -> None:
    async with open_service(await databases.clone(), book) as service:
        await service.sql("UPDATE alembic_version SET version_num = $1", revision)
        assert (await service.anonymous().get("/readyz")).json()["checks"]["schema"] == schema


async def test_each_fault_of_a_body_is_named_by_its_place_with_what_to_send(caller: httpx.AsyncClient) -> None:
    body = a_ticket(
        kind="复杂",
        customer={"phone": "110", "email": "x", "naem": "王芳"},
        product={"quantity": 1, "defective_quantity": 2},
        materials=["Photos"],
        call={"rings": "3"},
        region="浙江",
        opened_at="tomorrow",
    )
    problem = check_problem(await caller.post("/v1/tickets", json=body), 422, "validation_failed")
    assert {error["pointer"]: error["code"] for error in problem["errors"]} == {
        "#/kind": "unknown_value",
        "#/customer/phone": "invalid_phone",
        "#/customer/email": "wrong_format",
        "#/customer/naem": "unknown_field",
        "#/product/defective_quantity": "too_large",
        "#/materials/0": "wrong_format",
        "#/call/rings": "not_an_integer",
        "#/region": "wrong_format",
        "#/opened_at": "not_a_time",
    }
    nobody = check_problem(
        await caller.post("/v1/tickets", json=a_ticket(customer={"name": "王芳"})), 422, "validation_failed"
    )
    assert [(error["pointer"], error["code"]) for error in nobody["errors"]] == [("#/customer", "contact_required")]
