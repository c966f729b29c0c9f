"""Every revision taken back, done and taken back again on 100,000 tickets, while tickets are read and written.

Who waits for a lock, and how long, is looked up every 20 ms; what both schemas hold is compared row by row.
"""

import asyncio
import os
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import asyncpg

from app.core.postgres import EmbeddedPostgres
from app.core.row_security import ALL_LINES
from app.core.schema import migrate
from app.services.policy_book import PolicyBook
from tests.http.filling import copy_ticket
from tests.http.samples import make_samples
from tests.http.service import open_service, take
from tests.reliability.migrating import content_of, down_up_down, revisions

TICKETS = int(os.environ.get("TICKETS", "100000"))
CLIENTS, REST_SECONDS, LOOK_SECONDS = 4, 0.08, 0.02
GOAL_MILLISECONDS = 500

_LOOK = """
    SELECT extract(epoch FROM clock_timestamp() - waitstart)::float * 1000 AS waited, relation::regclass::text AS place
    FROM pg_locks WHERE NOT granted AND waitstart IS NOT NULL
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = 'traffic')
"""
# What any revision's service does to the tables that are large; nothing changes, so that contents can be compared.
_STATEMENTS = (
    "SELECT number, status FROM ticket WHERE id = $1",
    "UPDATE ticket SET updated_at = updated_at WHERE id = $1",
    "SELECT due_at FROM ticket_commitment WHERE ticket_id = $1",
    "UPDATE ticket_commitment SET due_at = due_at WHERE ticket_id = $1",
    "UPDATE ticket_assignment SET since = since WHERE ticket_id = $1",
    "UPDATE timeline_entry SET kind = kind WHERE ticket_id = $1",
    "UPDATE event SET type = type WHERE subject = 'tickets/tkt_' || replace($1::uuid::text, '-', '')",
)


@dataclass
class Seen:
    """What has been seen since the last revision: the longest wait and answer in milliseconds."""

    waited: float = 0.0
    place: str = "-"
    answered: float = 0.0
    faults: list[str] = field(default_factory=list)
    statements: int = 0

    def reset(self) -> None:
        self.waited, self.place, self.answered = 0.0, "-", 0.0


async def connect(url: str, name: str) -> asyncpg.Connection:
    settings = {"app.lines": ALL_LINES, "application_name": name}
    url = url.replace("postgresql+asyncpg", "postgresql")
    return await asyncpg.connect(url, server_settings=settings, statement_cache_size=0)


async def ask(url: str, tickets: list[object], seen: Seen) -> None:
    connection = await connect(url, "traffic")
    while True:
        began = perf_counter()
        try:
            await connection.execute(random.choice(_STATEMENTS), random.choice(tickets))
        except asyncpg.UndefinedTableError:  # it is of a later revision
            continue
        except asyncpg.PostgresError as error:
            seen.faults.append(str(error))
        seen.statements += 1
        seen.answered = max(seen.answered, (perf_counter() - began) * 1000)
        await asyncio.sleep(REST_SECONDS)


async def look(url: str, seen: Seen) -> None:
    connection = await connect(url, "look")
    while True:
        for row in await connection.fetch(_LOOK):
            if row["waited"] > seen.waited:
                seen.waited, seen.place = row["waited"], row["place"] or "a row"
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def at_work(url: str) -> AsyncIterator[Seen]:
    """Have clients and the look-out at work during the block."""
    connection, seen = await connect(url, "look"), Seen()
    tickets = [row["id"] for row in await connection.fetch("SELECT id FROM ticket")]
    await connection.close()
    tasks = [asyncio.create_task(ask(url, tickets, seen)) for _ in range(CLIENTS)]
    tasks.append(asyncio.create_task(look(url, seen)))
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                seen.faults.append(repr(result))


async def run(url: str) -> None:
    async with open_service(url, PolicyBook.load()) as service:
        client = await service.client()
        await make_samples(service, client)
        ticket = await take(client)
    await copy_ticket(url, ticket, copies=TICKETS)
    content, longest = await content_of(url), 0.0
    print(f"{sum(content.rows.values()):,} rows in {len(content.rows)} tables")
    print(f"{'revision':<12}{'longest wait':>14}{'answer':>10}   milliseconds, on")
    async with at_work(url) as seen:
        for revision in revisions():
            seen.reset()
            content = await down_up_down(url, revision, content)
            print(f"{revision:<12}{seen.waited:>14.0f}{seen.answered:>10.0f}   {seen.place}", flush=True)
            longest = max(longest, seen.waited)
        seen.reset()
        await asyncio.to_thread(migrate, url)
        print(f"{'all up':<12}{seen.waited:>14.0f}{seen.answered:>10.0f}   {seen.place}")
    assert content.lost_in(await content_of(url)) == []
    print(f"longest wait {max(longest, seen.waited):.0f} ms, goal {GOAL_MILLISECONDS}; ", end="")
    print(f"{len(seen.faults)} of {seen.statements} statements failed", *seen.faults[:3], sep="\n")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        asyncio.run(run(server.url))


if __name__ == "__main__":
    main()
