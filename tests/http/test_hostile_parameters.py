"""Hostile query parameters, cursors and headers, in process and on every route that takes them."""

import base64
from typing import Any

import httpx
import pytest

from app.core.crypto import KeyRing
from app.services.policy_book import PolicyBook
from tests.conftest import SECRET_KEYS, Databases
from tests.http.operations import Operation, ask, lists, operations, writes
from tests.http.problems import Findings, check_problem
from tests.http.samples import QUERIES
from tests.http.service import Service, hook, open_service, put_in_channel, take

RING = KeyRing.read(None, SECRET_KEYS)
CURSOR_LISTS = {
    "/v1/tickets", "/v1/tickets/{ticket}/timeline", "/v1/sla/overdue", "/v1/notice-channels", "/v1/notices",
    "/v1/webhook-endpoints", "/v1/webhook-deliveries",
}  # fmt: skip


@pytest.fixture(scope="module")
async def ticket(caller: httpx.AsyncClient) -> dict[str, Any]:
    """One of four tickets, with a timeline of some length."""
    first = await take(caller)
    for number in range(3):
        await take(caller)
        await caller.post(f"/v1/tickets/{first['id']}/comments", json={"text": f"第{number}次联系"})
    return first


@pytest.fixture(scope="module")
async def listing(service: Service, samples: dict[str, str]) -> list[tuple[Operation, str]]:
    """Every list with its address."""
    return [(operation, operation.url(**samples)) for operation in lists(service.app)]


async def test_an_unknown_parameter_is_refused_everywhere_and_named(
    service: Service, caller: httpx.AsyncClient
) -> None:
    findings = Findings()
    for operation in operations(service.app):
        url = operation.url(**dict.fromkeys(operation.references, "absent"))
        response = await ask(caller, operation, f"{url}?stauts=hostile_mark")
        findings(operation.name, response, (400, "unknown_parameter"))
        assert response.json()["errors"][0]["parameter"] == "stauts"
    assert not findings


@pytest.mark.parametrize(
    "query",
    [
        "13800001234=1",
        "wang.fang@example.com=1",
        "%00=1",
        "%ff=1",
        "a" * 5000 + "=1",
        "&".join(f"x{n}=" for n in range(900)),
    ],
)
async def test_the_name_of_an_unknown_parameter_is_shown_cut_and_masked(caller: httpx.AsyncClient, query: str) -> None:
    response = await caller.get(f"/v1/tickets?{query}")
    problem = check_problem(response, 400, "unknown_parameter")
    assert len(problem["errors"]) <= 20
    assert all(len(error["parameter"]) <= 40 for error in problem["errors"])
    assert "13800001234" not in response.text
    assert "wang.fang@example.com" not in response.text


async def test_R31_a_repeated_parameter_is_refused_everywhere(
    caller: httpx.AsyncClient, listing: list[tuple[Operation, str]]
) -> None:
    for operation, url in listing:
        for name in operation.parameters():
            problem = check_problem(await caller.get(f"{url}?{name}=1&{name}=1"), 400, "unknown_parameter")
            assert (problem["errors"][0]["parameter"], problem["errors"][0]["code"]) == (name, "repeated_parameter")


