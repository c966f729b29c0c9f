"""R30 R31 R48: the whole API under hostile headers and queries, and what every answer then carries."""

import re
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.http.operations import Operation, ask, in_bytes, lists, operations
from tests.http.service import Service
from tests.http.test_conventions import check_headers
from tests.http.wire import Server

# What a problem must never show of what lies under it.
INNER = re.compile(r"Traceback|sqlalchemy|asyncpg|psycopg|pydantic|starlette|\.py\b|/site-packages/|SELECT |Error:")
HEADERS: dict[str, dict[str, str]] = {
    "headers of 70 KB": {"X-Big": "a" * 70_000},
    "200 headers": {f"X-Header-{number}": "a" for number in range(200)},
    "key empty": {"Idempotency-Key": ""},
    "key long": {"Idempotency-Key": "a" * 256},
    "key with a line end": {"Idempotency-Key": "a\r\nb: c" + "d" * 8},
    "key in Chinese": {"Idempotency-Key": "键" * 10},
    "tag weak": {"If-Match": 'W/"1.general"'},
    "tags": {"If-Match": '"1.x", "2.x"'},
    "tag garbage": {"If-Match": "garbage"},
    "id with a line end": {"X-Request-Id": "a\r\nSet-Cookie: b"},
    "long language": {"Accept-Language": "en," + "x" * 10_000},
    "odd language": {"Accept-Language": "*;q=nan, ;;;, en;q=9e999"},
    "null origin": {"Origin": "null"},
    "forged host": {"Host": "evil.example"},
    "forged address": {"X-Forwarded-For": "127.0.0.1, x", "Forwarded": "for=_x"},
    "another method": {"X-HTTP-Method-Override": "DELETE"},
    "no key": {"Authorization": ""},
    "another key": {"Authorization": "Bearer as_sk_\x00"},
    "two schemes": {"Authorization": "Basic Bearer x"},
}
HUGE = 2**63
QUERIES = (
    "limit=-1", "limit=0", "limit=201", f"limit={HUGE}", "limit=1e3", "limit=%00", "limit=1&limit=1", "cursor=x",
    "cursor=%ff", f"cursor={'a' * 2001}", "sort=;drop", f"status={'recorded,' * 1000}", "%00=1", "%ED%A0%80=1",
    "&" * 500, "a=" + "b" * 8000, "created_at_gte=2026-11-22T00:00:00Z&created_at_lt=2026-11-21T00:00:00Z",
    "limit=%D9%A5", "=", "limit", "%", "limit=%zz",
)  # fmt: skip


def faults(operation: Operation, what: str, response: httpx.Response) -> list[str]:
    """Say what is wrong with an answer, if anything is."""
    check_headers(response)
    found = []
    if response.status_code >= 500:
        found.append("a 5xx")
    if response.is_error and INNER.search(response.text):
        found.append("shows what lies under it")
    if response.is_error and response.json()["request_id"] != response.headers["x-request-id"]:
        found.append("another request id")
    return [f"{operation.name} under {what}: {fault}: {response.status_code} {response.text[:200]}" for fault in found]


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS.keys())
async def test_R31_no_header_breaks_any_route(
    service: Service, caller: httpx.AsyncClient, samples: dict[str, str], headers: dict[str, str]
) -> None:
    findings = []
    for operation in operations(service.app):
        url = operation.url(**samples | dict.fromkeys(set(operation.references) - samples.keys(), "absent"))
        findings += faults(operation, str(list(headers)[:1]), await ask(caller, operation, url, headers))
    assert not findings


async def test_R31_no_query_breaks_any_list(
    service: Service, caller: httpx.AsyncClient, samples: dict[str, str]
) -> None:
    findings, seen = [], Counter[int]()
    for operation in lists(service.app):
        for query in QUERIES:
            response = await caller.get(httpx.URL(operation.url(**samples), query=query.encode()))
            findings += faults(operation, query[:40], response)
            seen[response.status_code] += 1
    assert not findings
    assert seen.keys() <= {200, 400, 422}
    assert seen[400] + seen[422] > 15 * len(lists(service.app))


async def test_R48_every_answer_of_every_route_is_told_for_what_it_is(
    service: Service, caller: httpx.AsyncClient, samples: dict[str, str]
) -> None:
    """Each route right, without a key, with a body of another kind, with too large a body and by another method."""
    seen = Counter[int]()
    for operation in operations(service.app):
        url = operation.url(**samples | dict.fromkeys(set(operation.references) - samples.keys(), "absent"))
        answers = [
            await ask(caller, operation, url),
            await ask(service.anonymous(), operation, url),
            await caller.request(operation.method, url, content=b"x", headers=in_bytes({"Content-Type": "text/x"})),
            await caller.request(operation.method, url, content=b"{", headers={"Content-Type": "application/json"}),
            await ask(caller, operation, f"{url}?stauts=x"),
            *[await caller.request(method, url) for method in ("TRACE", "PROPFIND")],
        ]
        assert [answer.status_code for answer in answers[-2:]] == [405, 405], operation.name
        assert answers[1].status_code == 401, operation.name
        for answer in answers:
            seen[answer.status_code] += 1
            check_headers(answer)
            assert answer.headers["cache-control"] == "no-store"
            kind = answer.headers.get("content-type", "")
            assert answer.content == b"" or kind.partition(";")[0] in KINDS, operation.name
            assert not kind.startswith("text/") or kind.endswith("charset=utf-8"), operation.name
    assert seen.keys() >= {200, 201, 400, 401, 404, 405, 409, 415, 422, 428}


KINDS = {"application/json", "application/problem+json", "text/html", "application/pdf", "image/png"}


def test_R48_trace_is_refused_on_the_wire_and_no_server_is_named(server: Server) -> None:
    for target in ("/", "/healthz", "/v1/tickets", "/v1/nothing"):
        reply = server.exchange(server.head("TRACE", target))
        assert reply.status in (404, 405)
        assert "server" not in reply.headers
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_R30_the_log_of_hostile_requests_holds_no_words_of_theirs(server: Server) -> None:
    mark = "hostile-word-13912345678"
    for head in (
        server.head("GET", f"/v1/tickets?{mark}=1"),
        server.head("GET", f"/v1/{mark}"),
        server.head("GET", "/v1/tickets", f"X-Request-Id: {mark} x", f"User-Agent: {mark}", f"If-Match: {mark} x"),
        server.post("Content-Length: 30", f"Idempotency-Key: {mark} x"),
        server.head("GET", "/v1/tickets", f"Cookie: {mark}", f"Referer: https://x/{mark}"),
    ):
        server.exchange(head, b" " * 30 if head.startswith(b"POST") else b"")
    last = server.exchange(server.head("GET", "/v1/nothing"))
    server.lines_of(last.headers["x-request-id"])
    log = Path(server.log).read_text()
    assert "13912345678" not in log
    assert not INNER.search(log)
    assert server.key not in log
