"""How every answer looks, whatever was asked: problems, headers, times, pages, tags, request ids."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.core import errors, middleware
from app.core.errors import ServiceError
from app.core.outbox import seal_events
from app.core.personal import Tier
from app.services.policy_book import PolicyBook
from tests.builders import a_ticket
from tests.conftest import Databases
from tests.http.operations import Operation, lists, operations
from tests.http.problems import check_problem
from tests.http.service import Service, open_service, take

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TIME_LIKE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?!\d*\s*[（(])")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
async def service(databases: Databases, book: PolicyBook) -> AsyncIterator[Service]:
    """A service that gives up waiting for locks at once."""
    async with open_service(await databases.clone(), book, lock_timeout_seconds=0.2) as service:
        yield service


@pytest.fixture(scope="module")
async def ticket(service: Service, caller: httpx.AsyncClient) -> dict[str, Any]:
    ticket = await take(caller, external_ref="ref-1", call={"call_id": "call-1", "agent_no": "1101"})
    for number in range(3):
        await take(caller)
        await caller.post(f"/v1/tickets/{ticket['number']}/comments", json={"text": f"第{number}次联系"})
    async with service.db.begin() as session:
        await seal_events(session)
    return (await caller.get(f"/v1/tickets/{ticket['number']}")).json()  # type: ignore[no-any-return]


def is_chinese(text: str) -> bool:
    return CHINESE.search(text) is not None


Ask = Callable[[httpx.AsyncClient, Service, dict[str, Any]], Awaitable[httpx.Response]]
JSON = {"Content-Type": "application/json"}


async def _slow(client: httpx.AsyncClient, *_: Any) -> httpx.Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(middleware, "BODY_SECONDS", 0.05)
        patch.setattr(middleware, "LINGER_SECONDS", 0.05)
        return await client.post("/v1/tickets", content=body(), headers=JSON)


@asynccontextmanager
async def _locked(service: Service, table: str, mode: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(service.url.replace("postgresql+asyncpg", "postgresql"))
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield
    finally:
        await connection.close()


async def _in_progress(client: httpx.AsyncClient, service: Service, _: Any) -> httpx.Response:
    async with _locked(service, "idempotency_record", "EXCLUSIVE"):
        return await client.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": "in-progress"})


async def _busy(client: httpx.AsyncClient, service: Service, _: Any) -> httpx.Response:
    async with _locked(service, "ticket", "ACCESS EXCLUSIVE"):
        return await client.get("/v1/tickets")


async def _reused(client: httpx.AsyncClient, *_: Any) -> httpx.Response:
    await client.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": "used-before"})
    return await client.post(
        "/v1/tickets", json=a_ticket(urgency="emergency"), headers={"Idempotency-Key": "used-before"}
    )


async def _expired(client: httpx.AsyncClient, service: Service, _: Any) -> httpx.Response:
    key = await service.key(lifetime=timedelta(minutes=1))
    service.clock.advance(minutes=1)
    return await client.get("/v1/events", headers={"Authorization": f"Bearer {key}"})


async def _scopeless(client: httpx.AsyncClient, service: Service, _: Any) -> httpx.Response:
    key = await service.key(scopes=("events:read",))
    return await client.get("/v1/tickets", headers={"Authorization": f"Bearer {key}"})


async def _broken(client: httpx.AsyncClient, service: Service, _: Any) -> httpx.Response:
    await service.sql("ALTER TABLE ticket RENAME TO ticket_away")
    try:
        return await client.get("/v1/tickets")
    finally:
        await service.sql("ALTER TABLE ticket_away RENAME TO ticket")


async def _mismatch(client: httpx.AsyncClient, *_: Any) -> httpx.Response:
    cursor = (await client.get("/v1/tickets?limit=1")).json()["next_cursor"]
    return await client.get("/v1/tickets", params={"cursor": cursor, "status": "closed"})


PROBLEMS: dict[str, tuple[int, Ask]] = {
    "malformed_json": (400, lambda c, s, t: c.post("/v1/tickets", content=b"{", headers=JSON)),
    "unknown_parameter": (400, lambda c, s, t: c.get("/v1/tickets?stauts=open")),
    "invalid_cursor": (400, lambda c, s, t: c.get("/v1/tickets?cursor=x")),
    "cursor_filter_mismatch": (400, _mismatch),
    "invalid_idempotency_key": (
        400,
        lambda c, s, t: c.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": "x"}),
    ),
    "invalid_api_key": (401, lambda c, s, t: c.get("/v1/events", headers={"Authorization": "Bearer x"})),
    "expired_api_key": (401, _expired),
    "insufficient_scope": (403, _scopeless),
    "not_found": (404, lambda c, s, t: c.get("/v1/tickets/x")),
    "method_not_allowed": (405, lambda c, s, t: c.delete("/v1/tickets")),
    "request_timeout": (408, _slow),
    "idempotency_in_progress": (409, _in_progress),
    "version_mismatch": (
        412,
        lambda c, s, t: c.patch(f"/v1/tickets/{t['id']}", json={}, headers={"If-Match": '"9.x"'}),
    ),
    "body_too_large": (413, lambda c, s, t: c.post("/v1/tickets", content=b" " * 1_048_577, headers=JSON)),
    "unsupported_media_type": (415, lambda c, s, t: c.post("/v1/tickets", content=b"{}")),
    "validation_failed": (422, lambda c, s, t: c.post("/v1/tickets", json={})),
    "timezone_required": (422, lambda c, s, t: c.post("/v1/tickets", json=a_ticket(opened_at="2026-11-22T08:00:00"))),
    "idempotency_key_reused": (422, _reused),
    "if_match_required": (428, lambda c, s, t: c.patch(f"/v1/tickets/{t['id']}", json={})),
    "headers_too_large": (431, lambda c, s, t: c.get("/v1/events", headers={"X-Big": "a" * 16_384})),
    "internal_error": (500, _broken),
    "server_busy": (503, _busy),
    # of the ticket's own rules
    "external_ref_conflict": (
        409,
        lambda c, s, t: c.post("/v1/tickets", json=a_ticket(external_ref="ref-1", seller="甲")),
    ),
    "invalid_transition": (409, lambda c, s, t: c.post(f"/v1/tickets/{t['id']}/accept", json={})),
}
RETRYABLE = {"request_timeout", "idempotency_in_progress", "internal_error", "server_busy", "database_unavailable"}
ELSEWHERE = {"database_unavailable"}  # see below: it needs a service without a database


def kinds(parent: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_code_of_the_kit_is_tried_below() -> None:
    assert {kind.code for kind in kinds() if kind.__module__ == errors.__name__} <= PROBLEMS.keys() | ELSEWHERE


def test_every_title_stands_in_both_languages() -> None:
    for kind in kinds():
        assert is_chinese(kind.title.zh), kind
        assert not is_chinese(kind.title.en), kind


@pytest.mark.parametrize(
    ("code", "status", "ask"), [(code, *how) for code, how in PROBLEMS.items()], ids=PROBLEMS.keys()
)
@pytest.mark.parametrize("accept", ["zh-CN,zh;q=0.9", "en", None])
async def test_a_problem_is_complete_and_speaks_the_callers_language(
    service: Service,
    caller: httpx.AsyncClient,
    ticket: dict[str, Any],
    code: str,
    status: int,
    ask: Ask,
    accept: str | None,
) -> None:
    client = await service.client(caller.headers["authorization"].removeprefix("Bearer "))
    del client.headers["accept-language"]
    if accept:
        client.headers["accept-language"] = accept
    response = await ask(client, service, ticket)
    problem = check_problem(response, status, code)
    english = accept == "en"
    told = [problem["title"], problem["detail"], *(error["detail"] for error in problem["errors"])]
    assert [is_chinese(text) for text in told] == [not english] * len(told)
    assert response.headers["content-language"] == ("en" if english else "zh")
    assert problem["retryable"] is (code in RETRYABLE)
    assert problem["instance"].startswith("/v1/")
    assert ("retry-after" in response.headers) is (status in (503,) or code == "idempotency_in_progress")
    assert {name: response.headers.get(name) for name in SECURITY} == SECURITY


async def test_a_database_that_is_away_is_said_to_be_away(databases: Databases, book: PolicyBook) -> None:
    async with open_service(await databases.clone(), book) as service:
        client = await service.client()
        assert (await client.get("/v1/events")).status_code == 200
        name = (await service.sql("SELECT current_database()"))[0][0]
        await service.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await service.db.dispose()
        response = await client.post("/v1/tickets", json=a_ticket())
        problem = check_problem(response, 503, "database_unavailable")
        assert (problem["retryable"], response.headers["retry-after"]) == (True, "1")
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


async def test_every_answer_carries_the_security_headers_and_its_request_id(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    for operation in operations(service.app):
        url = operation.url(**dict.fromkeys(operation.references, ticket["number"]))
        body = {"json": operation.body} if operation.is_write else {}
        response = await caller.request(operation.method, url, headers={"X-Request-Id": "mine-1.2_3"}, **body)
        check_headers(response)
        assert response.headers["x-request-id"] == "mine-1.2_3"
    for url in ("/healthz", "/readyz", "/metrics", "/nothing", "/v1/nothing"):
        check_headers(await caller.get(url))


def check_headers(response: httpx.Response) -> None:
    assert {name: response.headers.get(name) for name in SECURITY} == SECURITY, response.request.url
    assert response.headers["x-request-id"]
    assert "server" not in response.headers
    assert "set-cookie" not in response.headers
    assert response.status_code == 304 or "charset" in response.headers["content-type"] or response.is_success


@pytest.mark.parametrize("sent", ["a" * 65, "with space", "a/b", "", "a\x00b", "é", "a%0d%0ab", "<script>"])
async def test_a_request_id_out_of_form_is_replaced(caller: httpx.AsyncClient, sent: str) -> None:
    response = await caller.get("/v1/events", headers={"X-Request-Id": sent.encode()})
    assert re.fullmatch(r"req_[0-9a-f]{24}", response.headers["x-request-id"])


async def test_the_request_id_stands_with_what_the_request_did(service: Service, caller: httpx.AsyncClient) -> None:
    response = await caller.post("/v1/tickets", json=a_ticket(), headers={"X-Request-Id": "join-me"})
    number = response.json()["number"]
    rows = await service.sql(
        "SELECT e.request_id, t.request_id FROM ticket JOIN event e ON e.data->>'ticket_id' = 'tkt_' || replace(ticket.id::text, '-', '')"
        " JOIN timeline_entry t ON t.ticket_id = ticket.id WHERE number = $1", number,
    )  # fmt: skip
    assert {value for row in rows for value in row} == {"join-me"}


async def test_times_are_utc_with_milliseconds_everywhere(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    commitment = ticket["commitments"][0]["id"]
    moved = await caller.post(f"/v1/tickets/{ticket['id']}/acknowledge", json={})
    preview = await caller.post(
        "/v1/sla/preview",
        json={"business_line": "tableware", "kind": "complaint", "opened_at": "2026-11-22T08:46:01.123456+08:00"},
    )
    explained = await caller.get(f"/v1/tickets/{ticket['id']}/commitments/{commitment}/explanation")
    shown = [await caller.get(operation.url(ticket=ticket["id"])) for operation in lists(service.app)]
    times = [time for response in (moved, preview, explained, *shown) for time in times_in(response.json())]
    assert len(times) > 30
    assert not [time for time in times if not MILLISECONDS.fullmatch(time)]


def times_in(document: object) -> Iterator[str]:
    """Yield every text that begins like a time; sentences for people do not."""
    if isinstance(document, dict):
        for value in document.values():
            yield from times_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from times_in(value)
    elif isinstance(document, str) and TIME_LIKE.match(document):
        yield document


async def test_a_tag_tells_version_and_view_and_a_known_representation_is_not_sent_again(
    service: Service, caller: httpx.AsyncClient
) -> None:
    url = f"/v1/tickets/{(await take(caller))['number']}"
    first = await caller.get(url)
    assert (first.headers["etag"], first.headers["vary"]) == ('"1.general"', "Authorization")
    for tag in ('"1.general"', '"0.x", "1.general"', 'W/"1.general"', "*"):
        known = await caller.get(url, headers={"If-None-Match": tag})
        assert (known.status_code, known.content, known.headers["etag"], known.headers["vary"]) == (
            304,
            b"",
            '"1.general"',
            "Authorization",
        )
        check_headers(known)
    for tier in (Tier.SENSITIVE, Tier.PUBLIC):
        other = await (await service.client(tier=tier)).get(url, headers={"If-None-Match": '"1.general"'})
        assert (other.status_code, other.headers["etag"]) == (200, f'"1.{tier}"')
    moved = await caller.post(f"{url}/acknowledge", json={})
    assert (moved.headers["etag"], (await caller.get(url)).headers["etag"]) == ('"2.general"', '"2.general"')
    assert (await caller.get(url, headers={"If-None-Match": '"1.general"'})).status_code == 200


async def test_a_change_is_made_once_against_the_version_that_was_read(caller: httpx.AsyncClient) -> None:
    url = f"/v1/tickets/{(await take(caller))['number']}"
    changed = await caller.patch(
        url, json={"urgency": "emergency"}, headers={"If-Match": '"1.sensitive"'}
    )  # the view does not matter
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2.general"')
    stale = await caller.patch(url, json={"urgency": "general"}, headers={"If-Match": '"1.general"'})
    assert check_problem(stale, 412, "version_mismatch")["current_etag"] == '"2.general"'
    check_problem(
        await caller.post(f"{url}/start", json={}, headers={"If-Match": '"1.general"'}), 412, "version_mismatch"
    )
    assert (
        await caller.post(f"{url}/comments", json={"text": "附言"}, headers={"If-Match": '"1.general"'})
    ).status_code == 201


def walkable(service: Service) -> list[Operation]:
    return [operation for operation in lists(service.app) if "cursor" in operation.parameters()]


async def test_the_next_page_is_where_the_link_says_with_the_same_filters(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    filters = {
        "/v1/tickets": {"status": "recorded,acknowledged", "sort": "opened_at"},
        "/v1/sla/overdue": {"within_seconds": "31622400"},
    }
    for operation in walkable(service):
        url = operation.url(ticket=ticket["id"])
        whole = (await caller.get(url, params={"limit": 200, **filters.get(url, {})})).json()["items"]
        response = await caller.get(url, params={"limit": 2, **filters.get(url, {})})
        walked = response.json()["items"]
        while link := response.links.get("next"):
            assert link["url"].startswith(f"{url}?")
            assert response.json()["has_more"] is True
            response = await caller.get(link["url"])
            assert len(response.json()["items"]) <= 2
            walked += response.json()["items"]
        assert (response.json()["next_cursor"], response.json()["has_more"]) == (None, False)
        assert walked == whole, operation.name
        assert len(walked) > 2, operation.name


async def test_a_search_gives_its_cursor_in_the_body_only(caller: httpx.AsyncClient, ticket: dict[str, Any]) -> None:
    criteria: dict[str, Any] = {"phone": "13800001234", "limit": 1}
    found = await caller.post("/v1/tickets/search", json=criteria)
    assert "link" not in found.headers
    page = await caller.post("/v1/tickets/search", json=criteria | {"cursor": found.json()["next_cursor"]})
    assert page.json()["items"][0]["id"] != found.json()["items"][0]["id"]


async def test_a_search_for_nothing_is_refused(caller: httpx.AsyncClient) -> None:
    for body in ({}, {"phone": None}, {"limit": 5}, {"business_line": "tableware", "name": None}):
        check_problem(await caller.post("/v1/tickets/search", json=body), 422, "validation_failed")


async def test_pages_are_fifty_long_unless_asked_otherwise(service: Service) -> None:
    for operation in lists(service.app):
        [limit] = [p["schema"] for p in operation.document["parameters"] if p["name"] == "limit"]
        assert (limit["default"], limit["minimum"], limit["maximum"]) == (50, 1, 200), operation.name