WRONG = {
    "limit": ["-1", "0", "201", "1e3", "1.0", "+5", "0x10", "", " 5", "５", "٣", str(2**31), str(2**63), "9" * 5000],
    "after": ["-1", "1e3", "", str(2**53), str(2**63), "9" * 5000, "１"],
    "within_seconds": ["-1", str(2**31), str(2**63), "1e9", ""],
    "sort": [";drop", "opened_at;--", "id", "-id", "", "opened_at,updated_at", "OPENED_AT", "--opened_at"],
    "status": ["", ",", "recorded,", "RECORDED", "recorded;closed", ",".join(["recorded"] * 1000), "recorded%00"],
    "kind": ["'", "complaint' OR '1'='1"],
    "state": ["", "lost", "FAILED", "failed,"],
    "department": ["a b", "A", "x" * 41, "部门"],
    "assignee_staff_no": ["", "a b", "x" * 33, "'"],
    "overdue": ["yes", "TRUE", "1", ""],
    "include": ["everything", ""],
    "visibility": ["public", ""],
    "types": ["a b", "'", "x" * 61, ",".join(["ticket.recorded"] * 51)],
    "external_ref": ["x" * 201],
    "opened_at_gte": ["2026-02-30T00:00:00Z", "yesterday", "", "1795336561", "0000-01-01T00:00:00Z", "2026-11-22"],
    "opened_at_lt": ["9999-12-31T00:00:00-14:00", "2026-W47-7T00:00:00Z", "2026-11-22T24:00:00Z"],
    "on": ["2026-02-30", "2026-W47-7", "today"],
}  # fmt: skip
WRONG_PAIRS = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), WRONG_PAIRS, ids=[f"{name}={value[:20]}" for name, value in WRONG_PAIRS])
async def test_R31_a_parameter_out_of_range_is_refused_by_name(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any], name: str, value: str
) -> None:
    tried = 0
    for operation in operations(service.app):
        if operation.method == "GET" and name in operation.parameters():
            url = operation.url(**dict.fromkeys(operation.references, ticket["number"]))
            problem = check_problem(await caller.get(f"{url}?{name}={value.replace('+', '%2B')}"), *_expected(value))
            assert name in {error["parameter"] for error in problem["errors"]}, operation.name
            tried += 1
    assert tried


def _expected(value: str) -> tuple[int, str]:
    return (400, "unknown_parameter") if "%00" in value else (422, "validation_failed")


async def test_a_range_that_runs_backwards_is_refused_at_its_beginning(caller: httpx.AsyncClient) -> None:
    query = {"opened_at_gte": "2026-11-22T00:00:00Z", "opened_at_lt": "2026-11-21T00:00:00Z"}
    problem = check_problem(await caller.get("/v1/tickets", params=query), 422, "validation_failed")
    assert [(error["parameter"], error["code"]) for error in problem["errors"]] == [("opened_at_gte", "empty_range")]


async def test_a_time_without_its_offset_is_told_so(caller: httpx.AsyncClient) -> None:
    response = await caller.get("/v1/tickets", params={"opened_at_lt": "2026-11-22T00:00:00"})
    assert check_problem(response, 422, "timezone_required")["errors"][0]["parameter"] == "opened_at_lt"


async def test_a_plus_sign_that_arrives_as_a_space_is_still_an_offset(caller: httpx.AsyncClient) -> None:
    assert (await caller.get("/v1/tickets?opened_at_gte=2026-11-22T00:00:00+08:00")).status_code == 200


TEXTS = [
    "'; DROP TABLE ticket; --",
    "%",
    "_",
    "\\",
    "%%",
    "%F0%9F%98%A1",
    "%E2%80%AE",
    "%ED%A0%80",
    "%ff",
    "${7*7}",
    "*",
]


@pytest.mark.parametrize("value", TEXTS)
async def test_any_text_may_be_looked_for_and_means_only_itself(
    caller: httpx.AsyncClient, ticket: object, value: str
) -> None:
    response = await caller.get(f"/v1/tickets?external_ref={value}")
    assert (response.status_code, response.json()["items"]) == (200, [])


async def test_R33_an_injection_finds_no_more_than_a_stranger(caller: httpx.AsyncClient, ticket: object) -> None:
    for payload in (
        "' OR 1=1 --",
        "x' UNION SELECT 1--",
        "');SELECT pg_sleep(9);--",
        "%",
        "_%",
        "\\",
        "${1}",
        "a\x00b"[:1],
        "*",
        ".*",
        "'||'",
    ):
        for criterion in ("name", "external_id", "order_no", "batch", "model", "number"):
            response = await caller.post("/v1/tickets/search", json={criterion: payload})
            assert (response.status_code, response.json()["items"]) == (200, []), (criterion, payload)
            assert response.elapsed.total_seconds() < 1


async def cursor_of(caller: httpx.AsyncClient, url: str, **query: str) -> str:
    page = (await caller.get(url, params={"limit": "1", **query})).json()
    cursor: str = page["next_cursor"]
    assert page["has_more"]
    assert cursor
    return cursor


