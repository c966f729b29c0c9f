"""What becomes of the service under three times the load it can serve: `python -m bench.overload`.

Requests arrive at a fixed rate, whether or not those before them are answered. One in thirty is a ticket, the others
read one: tickets are served first and cost more, so many of them would make goodput a question of the mix. First the
peak is found with as many connections as keep one process busy. Latency counts from the moment a request was due.
The generator runs on the same machine, so its load is part of every figure.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from bench._servers import service

TOKEN = "bench-overload-metrics-32-characters"
PEAK_CONNECTIONS, PEAK_SECONDS, TIMES, SECONDS = 24, 8.0, 3, 40.0
MOST_CONNECTIONS, TICKETS_IN = 2_000, 30
TICKET = {
    "business_line": "tableware", "channel": "hotline", "kind": "complaint", "urgency": "general",
    "customer": {"name": "王芳", "phone": "13800001234"}, "description": "餐盘收到时有两个裂了，请尽快处理。",
}  # fmt: skip


class Answer(NamedTuple):
    ticket: bool
    status: int
    seconds: float


@dataclass
class Generator:
    """Sends requests over as many connections as it needs; the mix is the same in every run."""

    host: str
    port: int
    requests: tuple[bytes, bytes]  # reading, taking a ticket
    answers: list[Answer] = field(default_factory=list)
    lost: int = 0
    open: int = 0
    idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=deque)

    async def closed_loop(self, connections: int, seconds: float) -> None:
        end = time.perf_counter() + seconds

        async def client(number: int) -> None:
            while time.perf_counter() < end:
                number += 1
                await self.send(number, time.perf_counter())

        await asyncio.gather(*(client(number) for number in range(connections)))

    async def open_loop(self, rate: float, seconds: float) -> None:
        started, sent, under_way = time.perf_counter(), 0, set[asyncio.Task[None]]()
        while (now := time.perf_counter() - started) < seconds:
            while sent < now * rate:
                task = asyncio.create_task(self.send(sent, started + sent / rate))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                sent += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*under_way)

    async def send(self, number: int, due: float) -> None:
        ticket = number % TICKETS_IN == 0
        if not self.idle and self.open >= MOST_CONNECTIONS:
            self.lost += 1
            return
        try:
            reader, writer = self.idle.pop() if self.idle else await self._connect()
            writer.write(self.requests[ticket])
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length[15:]))
        except (OSError, asyncio.IncompleteReadError):
            self.open, self.lost = self.open - 1, self.lost + 1
            return
        self.idle.append((reader, writer))
        self.answers.append(Answer(ticket, int(head[9:12]), time.perf_counter() - due))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.open += 1
        return await asyncio.open_connection(self.host, self.port)

    def taken(self) -> list[Answer]:
        """Return the answers so far and begin anew."""
        answers, self.answers = self.answers, []
        return answers


def main(argv: Sequence[str]) -> int:
    if argv:
        print(__doc__)
        return 2
    variables = {"AFTERSALES_METRICS_TOKEN": TOKEN}
    with tempfile.TemporaryDirectory() as folder, service(Path(folder), **variables) as (address, key):
        return asyncio.run(measure(address, key, api_process(folder)))


async def measure(address: str, key: str, process: int) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=30) as client:
        number = (await client.post("/v1/tickets", json=TICKET)).json()["number"]
        generator = generator_for(address, key, number)
        await generator.closed_loop(PEAK_CONNECTIONS, 2.0)
        generator.taken()
        await generator.closed_loop(PEAK_CONNECTIONS, PEAK_SECONDS)
        peak = served(generator.taken()) / PEAK_SECONDS
        memory = resident(process)
        print(f"peak              {peak:.0f} requests/s, load of the machine {os.getloadavg()[0]:.1f}")
        watch = asyncio.create_task(longest_queue(address))
        await generator.open_loop(peak * TIMES, SECONDS)
        recovery = await recovered(client, f"/v1/tickets/{number}")
        watch.cancel()
        grown = resident(process) / memory - 1
        return report(generator, peak, grown, recovery, (await asyncio.gather(watch))[0])


def generator_for(address: str, key: str, number: str) -> Generator:
    parts = urlsplit(address)
    body = json.dumps(TICKET).encode()
    common = f"host: {parts.netloc}\r\nauthorization: Bearer {key}\r\n"
    read = f"GET /v1/tickets/{number} HTTP/1.1\r\n{common}\r\n".encode()
    take = f"POST /v1/tickets HTTP/1.1\r\n{common}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return Generator(parts.hostname or "", parts.port or 80, (read, take.encode() + body))


async def longest_queue(address: str) -> int:
    """Look at the queue once a second until cancelled; return how many requests waited at most."""
    longest = 0
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=10) as client:
        try:
            while True:
                await asyncio.sleep(1)
                text = (await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).text
                found = re.search(r"^aftersales_requests_waiting (\S+)$", text, re.MULTILINE)
                longest = max(longest, int(float(found[1])) if found else 0)
        except asyncio.CancelledError:
            return longest


async def recovered(client: httpx.AsyncClient, path: str) -> float:
    """Return after how many seconds ten requests in a row are served, each within a tenth of a second."""
    started, good = time.perf_counter(), 0
    while good < 10 and time.perf_counter() - started < 30:
        sent = time.perf_counter()
        status = (await client.get(path)).status_code
        good = good + 1 if status == 200 and time.perf_counter() - sent < 0.1 else 0
    return time.perf_counter() - started


def report(generator: Generator, peak: float, grown: float, recovery: float, queue: int) -> int:
    """Print the figures beside their goals; return 1 if one is missed."""
    answers = generator.taken()
    good = [answer.seconds for answer in answers if answer.status < 300]
    refused = [answer.seconds for answer in answers if answer.status == 503]
    others = sorted({answer.status for answer in answers} - {200, 201, 503})
    lines = [
        ("goodput", f"{len(good) / SECONDS / peak:.0%} of the peak", "≥ 80 %", len(good) / SECONDS >= 0.8 * peak),
        ("served, p99", f"{quantiles(good, n=100)[98]:.2f} s", "≤ 2 s", quantiles(good, n=100)[98] <= 2),
        ("503, median", f"{median(refused or [0.0]) * 1000:.0f} ms", "≤ 100 ms", median(refused or [0.0]) <= 0.1),
        ("queue, longest", f"{queue}", "≤ 64", queue <= 64),
        ("memory", f"{grown:+.0%}", "≤ +20 %", grown <= 0.2),
        ("normal again", f"{recovery:.1f} s", "≤ 5 s", recovery <= 5),
        ("unanswered", f"{generator.lost}; other statuses {others}", "none", not generator.lost and not others),
    ]
    print(f"offered           {peak * TIMES:.0f} requests/s for {SECONDS:.0f} s: {len(answers)} answers")
    for kind, name in ((True, "tickets served"), (False, "reads served")):
        mine = [answer for answer in answers if answer.ticket is kind]
        print(f"{name:18}{served(mine) / max(1, len(mine)):.0%}")
    for name, figure, goal, met in lines:
        print(f"{name:18}{figure}; goal {goal}{'' if met else '  MISSED'}")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    return 0 if all(met for *_, met in lines) else 1


def served(answers: Sequence[Answer]) -> int:
    return sum(answer.status < 300 for answer in answers)


def api_process(folder: str) -> int:
    """Return the process that answers for the service whose data lie in a folder."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
            if (entry / "comm").read_text().strip() == "api" and folder.encode() in command:
                return int(entry.name)
    raise SystemExit("the API process is not found")


def resident(process: int) -> int:
    """Return how much memory a process holds, in pages."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
