"""Hostile bytes over a real connection: always an answer, and the right one, unless HTTP's own parser refuses.

What is no HTTP is answered by the server in front of the application: 400 in plain text, and the connection ends.
"""

import json
import socket
import time
from contextlib import suppress

import pytest

from app.core.middleware import MAX_BODY, MAX_HEADERS
from tests.builders import a_ticket
from tests.http.service import run_sql
from tests.http.wire import BODY_SECONDS, Server

TICKET = json.dumps(a_ticket()).encode()


def test_a_ticket_is_taken_over_the_wire(server: Server) -> None:
    reply = server.exchange(server.post(f"Content-Length: {len(TICKET)}"), TICKET)
    assert reply.status == 201
    assert "server" not in reply.headers


_POST, _GET = (f"{method} /v1/tickets HTTP/1.1\r\nHost: t\r\n".encode() for method in ("POST", "GET"))
NO_HTTP = {
    "two lengths": _POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": _POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    "negative length": _POST + b"Content-Length: -1\r\n\r\n",
    "length in words": _POST + b"Content-Length: two\r\n\r\n",
    "signed length": _POST + b"Content-Length: +2\r\n\r\n{}",
    "5,000 digits of length": _POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "chunk size in words": _POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "chunked not last": _POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "NUL in a header": _GET + b"X-Request-Id: a\x00b\r\n\r\n",
    "bare CR in a header": _GET + b"X-Request-Id: a\rb\r\n\r\n",
    "space in a header's name": _GET + b"X Request: a\r\n\r\n",
    "unknown method": b"BREW /v1/tickets HTTP/1.1\r\nHost: t\r\n\r\n",
    "small method": b"get /v1/tickets HTTP/1.1\r\nHost: t\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9": b"GET / HTTP/9.9\r\nHost: t\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
    "noise": bytes(range(256)) + b"\r\n\r\n",
    "raw bytes in the path": b"GET /v1/tickets/\xff\xfe HTTP/1.1\r\nHost: t\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: t\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP.keys())
def test_what_is_no_http_is_answered_400_and_the_connection_ends(server: Server, sent: bytes) -> None:
    with server.connection() as connection:
        connection.send(sent)
        assert connection.reply().status in (400, 401)
    assert server.exchange(server.head("GET", "/healthz")).status == 200


UNUSUAL = {
    "200 headers": [f"X-Header-{number}: {number}" for number in range(200)],
    "header that is not UTF-8": [b"X-Note: \xff\xfe\xed\xa0\x80"],
    "forged host": ["Host: evil.example"],
    "forged addresses": ["X-Forwarded-For: 127.0.0.1, x", "Forwarded: for=127.0.0.1"],
    "null origin": ["Origin: null"],
    "another method": ["X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE"],
    "long language": ["Accept-Language: en," + "x" * 10_000],
    "websocket": ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"],
    "HTTP/2 in clear": ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"],
    "hop by hop": ["Connection: authorization, x-request-id"],
    "range": ["Range: bytes=0-"],
    "absurd conditions": ["If-Modified-Since: yesterday", 'If-None-Match: W/"x", *, "'],
    "body on a GET": ["Content-Length: 2", "Content-Type: application/json"],
}


@pytest.mark.parametrize("headers", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_headers_that_mean_nothing_here_change_nothing(server: Server, headers: list[str | bytes]) -> None:
    body = b"{}" if "Content-Length: 2" in headers else b""
    reply = server.exchange(server.head("GET", "/v1/tickets", *headers), body)
    assert reply.status == 200
    assert "evil.example" not in str(reply.headers)


IDS = [
    "X-Request-Id: a b",
    "X-Request-Id: " + "a" * 10_000,
    b"X-Request-Id: \xff",
    "X-Request-Id: a%0d%0aSet-Cookie: b",
    "X-Request-Id:",
]


@pytest.mark.parametrize("header", IDS, ids=["space", "long", "byte", "escaped line end", "empty"])
def test_a_request_id_that_could_forge_a_line_is_replaced(server: Server, header: str | bytes) -> None:
    reply = server.exchange(server.head("GET", "/v1/events", header))
    assert reply.headers["x-request-id"].startswith("req_")
    assert "set-cookie" not in reply.headers
    assert len(server.lines_of(reply.headers["x-request-id"])) == 1


@pytest.mark.parametrize(
    "headers",
    [
        ["X-Big: " + "a" * 70_000],
        [f"X-Header-{number}: {'a' * 100}" for number in range(200)],
        ["X-Big: " + "a" * MAX_HEADERS],
    ],
    ids=["70 KB header", "many headers", "16 KiB header"],
)
def test_headers_beyond_16_kib_are_too_large(server: Server, headers: list[str | bytes]) -> None:
    with server.connection() as connection:
        connection.send(server.head("GET", "/v1/tickets", *headers))
        reply = connection.reply()
        assert (reply.status, reply.problem()["code"]) == (431, "headers_too_large")
        connection.send(server.head("GET", "/healthz"))
        assert connection.reply().status == 200


@pytest.mark.parametrize("target", ["/v1/tickets/" + "a" * MAX_HEADERS, "/v1/tickets?status=" + "recorded," * 2_000])
def test_an_address_beyond_16_kib_is_too_large_as_well(server: Server, target: str) -> None:
    reply = server.exchange(server.head("GET", target))
    assert (reply.status, reply.problem()["code"]) == (431, "headers_too_large")


TARGETS = [
    "http://evil.example/v1/nothing", "/v1/tickets/../../healthz", "//v1/tickets", "/v1//tickets", "/v1/tickets/",
    "/V1/tickets", "/v1/tickets/.", "/v1/tickets/..", "/v1/tickets;a=b", "/%76%31/nothing", "/v1/tickets/%",
    "/v1/tickets/%zz",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_an_odd_address_is_not_found(server: Server, target: str) -> None:
    reply = server.exchange(server.head("GET", target))
    assert (reply.status, reply.problem()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "DELETE", "PUT", "PROPFIND"])
def test_a_method_that_is_not_taken_names_those_that_are(server: Server, method: str) -> None:
    reply = server.exchange(server.head(method, "/v1/tickets"), to_head=method == "HEAD")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, POST")
    assert method == "HEAD" or reply.problem()["code"] == "method_not_allowed"


@pytest.mark.parametrize("size", [MAX_BODY + 1, 10 * MAX_BODY])
def test_a_body_that_is_declared_too_large_gets_its_answer_though_it_is_sent_to_the_end(
    server: Server, size: int
) -> None:
    with server.connection() as connection:
        connection.send(server.post(f"Content-Length: {size}"), b" " * size)
        assert connection.reply().problem()["code"] == "body_too_large"
        assert connection.ended()


def test_a_body_that_grows_too_large_in_chunks_gets_its_answer(server: Server) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with server.connection() as connection:
        connection.send(server.post("Transfer-Encoding: chunked"), *[chunk] * 40, b"0\r\n\r\n")
        assert connection.reply().problem()["code"] == "body_too_large"
        assert connection.ended()


def test_a_gigabyte_is_not_asked_for(server: Server) -> None:
    reply = server.exchange(server.post("Content-Length: 1000000000", "Expect: 100-continue"))
    assert (reply.status, reply.interim) == (413, [])
    taken = server.exchange(server.post(f"Content-Length: {len(TICKET)}", "Expect: 100-continue"), TICKET)
    assert (taken.status, taken.interim) == (201, [100])


def test_whoever_sends_for_ever_is_cut_off(server: Server) -> None:
    started, piece = time.monotonic(), b" " * 65_536
    with server.connection() as connection:
        connection.send(server.post("Content-Length: 100000000000"))
        with suppress(ConnectionError):
            while time.monotonic() < started + 20:
                connection.send(piece)
    assert time.monotonic() - started < 10


SLOW = {
    "nothing": [b""],
    "half": [TICKET[:20]],
    "byte by byte": [bytes([byte]) for byte in TICKET[:100]],
}


@pytest.mark.parametrize("pieces", SLOW.values(), ids=SLOW.keys())
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_does_not_arrive_in_time_is_answered_408(
    server: Server, pieces: list[bytes], chunked: bool
) -> None:
    started = time.monotonic()
    with server.connection() as connection:
        connection.send(server.post("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(TICKET)}"))
        connection.socket.settimeout(0.02)
        for piece in pieces:
            with suppress(OSError):
                connection.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked and piece else piece)
                if connection.socket.recv(1, socket.MSG_PEEK):
                    break
        connection.socket.settimeout(5)
        reply = connection.reply()
        assert (reply.status, reply.problem()["code"], reply.problem()["retryable"]) == (408, "request_timeout", True)
        assert BODY_SECONDS * 0.9 < time.monotonic() - started < BODY_SECONDS + 2
        assert connection.ended()


def test_whoever_leaves_in_the_middle_of_a_body_leaves_nothing_behind(server: Server) -> None:
    before = len(server.lines())
    with server.connection() as connection:
        connection.send(server.post(f"Content-Length: {len(TICKET)}"), TICKET[:20])
    assert server.exchange(server.head("GET", "/healthz")).status == 200
    assert [line for line in server.lines()[before:] if line["level"] == "error"] == []


def test_more_bytes_than_declared_are_the_next_request(server: Server) -> None:
    with server.connection() as connection:
        connection.send(server.post("Content-Length: 2"), b"{}", b"garbage\r\n\r\n", pause=0.1)
        assert [connection.reply().status for _ in "12"] == [422, 400]


def test_requests_in_one_packet_are_answered_in_order(server: Server) -> None:
    heads = [server.head("GET", "/v1/events", f"X-Request-Id: n-{number}") for number in range(20)]
    with server.connection() as connection:
        connection.send(b"".join(heads))
        assert [connection.reply().headers["x-request-id"] for _ in heads] == [f"n-{number}" for number in range(20)]


REFUSED = {
    400: (b"{", []),
    401: (b"{}", ["Authorization: Bearer as_sk_x"]),
    404: (b"{}", []),
    415: (b"{}", ["Content-Encoding: gzip"]),
    422: (b"{}", []),
}


def test_a_connection_stays_usable_after_a_problem(server: Server) -> None:
    with server.connection() as connection:
        for status, (body, headers) in REFUSED.items():
            target = "/v1/nothing" if status == 404 else "/v1/tickets"
            head = server.post(f"Content-Length: {len(body)}", *headers, target=target)
            if status == 401:
                head = head.replace(server.key.encode(), b"as_sk_unknown")
            connection.send(head, body)
            assert connection.reply().problem()["status"] == status
        connection.send(server.head("GET", "/healthz"))
        assert connection.reply().status == 200


def test_a_large_body_without_a_key_is_answered_and_not_kept(server: Server) -> None:
    with server.connection() as connection:
        head = server.post(f"Content-Length: {5 * MAX_BODY}").replace(server.key.encode(), b"as_sk_unknown")
        connection.send(head, b" " * 5 * MAX_BODY)
        assert connection.reply().problem()["code"] == "invalid_api_key"
        connection.send(server.head("GET", "/healthz"))
        assert connection.reply().status == 200


async def test_an_internal_error_is_one_problem_and_one_line_and_the_connection_goes_on(
    server: Server,
) -> None:
    await run_sql(server.database_url, "ALTER TABLE ticket RENAME TO ticket_away")
    try:
        with server.connection() as connection:
            connection.send(server.post(f"Content-Length: {len(TICKET)}", "X-Request-Id: broken-1"), TICKET)
            reply = connection.reply()
            assert (reply.status, reply.problem()["code"], reply.problem()["retryable"]) == (
                500,
                "internal_error",
                True,
            )
            assert not [
                word
                for word in ("Traceback", "sqlalchemy", "asyncpg", "ticket_away", "relation")
                if word in reply.body.decode()
            ]
            connection.send(server.head("GET", "/healthz"))
            assert connection.reply().status == 200
    finally:
        await run_sql(server.database_url, "ALTER TABLE ticket_away RENAME TO ticket")
    errors = [line for line in server.lines_of("broken-1") if line["level"] == "error"]
    assert len(errors) == 1
    assert "42P01" in json.dumps(errors)  # PostgreSQL's word for the cause
    assert "13800001234" not in json.dumps(errors)
    assert "王芳" not in json.dumps(errors, ensure_ascii=False)


def test_every_line_of_the_log_is_json_and_no_error_but_the_ones_asked_for(server: Server) -> None:
    lines = server.lines()
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert {line.get("request_id") for line in lines if line["level"] == "error"} <= {"broken-1"}
