"""A server of its own on a loopback port, and a client that sends bytes no HTTP library would."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import SECRET_KEYS, UNLIMITED

HEAD_SECONDS, BODY_SECONDS, LINGER_SECONDS = 0.7, 0.5, 0.3
# As `aftersales serve` runs it, but for the times a head and a body may take.
_PROGRAM = f"""
import sys, uvicorn
from app.core import middleware, streaming
from app.core.timed_heads import TimedHeads
from app.main import create_app
middleware.BODY_SECONDS, streaming.LINGER_SECONDS = {BODY_SECONDS}, {LINGER_SECONDS}
TimedHeads.head_seconds = {HEAD_SECONDS}
uvicorn.run(create_app(), port=int(sys.argv[1]), loop="uvloop", http=TimedHeads, ws="none", lifespan="on",
            log_config=None, access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=5)
"""


@dataclass
class Reply:
    """What came back for one request. `interim` are the statuses of 1xx replies before it."""

    status: int
    headers: dict[str, str]
    body: bytes
    interim: list[int] = field(default_factory=list)

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json; charset=utf-8", self
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["request_id"] == self.headers["x-request-id"]
        return problem


class Connection:
    """One connection. Reading raises `ConnectionError` where the server went without an answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.unread = b""

    def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        for piece in pieces:
            self.socket.sendall(piece)
            if pause:
                time.sleep(pause)

    def reply(self, *, to_head: bool = False) -> Reply:
        interim = []
        while True:
            head = self._until(b"\r\n\r\n").decode("latin-1")
            status_line, *lines = head.split("\r\n")
            status = int(status_line.split(" ")[1])
            if status >= 200:
                break
            interim.append(status)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = 0 if to_head or status == 304 else int(headers["content-length"])
        while len(self.unread) < length:
            self._receive()
        body, self.unread = self.unread[:length], self.unread[length:]
        return Reply(status, headers, body, interim)

    def ended(self) -> bool:
        """Wait for the server to close the connection, in order."""
        self.socket.settimeout(5)
        with suppress(TimeoutError):
            return self.socket.recv(1) == b""
        return False

    def _until(self, end: bytes) -> bytes:
        while end not in self.unread:
            self._receive()
        found, _, self.unread = self.unread.partition(end)
        return found

    def _receive(self) -> None:
        received = self.socket.recv(65_536)
        if not received:
            raise ConnectionError(f"closed without an answer after {self.unread!r}")
        self.unread += received


@dataclass
class Server:
    """A running server. Its log lines stand in `log`, one JSON document a line."""

    port: int
    log: Path
    key: str
    pid: int
    database_url: str

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        connection = Connection(self.port)
        with connection.socket:
            yield connection

    def exchange(self, *pieces: bytes, pause: float = 0.0, to_head: bool = False) -> Reply:
        """Send bytes over a connection of their own and return the first answer."""
        with self.connection() as connection:
            connection.send(*pieces, pause=pause)
            return connection.reply(to_head=to_head)

    def head(self, method: str, target: str, *headers: str | bytes, host: str = "test") -> bytes:
        """Return the head of a request with the server's key."""
        lines: Iterable[str | bytes] = (
            f"{method} {target} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {self.key}", "Accept-Language: en",
            *headers,
        )  # fmt: skip
        return b"\r\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\r\n\r\n"

    def post(self, *headers: str | bytes, target: str = "/v1/tickets") -> bytes:
        return self.head("POST", target, "Content-Type: application/json", *headers)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def lines_of(self, request_id: str) -> list[dict[str, Any]]:
        """Return the lines a request left, once it has left one."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            found = [line for line in self.lines() if line.get("request_id") == request_id]
            if any(line["event"] == "request" for line in found):
                return found
            time.sleep(0.02)
        raise AssertionError(f"no log line of {request_id}")


@contextmanager
def running_server(database_url: str, key: str, folder: Path, **settings: str) -> Iterator[Server]:
    """Run the application in a process of its own until the end of the block.

    `settings` are further ones, named by what follows `AFTERSALES_`.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AFTERSALES_")}
    environment |= {
        "DATABASE_URL": database_url, "AFTERSALES_SECRET_KEYS": SECRET_KEYS, "AFTERSALES_LOG_LEVEL": "info",
        "PYTHONPATH": str(Path(__file__).parents[2]), "AFTERSALES_ATTACHMENTS": str(folder / "attachments"),
        **{f"AFTERSALES_{name.upper()}": str(most) for name, most in UNLIMITED.items()},
        "AFTERSALES_WEBHOOK_HOSTS": "crm.test",
    }  # fmt: skip
    environment |= {f"AFTERSALES_{name}": value for name, value in settings.items()}
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(port)], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _await(process, port, log)
            yield Server(port, log, key, process.pid, database_url)
        finally:
            process.terminate()
            process.wait(20)


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