@pytest.fixture
async def paged(
    service: Service, caller: httpx.AsyncClient, listing: list[tuple[Operation, str]]
) -> list[tuple[str, dict[str, str]]]:
    """Every list with a cursor, and the query under which it has a second page."""
    found = [(url, QUERIES.get(operation.path, {})) for operation, url in listing if "cursor" in operation.parameters()]
    assert {operation.path for operation, _ in listing if "cursor" in operation.parameters()} >= CURSOR_LISTS
    return found


def _signed(message: bytes, ring: KeyRing = RING) -> str:
    return base64.urlsafe_b64encode(ring.sign("cursor", message) + message).decode().rstrip("=")


async def test_R31_a_cursor_that_is_not_ours_is_invalid(
    caller: httpx.AsyncClient, paged: list[tuple[str, dict[str, str]]]
) -> None:
    for url, query in paged:
        cursor = await cursor_of(caller, url, **query)
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        stranger = KeyRing.read(None, KeyRing.new_entry("stranger"))
        other_start = "B" if cursor[0] == "A" else "A"
        forged = [
            "", "x", "=", cursor[:-4], cursor[4:], cursor[:20], other_start + cursor[1:], cursor[:-6] + "AAAAAA",
            cursor.upper(), "光标", "%00", base64.urlsafe_b64encode(b"not json at all, and long enough").decode(),
            base64.urlsafe_b64encode(raw[:16]).decode(), _signed(raw[16:], stranger), _signed(b"not json"),
            _signed(b"[]"), "a" * 2000,
        ]  # fmt: skip
        for value in forged:
            response = await caller.get(url, params={"cursor": value, **query})
            assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), (url, value)
        response = await caller.get(url, params={"cursor": "a" * 2001})
        check_problem(response, 422, "validation_failed")


async def test_a_cursor_ends_after_24_hours(
    service: Service, caller: httpx.AsyncClient, paged: list[tuple[str, dict[str, str]]]
) -> None:
    cursors = [(url, query, await cursor_of(caller, url, **query)) for url, query in paged]
    service.clock.advance(hours=24)
    for url, query, cursor in cursors:
        assert (await caller.get(url, params={"cursor": cursor, **query})).status_code == 200
    service.clock.advance(seconds=1)
    for url, query, cursor in cursors:
        check_problem(await caller.get(url, params={"cursor": cursor, **query}), 400, "invalid_cursor")


async def test_a_cursor_belongs_to_its_filters_its_route_and_its_caller(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    other, narrow = await take(caller), await service.client(lines=("tableware",))
    for _ in range(2):
        await caller.post(f"/v1/tickets/{other['id']}/comments", json={"text": "已联系"})
    cursor = await cursor_of(caller, "/v1/tickets")
    overdue = await cursor_of(caller, "/v1/sla/overdue", within_seconds="31622400")
    timeline = await cursor_of(caller, f"/v1/tickets/{ticket['id']}/timeline")
    foreign: list[tuple[httpx.AsyncClient, str, dict[str, str]]] = [
        (caller, "/v1/tickets", {"cursor": cursor, "status": "recorded"}),
        (caller, "/v1/tickets", {"cursor": cursor, "sort": "opened_at"}),
        (caller, "/v1/tickets", {"cursor": cursor, "business_line": "tableware"}),
        (narrow, "/v1/tickets", {"cursor": cursor}),
        (caller, "/v1/sla/overdue", {"cursor": cursor}),
        (caller, "/v1/sla/overdue", {"cursor": overdue, "within_seconds": "1"}),
        (narrow, "/v1/sla/overdue", {"cursor": overdue, "within_seconds": "31622400"}),
        (caller, f"/v1/tickets/{other['id']}/timeline", {"cursor": timeline}),
        (caller, f"/v1/tickets/{ticket['id']}/timeline", {"cursor": timeline, "visibility": "internal"}),
        (caller, "/v1/tickets", {"cursor": timeline}),
    ]  # fmt: skip
    for asker, url, query in foreign:
        response = await asker.get(url, params=query)
        check_problem(response, 400, "cursor_filter_mismatch")
    found = (await caller.post("/v1/tickets/search", json={"phone": "13800001234", "limit": 1})).json()["next_cursor"]
    for body in ({"phone": "13800001235"}, {"name": "王芳"}, {"phone": "13800001234", "business_line": "tableware"}):
        check_problem(
            await caller.post("/v1/tickets/search", json={**body, "cursor": found}), 400, "cursor_filter_mismatch"
        )
    check_problem(await caller.get("/v1/tickets", params={"cursor": found}), 400, "cursor_filter_mismatch")


async def test_a_cursor_outlives_a_change_of_key(databases: Databases, book: PolicyBook) -> None:
    url, new = await databases.clone(), KeyRing.new_entry("new")
    async with open_service(url, book) as before:
        client = await before.client()
        for _ in range(3):
            await take(client)
        key = client.headers["authorization"].removeprefix("Bearer ")
        cursor = await cursor_of(client, "/v1/tickets")
        found = (await client.post("/v1/tickets/search", json={"phone": "13800001234", "limit": 1})).json()[
            "next_cursor"
        ]
    async with open_service(url, book, secret_keys=f"{new},{SECRET_KEYS}") as after:
        client = await after.client(key)
        assert len((await client.get("/v1/tickets", params={"cursor": cursor})).json()["items"]) == 2
        page = await client.post("/v1/tickets/search", json={"phone": "13800001234", "cursor": found})
        assert len(page.json()["items"]) == 2


KEYS = [
    "",
    " ",
    "short12",
    "a" * 256,
    "with space",
    "ключ-ключ",
    "键键键键键键键键",
    '"',
    '""',
    '"short"',
    "a" * 8 + "\x7f",
    "a/b/c/d/e",
    "12345678,87654321",
]


@pytest.mark.parametrize("key", KEYS)
async def test_R31_an_idempotency_key_out_of_form_is_refused_before_anything_is_done(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any], key: str
) -> None:
    before = await service.sql("SELECT count(*) FROM ticket")
    findings = Findings()
    for operation in writes(service.app):
        url = operation.url(**dict.fromkeys(operation.references, ticket["number"]))
        response = await ask(caller, operation, url, {"Idempotency-Key": key, "If-Match": "*"})
        findings(operation.name, response, (400, "invalid_idempotency_key"))
    assert not findings
    assert await service.sql("SELECT count(*) FROM ticket") == before


