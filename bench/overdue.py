"""What is late, among a million running commitments: `GET /v1/sla/overdue` through the application, and its plan."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import httpx

from app.core.db import Database
from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.services.policy_book import PolicyBook
from tests.http.explain import explained
from tests.http.filling import fill
from tests.http.service import open_service

TICKETS, EACH = 200_000, 5
ROUNDS = 200
GOAL_MILLISECONDS = 20
EVERYTHING = {"within_seconds": "31622400"}
QUERIES = {
    "late, all lines": {},
    "late, one line": {"business_line": "tableware"},
    "soon due, all lines": EVERYTHING,
    "a page of 200": {"limit": "200"},
    "one department of four": {"department": "quality"},
    "one person of a hundred": {"assignee_staff_no": "1042"},
}


async def measure(client: httpx.AsyncClient, query: dict[str, str]) -> list[float]:
    """Return milliseconds for each of many answers, after a few that do not count."""
    taken = []
    for number in range(ROUNDS + 10):
        began = perf_counter()
        answer = await client.get("/v1/sla/overdue", params=query)
        assert answer.status_code == 200, answer.text
        if number >= 10:
            taken.append((perf_counter() - began) * 1000)
    return taken


async def run(url: str) -> None:
    async with open_service(url, PolicyBook.load(), sandbox=False) as service:
        client = await service.client()
        began = perf_counter()
        await fill(url, client, tickets=TICKETS, each=EACH)
        print(f"{TICKETS * EACH:,} running commitments of {TICKETS:,} tickets in {perf_counter() - began:.0f} s")
        print(f"{'milliseconds':<26}{'p50':>8}{'p95':>8}")
        for name, query in QUERIES.items():
            taken = await measure(client, query)
            print(f"{name:<26}{median(taken):>8.1f}{quantiles(taken, n=20)[-1]:>8.1f}")
        print(f"goal: p95 under {GOAL_MILLISECONDS} ms")
        await show_plan(client, service.db)


async def show_plan(client: httpx.AsyncClient, db: Database) -> None:
    print("\n".join(await explained(db, lambda: client.get("/v1/sla/overdue"), "ticket_commitment", analyse=True)))


def main() -> None:
    unsafe = {"fsync": "off", "synchronous_commit": "off"}  # reading is measured, and nothing is to be kept
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), settings=unsafe) as server:
        migrate(server.url)
        asyncio.run(run(server.url))


if __name__ == "__main__":
    main()
