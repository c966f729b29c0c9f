"""Clients that are slow with the head of a request, and bodies that nobody may make the service read."""

import json
import time
from contextlib import ExitStack

import pytest

from app.core.strict_json import MAX_DEPTH, MAX_ITEMS
from tests.http.wire import HEAD_SECONDS, Server

LORIS = 500


def test_R37_500_slow_heads_hold_up_nobody_and_end(server: Server) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connection()) for _ in range(LORIS)]
        for connection in slow:
            connection.send(b"GET /v1/tickets HTTP/1.1\r\nHost: test\r\nX-Slow: ")
        assert [server.exchange(server.head("GET", "/v1/tickets")).status for _ in range(10)] == [200] * 10
        assert all(connection.ended() for connection in slow)
    assert server.exchange(server.head("GET", "/healthz")).status == 200


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: t\r\n"])
def test_R37_a_head_that_does_not_come_in_time_ends_the_connection(server: Server, sent: bytes) -> None:
    with server.connection() as connection:
        connection.send(sent)
        assert connection.ended()


def test_R37_a_later_head_has_its_time_too(server: Server) -> None:
    with server.connection() as connection:
        connection.send(server.head("GET", "/healthz"))
        assert connection.reply().status == 200
        connection.send(b"GET /healthz HTTP/1.1\r\n")
        assert connection.ended()


def test_R37_between_requests_a_connection_may_rest(server: Server) -> None:
    with server.connection() as connection:
        for _ in range(2):
            connection.send(server.head("GET", "/healthz"))
            assert connection.reply().status == 200
            time.sleep(HEAD_SECONDS * 1.5)


def test_R37_a_head_that_comes_in_pieces_is_served(server: Server) -> None:
    head = server.head("GET", "/healthz")
    with server.connection() as connection:
        connection.send(*(head[start : start + 30] for start in range(0, len(head), 30)), pause=0.01)
        assert connection.reply().status == 200


LENGTH, CHUNKED = "Content-Length: 5", "Transfer-Encoding: chunked"


@pytest.mark.parametrize("headers", [(LENGTH, CHUNKED), (CHUNKED, LENGTH)])
def test_R37_a_length_beside_chunks_is_refused(server: Server, headers: tuple[str, str]) -> None:
    with server.connection() as connection:
        connection.send(server.post(*headers), b"0\r\n\r\n")
        assert connection.reply().status == 400
        assert connection.ended()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, identity"])
def test_R37_a_compressed_body_is_refused(server: Server, coding: str) -> None:
    reply = server.exchange(server.post("Content-Length: 2", f"Content-Encoding: {coding}"), b"\x1f\x8b")
    assert (reply.status, reply.problem()["code"]) == (415, "unsupported_media_type")


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (nested(MAX_DEPTH), 422),
        (nested(MAX_DEPTH + 1), 400),
        (nested(100_000), 400),
        (json.dumps([0] * MAX_ITEMS).encode(), 422),
        (json.dumps([0] * (MAX_ITEMS + 1)).encode(), 400),
    ],
    ids=["32 levels", "33 levels", "100,000 levels", "10,000 items", "10,001 items"],
)
def test_R37_depth_and_length_of_a_body_have_bounds(server: Server, body: bytes, status: int) -> None:
    assert server.exchange(server.post(f"Content-Length: {len(body)}"), body).status == status
