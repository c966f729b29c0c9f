"""Reading with a million tickets on file, beside ten thousand: `python -m bench.million [TICKETS]`.

Two databases, each behind the application, are asked in turn, so that what else the machine does falls on both. There
are a thousand tickets for each day back, one in ten still open with its deadline running, and one in four with an
answered survey: what a period of a week counts is as much in both, what a whole year counts is not. Reading is measured
and nothing kept, so PostgreSQL need not sync.
"""

import asyncio
import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import asyncpg
import httpx

from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.services.policy_book import PolicyBook
from app.services.rules.search_tokens import search_tokens
from app.services.upkeep import add_up_satisfaction
from tests.http.service import Service, connect_beside, open_service, take

BASE, TICKETS = 10_000, 1_000_000
ROUNDS, WARMING = 60, 5
GOAL_RATIO = 1.5
PHONE, COMMON, RARE = "13800001234", "餐盘收到时有两个裂了，请尽快处理。", "釉面大片剥落，请尽快处理。"
_DEPARTMENTS = "ARRAY['after_sales', 'quality', 'sales', 'logistics']"
# A row is a copy of one that the service wrote, but for what is named here. Twenty tickets are of one person and text.
# What is sealed can be opened in its own row only, so that the copies are without it.
_FILL_TICKETS = f"""
    INSERT INTO ticket SELECT copy.*
    FROM ticket one, generate_series(1, $1::int) n,
    LATERAL (SELECT one.opened_at - n * interval '86.4 s' AS at, n % 10 = 0 AS open,
                    n <= {BASE} AND n % 500 = 0 AS rare) new,
    LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'number', 'BENCH-' || n, 'external_ref', NULL,
        'customer_sealed', NULL,
        'business_line_id', (SELECT array_agg(id ORDER BY name) FROM business_line)[1 + n % 8],
        'department', ({_DEPARTMENTS})[1 + n / 8 % 4], 'assignee_staff_no', (1000 + n / 32 % 100)::text,
        'phone_hash', CASE WHEN new.rare THEN one.phone_hash ELSE sha256(int4send(n / 5)) END,
        'description', CASE WHEN new.rare THEN '{RARE}' ELSE one.description END,
        'product', jsonb_build_object('name', '餐盘', 'batch', 'B-' || n / 50),
        'status', CASE WHEN new.open THEN one.status ELSE 'closed' END,
        'opened_at', new.at, 'recorded_at', new.at, 'round_started_at', new.at, 'updated_at', new.at,
        'closed_at', CASE WHEN NOT new.open THEN new.at + interval '3 days' END)) copy
    WHERE one.external_ref = 'base'
"""
_FILLED = "(SELECT *, substr(number, 7)::int AS n FROM ticket WHERE number LIKE 'BENCH-%') ticket"
_FILL_COMMITMENTS = f"""
    INSERT INTO ticket_commitment SELECT copy.*
    FROM {_FILLED}, ticket_commitment one, LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'ticket_id', ticket.id, 'business_line_id', ticket.business_line_id,
        'state', CASE WHEN ticket.closed_at IS NULL THEN 'running' ELSE 'met' END,
        'started_at', ticket.opened_at, 'met_at', ticket.closed_at, 'ended_at', ticket.closed_at, 'next_fire_at', NULL,
        'due_at', one.started_at + (random() * 60 - 3) * interval '1 day')) copy
    WHERE one.milestone = 'resolution'
        AND one.ticket_id = (SELECT id FROM ticket WHERE external_ref = 'base')
"""
_FILL_SEARCH = f"""
    INSERT INTO ticket_search (ticket_id, business_line_id, tokens)
    SELECT id, business_line_id, CASE WHEN description = '{RARE}' THEN $1::text[] ELSE $2::text[] END
    FROM {_FILLED}
"""
_FILL_SURVEYS = f"""
    INSERT INTO survey SELECT copy.*
    FROM {_FILLED}, survey one, LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'ticket_id', ticket.id, 'business_line_id', ticket.business_line_id,
        'department', ticket.department, 'staff_no', ticket.assignee_staff_no, 'created_at', ticket.opened_at,
        'invited_at', ticket.opened_at, 'answered_at', ticket.opened_at)) copy
    WHERE ticket.n % 4 = 0
        AND one.ticket_id = (SELECT id FROM ticket WHERE external_ref = 'asked')
"""


