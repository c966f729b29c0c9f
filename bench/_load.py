"""A small HTTP load: one request after another on each of some connections, as fast as the server answers.

It runs in a process of its own, and reads of an answer what it needs to find its end, so that it is not itself what
is measured.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import cast
from urllib.parse import urlsplit

import uvloop

CONNECTIONS = 16
_PATIENCE_SECONDS = 10.0
# In a request: replaced by a number of as many digits that no other request has.
UNIQUE = "0" * 19


@dataclass(frozen=True)
class Load:
    """Answers per second, and milliseconds."""

    rate: float
    p50: float
    p99: float


def request_bytes(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Write a request as it goes over the wire."""
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{method} {path} HTTP/1.1", f"host: {parts.netloc}"]
    if body:
        lines += [f"content-length: {len(body)}", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def load(url: str, request: bytes, *, seconds: float) -> Load:
    """Send a request again and again. Raises: CalledProcessError for an answer that is no success, which is printed."""
    command = [sys.executable, "-m", "bench._load", url, str(seconds)]
    printed = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=True)
    return Load(**json.loads(printed.stdout))


class _Client(asyncio.Protocol):
    """One connection; `taken` are the seconds of its answers, `ended` is done when it has sent its last request."""

    def __init__(self, request: bytes, numbers: Iterator[int], until: float) -> None:
        self._pieces = request.split(UNIQUE.encode())
        self._numbers, self._until = numbers, until
        self._received, self._sent_at = b"", 0.0
        self.taken: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < length_of_body(head):
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self.ended.set_exception(RuntimeError(self._received.decode()))
            self._transport.close()
            return
        now = time.perf_counter()
        self.taken.append(now - self._sent_at)
        self._received = b""
        if now < self._until:
            self._send()
        else:
            self.ended.set_result(None)
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("the server hung up"))

    def _send(self) -> None:
        number = str(next(self._numbers)).encode()
        self._sent_at = time.perf_counter()
        self._transport.write(number.join(self._pieces))


def length_of_body(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])


async def _run(url: str, request: bytes, seconds: float) -> Load:
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    numbers, until = itertools.count(time.time_ns()), time.perf_counter() + seconds
    assert len(str(time.time_ns())) == len(UNIQUE)
    opened = [
        loop.create_connection(lambda: _Client(request, numbers, until), parts.hostname or "", parts.port or 80)
        for _ in range(CONNECTIONS)
    ]
    clients = [client for _, client in await asyncio.gather(*opened)]
    async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
        await asyncio.gather(*(client.ended for client in clients))
    taken = [seconds for client in clients for seconds in client.taken]
    cuts = quantiles(taken, n=100)
    return Load(len(taken) / seconds, cuts[49] * 1000, cuts[98] * 1000)


if __name__ == "__main__":
    measured = uvloop.run(_run(sys.argv[1], sys.stdin.buffer.read(), float(sys.argv[2])))
    print(json.dumps(asdict(measured)))