@pytest.mark.parametrize("key", ["12345678", "a" * 255, "a-b_c.d:e", '"quoted-key"'])
async def test_an_idempotency_key_in_form_is_taken(caller: httpx.AsyncClient, key: str) -> None:
    body = {"business_line": "tableware", "channel": "internal", "description": "内部检查"}
    first, again = [await caller.post("/v1/tickets", json=body, headers={"Idempotency-Key": key}) for _ in "12"]
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    unquoted = await caller.post("/v1/tickets", json=body, headers={"Idempotency-Key": key.strip('"')})
    assert unquoted.content == first.content


TAGS = [
    "",
    " ",
    "garbage",
    "1",
    '"1"',
    'W/"1.general"',
    '"999.general"',
    '"1.general',
    "''",
    "a" * 10_000,
    ",".join(['"9.x"'] * 500),
    "\x7f",
    "é",
]


@pytest.mark.parametrize("tag", TAGS)
async def test_R6_a_weak_stale_or_unreadable_tag_is_a_mismatch_and_changes_nothing(
    service: Service, caller: httpx.AsyncClient, samples: dict[str, str], tag: str
) -> None:
    ticket = await take(caller, business_line="components", severity="serious")  # has a handling report
    endpoint = (await hook(caller))["endpoint"]
    channel = await put_in_channel(caller, f"tags-{TAGS.index(tag)}@example.com")
    required = [operation for operation in operations(service.app) if "428" in operation.document["responses"]]
    assert len(required) >= 4
    mine = {"ticket": ticket["number"], "channel": channel["id"], "endpoint": endpoint}
    for operation in required:
        url = operation.url(**samples | mine)
        response = await ask(caller, operation, url, {"If-Match": tag})
        problem = check_problem(response, 412, "version_mismatch")
        assert problem["current_etag"].startswith('"2.' if "capa" in operation.references else '"1.')
        check_problem(await ask(caller, operation, url), 428, "if_match_required")
    assert (await caller.get(f"/v1/tickets/{ticket['number']}")).json() == ticket
    assert (await caller.get(f"/v1/notice-channels/{channel['id']}")).json() == channel
    assert (await caller.get(f"/v1/webhook-endpoints/{endpoint}")).json()["version"] == 1
