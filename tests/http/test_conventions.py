"""How every answer looks, whatever was asked: problems, headers, times, pages, tags, request ids."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.core.outbox import seal_events
from app.core.personal import Tier
from tests.builders import a_ticket
from tests.http.operations import Operation, ask, in_bytes, lists, operations
from tests.http.problems import check_problem
from tests.http.samples import QUERIES
from tests.http.service import Service, take

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TIME_LIKE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?!\d*\s*[（(])")


@pytest.fixture(scope="module")
async def ticket(service: Service, caller: httpx.AsyncClient) -> dict[str, Any]:
    ticket = await take(caller, external_ref="ref-1", call={"call_id": "call-1", "agent_no": "1101"})
    for number in range(3):
        await take(caller)
        await caller.post(f"/v1/tickets/{ticket['number']}/comments", json={"text": f"第{number}次联系"})
    async with service.db.begin() as session:
        await seal_events(session)
    return (await caller.get(f"/v1/tickets/{ticket['number']}")).json()  # type: ignore[no-any-return]


async def test_R48_every_answer_carries_the_security_headers_and_its_request_id(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any]
) -> None:
    for operation in operations(service.app):
        url = operation.url(**dict.fromkeys(operation.references, ticket["number"]))
        response = await ask(caller, operation, url, {"X-Request-Id": "mine-1.2_3"})
        check_headers(response)
        assert response.headers["x-request-id"] == "mine-1.2_3"
    for url in ("/healthz", "/readyz", "/metrics", "/nothing", "/v1/nothing"):
        check_headers(await caller.get(url))


def check_headers(response: httpx.Response) -> None:
    wanted = dict(SECURITY)
    if response.headers.get("content-type", "").startswith("text/html"):  # a page needs its one style sheet
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert policy.endswith("frame-ancestors 'none'")
        wanted["content-security-policy"] = policy
    assert {name: response.headers.get(name) for name in SECURITY} == wanted, response.request.url
    assert response.headers["x-request-id"]
    assert "server" not in response.headers
    assert "set-cookie" not in response.headers
    path, kind = response.request.url.path, response.headers.get("content-type", "")
    assert response.status_code < 400 or path == "/readyz" or kind == "application/problem+json; charset=utf-8"


@pytest.mark.parametrize("sent", ["a" * 65, "with space", "a/b", "", "a\x00b", "é", "a%0d%0ab", "<script>"])
async def test_R44_a_request_id_out_of_form_is_replaced(caller: httpx.AsyncClient, sent: str) -> None:
    response = await caller.get("/v1/events", headers=in_bytes({"X-Request-Id": sent}))
    assert re.fullmatch(r"req_[0-9a-f]{24}", response.headers["x-request-id"])


async def test_R44_the_request_id_stands_with_what_the_request_did(service: Service, caller: httpx.AsyncClient) -> None:
    response = await caller.post("/v1/tickets", json=a_ticket(), headers={"X-Request-Id": "join-me"})
    number = response.json()["number"]
    rows = await service.sql(
        "SELECT event.request_id, entry.request_id FROM ticket"
        " JOIN timeline_entry entry ON entry.ticket_id = ticket.id"
        " JOIN event ON event.subject = 'tickets/tkt_' || replace(ticket.id::text, '-', '') WHERE number = $1",
        number,
    )
    assert {value for row in rows for value in row} == {"join-me"}


async def test_times_are_utc_with_milliseconds_everywhere(
    service: Service, caller: httpx.AsyncClient, ticket: dict[str, Any], samples: dict[str, str]
) -> None:
    commitment = ticket["commitments"][0]["id"]
    moved = await caller.post(f"/v1/tickets/{ticket['id']}/acknowledge", json={})
    preview = await caller.post(
        "/v1/sla/preview",
        json={"business_line": "tableware", "kind": "complaint", "opened_at": "2026-11-22T08:46:01.123456+08:00"},
    )
    explained = await caller.get(f"/v1/tickets/{ticket['id']}/commitments/{commitment}/explanation")
    shown = [
        await caller.get(operation.url(**samples), params=QUERIES.get(operation.path, {}))
        for operation in lists(service.app)
    ]
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
    service: Service, caller: httpx.AsyncClient, samples: dict[str, str]
) -> None:
    filters = QUERIES | {"/v1/tickets": {"status": "recorded,acknowledged", "sort": "opened_at"}}
    for operation in walkable(service):
        url, query = operation.url(**samples), filters.get(operation.path, {})
        whole = (await caller.get(url, params={"limit": 200, **query})).json()["items"]
        response = await caller.get(url, params={"limit": 2, **query})
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


def test_every_problem_that_may_come_anywhere_is_documented_on_every_operation(service: Service) -> None:
    for operation in operations(service.app):
        documented = operation.document["responses"]
        assert {"400", "401", "403", "408", "413", "415", "422", "431", "500", "503"} <= documented.keys(), (
            operation.name
        )
        assert "404" in documented or not operation.references, operation.name
        problems = [entry for status, entry in documented.items() if status >= "400"]
        assert all("application/problem+json" in entry["content"] for entry in problems), operation.name
        assert "security" in operation.document
