"""Due timers, several workers, some of them killed or with a wrong clock: every threshold fires once, in order.

`DUE_TIMERS` says how many are due while workers are killed; 10,000 is what a release should try.
"""

import asyncio
import os
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.builders import a_ticket
from tests.reliability.harness import Measured, Service, until
from tests.reliability.workers import FAKETIME, Workers, fooled_worker

WORKERS = 4
# Workers fire thousands a second: a kill has to come often to come in the midst of it.
KILLED_EVERY_SECONDS, MOST_KILLS = 0.5, 40
THRESHOLDS = 6  # 50, 80 and 100 %, and three levels of escalation
TICKETS = -(-int(os.environ.get("DUE_TIMERS", "1800")) // (2 * THRESHOLDS))
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


async def all_fired(service: Service, tickets: list[str]) -> bool:
    return sum(map(len, (await fired(service, tickets)).values())) >= len(tickets) * 2 * THRESHOLDS


async def take(service: Service, number: int, opened: timedelta) -> list[str]:
    """Take tickets opened so long ago, a few at a time; return their ids."""
    opened_at, gate = (datetime.now(UTC) - opened).isoformat(), asyncio.Semaphore(8)

    async def one() -> str:
        async with gate:
            answer = await service.clients[0].post("/v1/tickets", json=a_ticket(opened_at=opened_at))
            assert answer.status_code == 201, answer.text
            ticket: str = answer.json()["id"]
            return ticket

    return list(await asyncio.gather(*(one() for _ in range(number))))


@pytest.mark.timeout(120 + EFFECTS / 50)
async def test_R7_each_threshold_fires_once_and_in_order_while_workers_are_killed(
    service: Service, measured: Measured
) -> None:
    tickets = await take(service, TICKETS, timedelta(days=10))
    workers = await asyncio.to_thread(Workers, service.postgres.url, WORKERS)
    began, kills = time.monotonic(), 0
    try:
        while not (done := await all_fired(service, tickets)) and kills < MOST_KILLS:
            await asyncio.sleep(KILLED_EVERY_SECONDS)
            await asyncio.to_thread(workers.kill_one, kills)
            kills += 1
        if not done:
            await until(lambda: all_fired(service, tickets), "all have fired", seconds=60)
        measured("timers", EFFECTS)
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


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
async def test_R8_a_worker_whose_clock_is_days_off_fires_nothing_early_and_nothing_twice(service: Service) -> None:
    due, not_yet = await take(service, 10, timedelta(days=10)), await take(service, 10, timedelta(0))
    body, headers = a_ticket(), {"Idempotency-Key": "kept-for-three-days"}
    client, url = service.clients[0], service.postgres.url
    first = await client.post("/v1/tickets", json=body, headers=headers)
    with fooled_worker(url, "+3d"), fooled_worker(url, "-2h"):
        await until(lambda: all_fired(service, due), "what is due has fired", seconds=30)
        await asyncio.sleep(2.0)  # whatever might fire early or twice has the time to
        assert (await client.get("/readyz")).status_code == 200
    assert sum(map(len, (await fired(service, due)).values())) == len(due) * 2 * THRESHOLDS
    assert await fired(service, not_yet) == {}
    again = await client.post("/v1/tickets", json=body, headers=headers)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
