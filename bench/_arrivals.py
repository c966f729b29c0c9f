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
    """Milliseconds of the requests that were served; `refused` with 503 are the others, in percent.

    `busy` is the load average at the end.
    """

    p50: float
    p95: float
    p99: float
    refused: float
    busy: float


def arrive(url: str, request: bytes, *, rate: float, seconds: float) -> Latency:
    """Send a request at a rate. Raises: CalledProcessError for an answer but success and 503, which is printed."""
    command = [sys.executable, "-m", "bench._arrivals", url, str(rate), str(seconds)]
    printed = subprocess.run(command, input=request, stdout=subprocess.PIPE, check=True)
    return Latency(**json.loads(printed.stdout))


class _Generator:
    """Gives each arrival a free connection, all in turn, so that every process of the service gets some."""

    def __init__(self, url: str, request: bytes, numbers: Iterator[int]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._pieces, self._numbers = request.split(UNIQUE.encode()), numbers
        self._free = deque[Connection]()
        self.taken: list[float] = []
        self.refused = 0

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
        if await connection.ask(str(next(self._numbers)).encode().join(self._pieces)):
            self.taken.append(time.perf_counter() - due)
        else:
            self.refused += 1
        self._free.append(connection)

    async def _open(self) -> "Connection":
        return await Connection.opened(self._host, self._port)


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    @classmethod
    async def opened(cls, host: str, port: int) -> "Connection":
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[bool]:
        """Send a request; tell whether it was served, or refused with 503. Raises: RuntimeError for anything else."""
        self._received, self._answered = b"", asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < length_of_body(head):
            return
        if head[9:10] == b"2" or head[9:12] == b"503":
            self._answered.set_result(head[9:10] == b"2")
        else:
            self._answered.set_exception(RuntimeError(self._received.decode()))

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(ConnectionError("the server hung up"))


async def _measure(url: str, request: bytes, rate: float, seconds: float) -> Latency:
    generator = _Generator(url, request, itertools.count(time.time_ns()))
    await generator.run(rate, seconds)
    cuts = [cut * 1000 for cut in quantiles(generator.taken, n=100)]
    refused = generator.refused / (generator.refused + len(generator.taken))
    return Latency(cuts[49], cuts[94], cuts[98], refused * 100, os.getloadavg()[0])


if __name__ == "__main__":
    measured = uvloop.run(_measure(sys.argv[1], sys.stdin.buffer.read(), float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(asdict(measured)))
