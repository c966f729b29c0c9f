"""Requests that arrive at a fixed rate, whether or not those before them are answered, from a process of its own.

An answer's time counts from the moment its request was due: what the service or the generator falls behind is in it.
"""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import cast
from urllib.parse import urlsplit

import uvloop

from bench._load import UNIQUE, length_of_body

_CONNECTIONS = 16  # to begin with; one more wherever none is free
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Latency:
    """Milliseconds; `busy` is the load average at the end."""

    p50: float
    p95: float
    p99: float
    most_connections: int
    busy: float


def arrive(url: str, request: bytes, *, rate: float, seconds: float) -> Latency:
    """Send a request at a rate. Raises: CalledProcessError for an answer that is no success, which is printed."""
    command = [sys.executable, "-m", "bench._arrivals", url, str(rate), str(seconds)]
    printed = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=True)
    return Latency(**json.loads(printed.stdout))


class _Generator:
    """Gives each arrival a free connection, all in turn, so that every process of the service gets some."""

    def __init__(self, url: str, request: bytes, numbers: Iterator[int]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._pieces, self._numbers = request.split(UNIQUE.encode()), numbers
        self._free = deque["_Connection"]()
        self.opened = 0
        self.taken: list[float] = []

    async def run(self, rate: float, seconds: float) -> None:
        self._free.extend(await asyncio.gather(*(self._open() for _ in range(_CONNECTIONS))))
        began, answers = time.perf_counter(), list[asyncio.Task[None]]()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            answers.append(asyncio.create_task(self._ask(due)))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await asyncio.gather(*answers)

    async def _ask(self, due: float) -> None:
        connection = self._free.popleft() if self._free else await self._open()
        await connection.ask(str(next(self._numbers)).encode().join(self._pieces))
        self.taken.append(time.perf_counter() - due)
        self._free.append(connection)

    async def _open(self) -> "_Connection":
        self.opened += 1
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self._host, self._port)
        return connection


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._answered = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[None]:
        self._received, self._answered = b"", asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < length_of_body(head):
            return
        if head.startswith(b"HTTP/1.1 2"):
            self._answered.set_result(None)
        else:
            self._answered.set_exception(RuntimeError(self._received.decode()))

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(ConnectionError("the server hung up"))


async def _measure(url: str, request: bytes, rate: float, seconds: float) -> Latency:
    generator = _Generator(url, request, itertools.count(time.time_ns()))
    await generator.run(rate, seconds)
    cuts = [cut * 1000 for cut in quantiles(generator.taken, n=100)]
    return Latency(cuts[49], cuts[94], cuts[98], generator.opened, os.getloadavg()[0])


if __name__ == "__main__":
    measured = uvloop.run(_measure(sys.argv[1], sys.stdin.buffer.read(), float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(asdict(measured)))
