"""Files over a real connection: refused early, cut off, many at once."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from app.services.rules.attachments import MOST_BYTES
from tests.builders import a_ticket
from tests.files import picture
from tests.http.wire import Server

NAMED = "Content-Disposition: attachment; filename=a.jpg"
MEBIBYTE = 1024 * 1024


@pytest.fixture
def ticket(server: Server) -> str:
    body = json.dumps(a_ticket()).encode()
    number: str = json.loads(server.exchange(server.post(f"Content-Length: {len(body)}"), body).body)["number"]
    return number


def head(server: Server, ticket: str, *headers: str) -> bytes:
    return server.head("POST", f"/v1/tickets/{ticket}/attachments?kind=photo", NAMED, *headers)


def large() -> bytes:
    """A JPEG of nearly 10 MB: after its head, coded data that nobody decodes."""
    photo = picture(turned=False)
    return photo[:-2] + b"\x5a" * (MOST_BYTES - len(photo)) + photo[-2:]


def blobs(server: Server) -> set[Path]:
    return set((server.log.parent / "attachments").glob("*"))


def test_a_file_in_pieces_is_taken(server: Server, ticket: str) -> None:
    content = picture()
    pieces = [content[:100], content[100:]]
    chunks = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]
    reply = server.exchange(head(server, ticket, "Transfer-Encoding: chunked"), *chunks, b"0\r\n\r\n", pause=0.02)
    assert reply.status == 201


@pytest.mark.parametrize("declared", [MOST_BYTES + 1, 10**12])
def test_a_file_that_says_it_is_too_large_is_refused_before_it_comes(
    server: Server, ticket: str, declared: int
) -> None:
    reply = server.exchange(head(server, ticket, f"Content-Length: {declared}"), b"\xff\xd8\xff")
    assert (reply.status, reply.problem()["code"]) == (413, "file_too_large")


def test_who_sends_on_after_a_refusal_still_gets_it(server: Server) -> None:
    with server.connection() as connection:
        connection.send(head(server, "AS-20261122-999999", "Content-Length: 2000000"), bytes(2_000_000))
        reply = connection.reply()
        assert (reply.status, reply.headers["connection"]) == (404, "close")
        assert connection.ended()


def test_a_key_without_the_scope_sends_nothing_to_disk(server: Server, ticket: str) -> None:
    before = blobs(server)
    reply = server.exchange(
        head(server, ticket, "Content-Length: 10").replace(server.key.encode(), b"as_sk_" + b"A" * 43), bytes(10)
    )
    assert (reply.status, blobs(server)) == (401, before)


def test_a_caller_who_hangs_up_leaves_no_blob(server: Server, ticket: str) -> None:
    before = blobs(server)
    with server.connection() as connection:
        connection.send(head(server, ticket, "Content-Length: 5000", "X-Request-Id: hung-up"), picture()[:100])
    server.lines_of("hung-up")
    assert blobs(server) == before


def test_R34_ten_uploads_of_ten_megabytes_at_once_take_64_megabytes_at_most(server: Server, ticket: str) -> None:
    server.exchange(head(server, ticket, f"Content-Length: {len(picture())}"), picture())  # what is loaded once
    process, content = psutil.Process(server.pid), large()
    before, highest, done = process.memory_info().rss, 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.is_set():
            highest = max(highest, process.memory_info().rss)
            time.sleep(0.005)

    body = json.dumps(a_ticket()).encode()
    made = [server.exchange(server.post(f"Content-Length: {len(body)}"), body) for _ in range(10)]
    numbers = [json.loads(reply.body)["number"] for reply in made]
    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(10) as pool:
        replies = list(
            pool.map(
                lambda number: _patient(server, head(server, number, f"Content-Length: {len(content)}") + content),
                numbers,
            )
        )
    done.set()
    watcher.join()
    print(f"10 uploads of 10 MB raised RSS by {(highest - before) / MEBIBYTE:.1f} MiB")
    assert replies == [201] * 10
    assert highest - before <= 64 * MEBIBYTE


def _patient(server: Server, request: bytes) -> int:
    with server.connection() as connection:
        connection.socket.settimeout(60)
        connection.send(request)
        return connection.reply().status
