"""Latency where requests arrive at a fixed rate: `python -m bench.arrivals [NAME …]`.

The service with two API processes and its worker, and the floor (`bench/floor/`: a bare chained statement, a bare
endpoint) in one process, side by side on one PostgreSQL, in turn. An answer's time counts from when it was due.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from statistics import median

import httpx

from app.core.crypto import KeyRing
from app.core.postgres import EmbeddedPostgres
from bench._arrivals import Latency, arrive
from bench._load import request_bytes
from bench._servers import floor, service
from bench.speed import Asked, ask, requests

WORKERS, ROUNDS, SECONDS, WARMING_SECONDS = 2, 5, 10.0, 3.0
RATES = {"create": 150, "eligibility": 500}  # a second
GOALS = {"create": 25.0, "eligibility": 8.0}  # p99, milliseconds


def main(names: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as postgres:
        url = postgres.url.replace("postgresql+asyncpg", "postgresql")
        variables = {
            "DATABASE_URL": url, "AFTERSALES_SECRET_KEYS": KeyRing.new_entry("bench"),
            "AFTERSALES_ENVIRONMENT": "development", "AFTERSALES_LOG_FORMAT": "json",
        }  # fmt: skip
        with service(Path(folder), WORKERS, **variables) as (address, key):
            return compare(address, {"authorization": f"Bearer {key}"}, url, names or list(RATES))


def compare(address: str, headers: dict[str, str], url: str, names: Sequence[str]) -> int:
    """Print two lines for each request; return how many miss their goal."""
    with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
        first = ask(client, requests("")[0])  # the floor writes copies of its rows
        wanted = [asked for asked in requests(first["number"]) if asked.name in names and asked.name in RATES]
        answers = {asked.path: ask(client, asked) for asked in wanted if asked.name == "eligibility"}
    print(f"{'milliseconds':<22}{'rate':>6}{'p50':>8}{'p95':>8}{'p99':>8}{'goal':>6}  refused   load  each p99")
    missed = 0
    with floor(answers, DATABASE_URL=url) as other:
        for asked in wanted:
            for base in (address, other):
                send(asked, base, headers, WARMING_SECONDS)
            rounds = [[send(asked, base, headers, SECONDS) for base in (address, other)] for _ in range(ROUNDS)]
            ours, bare = zip(*rounds, strict=True)
            missed += not report(asked.name, asked.name, ours)
            report(asked.name, f"{asked.name}, floor", bare)
    return missed


def send(asked: Asked, base: str, headers: dict[str, str], seconds: float) -> Latency:
    body = b"" if asked.body is None else json.dumps(asked.body, ensure_ascii=False).encode()
    request = request_bytes(asked.method, base + asked.path, body, headers | dict(asked.headers))
    return arrive(base, request, rate=RATES[asked.name], seconds=seconds)


def report(name: str, title: str, rounds: Sequence[Latency]) -> bool:
    """Print the medians of the rounds; tell whether all requests were served, and p99 reaches the goal."""
    p50, p95, p99, refused, busy = (median(figures) for figures in zip(*map(astuple, rounds), strict=True))
    each = " ".join(f"{round_.p99:.1f}" for round_ in rounds)
    shown = f"{RATES[name]:>4}/s{p50:>8.1f}{p95:>8.1f}{p99:>8.1f}{GOALS[name]:>6.0f}{refused:>7.1f} %{busy:>7.1f}"
    print(f"{title:<22}{shown}  {each}", flush=True)
    return p99 <= GOALS[name] and not refused


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
