"""Reading with a million tickets on file, beside ten thousand: `python -m bench.million [TICKETS]`.

Through the application, one request after another. There are a thousand tickets for each day back, one in ten still
open with its deadline running, and one in four with an answered survey: what a period of a week counts is as much
in both, what a whole year counts is not. Reading is measured and nothing kept, so PostgreSQL need not sync.
"""

import asyncio
import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
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
from tests.http.service import connect_beside, open_service, take

BASE, TICKETS = 10_000, 1_000_000
ROUNDS, WARMING = 100, 10
GOAL_RATIO = 1.5
PHONE, COMMON, RARE = "13800001234", "餐盘收到时有两个裂了，请尽快处理。", "釉面大片剥落，请尽快处理。"
_DEPARTMENTS = "ARRAY['after_sales', 'quality', 'sales', 'logistics']"
# A row is a copy of one that the service wrote, but for what is named here. Twenty tickets are of one person and text.
_FILL_TICKETS = f"""
    INSERT INTO ticket SELECT copy.*
    FROM ticket one, generate_series($1::int, $2::int) n,
    LATERAL (SELECT one.opened_at - n * interval '86.4 s' AS at, n % 10 = 0 AS open,
                    n <= {BASE} AND n % 500 = 0 AS rare) new,
    LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'number', 'BENCH-' || n, 'external_ref', NULL,
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
    WHERE ticket.n BETWEEN $1 AND $2 AND one.milestone = 'resolution'
        AND one.ticket_id = (SELECT id FROM ticket WHERE external_ref = 'base')
"""
_FILL_SEARCH = f"""
    INSERT INTO ticket_search (ticket_id, business_line_id, tokens)
    SELECT id, business_line_id, CASE WHEN description = '{RARE}' THEN $3::text[] ELSE $4::text[] END
    FROM {_FILLED} WHERE n BETWEEN $1 AND $2
"""
_FILL_SURVEYS = f"""
    INSERT INTO survey SELECT copy.*
    FROM {_FILLED}, survey one, LATERAL jsonb_populate_record(one, jsonb_build_object(
        'id', gen_random_uuid(), 'ticket_id', ticket.id, 'business_line_id', ticket.business_line_id,
        'department', ticket.department, 'staff_no', ticket.assignee_staff_no, 'created_at', ticket.opened_at,
        'invited_at', ticket.opened_at, 'answered_at', ticket.opened_at)) copy
    WHERE ticket.n BETWEEN $1 AND $2 AND ticket.n % 4 = 0
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
    "list": Asked("GET", "/v1/tickets", {"limit": "50"}),
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
    unsafe = {"fsync": "off", "synchronous_commit": "off"}
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), settings=unsafe) as server:
        migrate(server.url)
        return asyncio.run(run(server.url, tickets))


async def run(url: str, tickets: int) -> int:
    """Print a line for each query; return how many grow by more than the goal allows."""
    async with open_service(url, PolicyBook.load(), sandbox=False) as service:
        client = await service.client()
        await take_originals(client)
        few = await filled(client, url, 1, BASE)
        many = await filled(client, url, BASE + 1, tickets)
    print(f"{'p95, milliseconds':<24}{BASE:>11,}{tickets:>11,}  ratio   goal {GOAL_RATIO}")
    for name in QUERIES:
        print(f"{name:<24}{few[name]:>11.1f}{many[name]:>11.1f}{many[name] / few[name]:>7.2f}")
    return sum(many[name] > few[name] * GOAL_RATIO for name in QUERIES)


async def take_originals(client: httpx.AsyncClient) -> None:
    """Take the ticket and the survey that all the others are copies of."""
    await take(client, external_ref="base", description=COMMON, customer={"name": "王芳", "phone": PHONE})
    ticket = (await take(client, external_ref="asked", customer={"phone": "13900001234"}))["number"]
    for move in ("resolve", "close"):
        (await client.post(f"/v1/tickets/{ticket}/{move}", json={})).raise_for_status()
    [survey] = (await client.get("/v1/surveys", params={"ticket": ticket})).json()["items"]
    answers = {"scores": {"overall": 5, "attitude": 5}, "nps": 9}
    (await client.post(f"/v1/surveys/{survey['id']}/answers", json=answers)).raise_for_status()


async def filled(client: httpx.AsyncClient, url: str, first: int, last: int) -> dict[str, float]:
    """Write the tickets from number `first` to `last`, and return p95 of each query with all there are then."""
    began, connection = perf_counter(), await connect_beside(url)
    try:
        await fill(connection, first, last)
    finally:
        await connection.close()
    print(f"{last:,} tickets on file; filled in {perf_counter() - began:.0f} s", flush=True)
    found = {name: await p95(client, asked) for name, asked in QUERIES.items()}
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
    return found


async def fill(connection: asyncpg.Connection, first: int, last: int) -> None:
    write = partial(connection.execute, timeout=3600)
    await write(_FILL_TICKETS, first, last)
    await write(_FILL_COMMITMENTS, first, last)
    await write(_FILL_SEARCH, first, last, list(search_tokens(RARE)), list(search_tokens(COMMON)))
    await write(_FILL_SURVEYS, first, last)
    await write("VACUUM ANALYZE")


async def p95(client: httpx.AsyncClient, asked: Asked) -> float:
    """Return milliseconds of the slowest but 5 % of many answers, after a few that do not count."""
    taken = []
    for _ in range(WARMING + ROUNDS):
        began = perf_counter()
        answer = await client.request(asked.method, asked.path, params=asked.query, json=asked.body)
        taken.append((perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
        assert len(answer.json().get("items", [])) >= asked.least, answer.text
    return quantiles(taken[WARMING:], n=20)[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
