"""Memory of an API process through many mixed requests: `python -m bench.memory [COUNT]`.

The whole service runs with one API process; 16 connections ask as fast as it answers, one after another each. PSS
counts what processes share by the share of each, RSS counts it fully.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench._arrivals import Connection
from bench._load import CONNECTIONS, UNIQUE, request_bytes
from bench._servers import api_process, service
from bench.speed import Asked, ask, requests

COUNT, STEPS = 100_000, 10
GOAL_MEGABYTES = 150
NOISE_MEGABYTES = 2  # what is no growth over half of the requests
# Of twenty requests: what the mix of a day may be.
MIX = {"create": 2, "eligibility": 4, "classify": 3, "get": 8, "list": 1, "search": 2}
_SEARCH = Asked("search", "POST", "/v1/tickets/search", 0, {"phone": "13800001234", "limit": 20})


@dataclass(frozen=True)
class Memory:
    """Megabytes (of 10^6 bytes)."""

    rss: float
    pss: float

    @classmethod
    def of(cls, process: int) -> "Memory":
        sizes = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
        rss, pss = (int(re.findall(rf"^{name}: *(\d+) kB", sizes, re.MULTILINE)[0]) for name in ("Rss", "Pss"))
        return cls(rss * 1024 / 1e6, pss * 1024 / 1e6)


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=COUNT)
    number = parser.parse_args(arguments).count
    variables = {"AFTERSALES_LOG_FORMAT": "json"}
    with tempfile.TemporaryDirectory() as folder, service(Path(folder), **variables) as (address, key):
        return asyncio.run(measure(address, key, api_process(Path(folder)), number))


async def measure(address: str, key: str, process: int, number: int) -> int:
    """Print a line before the first request and after each tenth of them; return how many goals are missed."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
        ticket = ask(client, requests("")[0])["number"]
    parts = urlsplit(address)
    connections = [await Connection.opened(parts.hostname or "", parts.port or 80) for _ in range(CONNECTIONS)]
    mixed, seen = mixture(address, ticket, headers), [Memory.of(process)]
    print(f"{'requests':>9}{'RSS':>8}{'PSS':>8}  a second   load")
    print(f"{0:>9,}{seen[0].rss:>8.1f}{seen[0].pss:>8.1f}")
    for step in range(1, STEPS + 1):
        began = time.perf_counter()
        tenth = islice(mixed, number // STEPS)
        await asyncio.gather(*(send(connection, tenth) for connection in connections))
        rate = number // STEPS / (time.perf_counter() - began)
        seen.append(Memory.of(process))
        shown = f"{seen[-1].rss:>8.1f}{seen[-1].pss:>8.1f}{rate:>10.0f}{os.getloadavg()[0]:>7.1f}"
        print(f"{number // STEPS * step:>9,}{shown}", flush=True)
    return report(seen)


def mixture(address: str, ticket: str, headers: dict[str, str]) -> Iterator[bytes]:
    """Yield requests without end, always in the same order, no two with the same reference and retry key."""
    by_name = {
        asked.name: request_bytes(
            asked.method,
            address + asked.path,
            b"" if asked.body is None else json.dumps(asked.body, ensure_ascii=False).encode(),
            headers | dict(asked.headers),
        )
        for asked in (*requests(ticket), _SEARCH)
    }
    twenty = [by_name[name] for place in range(max(MIX.values())) for name in MIX if place < MIX[name]]
    numbers = count(time.time_ns())
    while True:
        for request in twenty:
            yield request.replace(UNIQUE.encode(), str(next(numbers)).encode())


async def send(connection: Connection, requests: Iterator[bytes]) -> None:
    for request in requests:
        assert await connection.ask(request), "refused"


def report(seen: Sequence[Memory]) -> int:
    growth = seen[-1].pss - seen[len(seen) // 2].pss
    print(f"RSS at the end    {seen[-1].rss:.1f} MB; goal {GOAL_MEGABYTES} MB")
    print(f"PSS, last half    {growth:+.1f} MB; goal: none (to {NOISE_MEGABYTES} MB)")
    return (seen[-1].rss > GOAL_MEGABYTES) + (growth > NOISE_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
