"""Due timers, several workers, and some of them killed: every threshold fires once, in order on its ticket."""

import asyncio
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.builders import a_ticket
from tests.reliability.harness import Measured, Service
from tests.reliability.workers import Workers

WORKERS = 4
KILLED_EVERY_SECONDS, MOST_KILLS = 2.0, 30
TICKETS = 150
THRESHOLDS = 6  # 50, 80 and 100 %, and three levels of escalation
EFFECTS = TICKETS * 2 * THRESHOLDS


async def fired(service: Service, tickets: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The timer events of these tickets, in the order of their sequence."""
    async with service.database() as connection:
        rows = await connection.fetch(
            "SELECT subject, sequence, data ->> 'commitment_id' AS commitment, (data ->> 'percent')::int AS percent "
            "FROM event WHERE type LIKE 'sla.%' AND subject = ANY($1) ORDER BY sequence",
            [f"tickets/{ticket}" for ticket in tickets],
        )
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        events[row["subject"]].append(dict(row))
    return events


async def test_each_threshold_fires_once_and_in_order_while_workers_are_killed(
    service: Service, measured: Measured
) -> None:
    opened_at = (datetime.now(UTC) - timedelta(days=10)).isoformat()
    client = service.clients[0]

    async def take(number: int) -> str:
        body = a_ticket(external_ref=f"timer-{number}", opened_at=opened_at)
        answer = await client.post("/v1/tickets", json=body)
        assert answer.status_code == 201, answer.text
        ticket: str = answer.json()["id"]
        return ticket

    gate = asyncio.Semaphore(8)

    async def one_by_one(number: int) -> str:
        async with gate:
            return await take(number)

    tickets = list(await asyncio.gather(*map(one_by_one, range(TICKETS))))
    workers = await asyncio.to_thread(Workers, service.postgres.url, WORKERS)
    began, kills = time.monotonic(), 0
    try:
        while sum(map(len, (await fired(service, tickets)).values())) < EFFECTS and kills < MOST_KILLS:
            await asyncio.sleep(KILLED_EVERY_SECONDS)
            await asyncio.to_thread(workers.kill_one, kills)
            kills += 1
        measured("seconds with kills", round(time.monotonic() - began, 1))
        measured("workers killed", kills)
        await asyncio.sleep(2.0)  # whatever might fire twice has the time to
        events = await fired(service, tickets)
    finally:
        await asyncio.to_thread(workers.kill_all)
    assert kills > 0
    assert sum(map(len, events.values())) == EFFECTS
    for course in events.values():
        by_commitment: dict[str, list[int]] = defaultdict(list)
        for event in course:
            by_commitment[event["commitment"]].append(event["percent"])
        assert list(by_commitment.values()) == [[50, 80, 100, 100, 150, 200]] * 2
        assert len({event["sequence"] for event in course}) == 2 * THRESHOLDS