@dataclass(frozen=True)
class Asked:
    """A request, and how many items its answer has at least."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None = None
    least: int = 20


QUERIES = {
    "list, all lines": Asked("GET", "/v1/tickets", {"limit": "50"}),
    "list, one line": Asked("GET", "/v1/tickets", {"limit": "50", "business_line": "tableware"}),
    "list, one person's": Asked("GET", "/v1/tickets", {"limit": "50", "assignee_staff_no": "1042"}),
    "search by phone": Asked("POST", "/v1/tickets/search", {}, {"phone": PHONE}),
    "search by batch": Asked("POST", "/v1/tickets/search", {}, {"batch": "B-100"}),
    "search, rare text": Asked("POST", "/v1/tickets/search", {}, {"text": "釉面大片剥落"}),
    "search, common text": Asked("POST", "/v1/tickets/search", {}, {"text": "请尽快处理"}),
    "overdue": Asked("GET", "/v1/sla/overdue", {}),
    "satisfaction, a week": Asked("GET", "/v1/satisfaction", {"from": "2026-11-15", "to": "2026-11-21"}, None, 0),
    "satisfaction, a year": Asked("GET", "/v1/satisfaction", {}, None, 0),
}


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("tickets", nargs="?", type=int, default=TICKETS)
    tickets = parser.parse_args(arguments).tickets
    with database() as few, database() as many:
        return asyncio.run(run(few, many, tickets))


@contextmanager
def database() -> Iterator[str]:
    """Run a PostgreSQL of its own, with the service's tables."""
    unsafe = {"fsync": "off", "synchronous_commit": "off"}
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), settings=unsafe) as server:
        migrate(server.url)
        yield server.url


async def run(few: str, many: str, tickets: int) -> int:
    """Print a line for each query; return how many grow by more than the goal allows."""
    book, missed = PolicyBook.load(), 0
    async with open_service(few, book, sandbox=False) as base, open_service(many, book, sandbox=False) as full:
        clients = [await filled(base, BASE), await filled(full, tickets)]
        print(f"{'p95, milliseconds':<24}{BASE:>11,}{tickets:>11,}  ratio   goal {GOAL_RATIO}")
        for name, asked in QUERIES.items():
            low, high = await p95s(clients, asked)
            missed += high > low * GOAL_RATIO
            print(f"{name:<24}{low:>11.1f}{high:>11.1f}{high / low:>7.2f}", flush=True)
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    return missed


async def filled(service: Service, tickets: int) -> httpx.AsyncClient:
    """Put that many tickets on file; return a client."""
    began, client = perf_counter(), await service.client()
    await take_originals(client)
    connection = await connect_beside(service.url)
    try:
        await fill(connection, tickets)
        while await add_up_satisfaction(service.db):  # as a worker does all the time
            pass
        await connection.execute("VACUUM ANALYZE", timeout=3600)  # what autovacuum has done by the time it is so many
    finally:
        await connection.close()
    print(f"{tickets:,} tickets put on file in {perf_counter() - began:.0f} s", flush=True)
    return client


async def take_originals(client: httpx.AsyncClient) -> None:
    """Take the ticket and the survey that all the others are copies of."""
    await take(client, external_ref="base", description=COMMON, customer={"name": "王芳", "phone": PHONE})
    ticket = (await take(client, external_ref="asked", customer={"phone": "13900001234"}))["number"]
    for move in ("resolve", "close"):
        (await client.post(f"/v1/tickets/{ticket}/{move}", json={})).raise_for_status()
    [survey] = (await client.get("/v1/surveys", params={"ticket": ticket})).json()["items"]
    answers = {"scores": {"overall": 5, "attitude": 5}, "nps": 9}
    (await client.post(f"/v1/surveys/{survey['id']}/answers", json=answers)).raise_for_status()


async def fill(connection: asyncpg.Connection, tickets: int) -> None:
    write = partial(connection.execute, timeout=3600)
    await write(_FILL_TICKETS, tickets)
    await write(_FILL_COMMITMENTS)
    await write(_FILL_SEARCH, list(search_tokens(RARE)), list(search_tokens(COMMON)))
    await write(_FILL_SURVEYS)


async def p95s(clients: Sequence[httpx.AsyncClient], asked: Asked) -> list[float]:
    """Return for each client milliseconds of the slowest but 5 % of many answers, after a few that do not count."""
    taken: list[list[float]] = [[] for _ in clients]
    for _ in range(WARMING + ROUNDS):
        for client, times in zip(clients, taken, strict=True):
            began = perf_counter()
            answer = await client.request(asked.method, asked.path, params=asked.query, json=asked.body)
            times.append((perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text
            assert len(answer.json().get("items", [])) >= asked.least, answer.text
    return [quantiles(times[WARMING:], n=20)[-1] for times in taken]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
