"""Timers after an outage: three days of warnings, breaches and escalations, fired by one worker once it is back.

And the same number on a test clock that is advanced by a month.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from app.core.clock import system_clock
from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.services import upkeep
from app.services.policy_book import PolicyBook
from tests.builders import a_ticket
from tests.http.service import Service, open_service

EACH = 12  # an urgent complaint: two deadlines, six thresholds each
TICKETS = 10_000 // EACH + 1
OUTAGE = timedelta(hours=72)
GOAL_SECONDS, ADVANCE_GOAL_SECONDS = 60, 30

_IN_ORDER = """
    SELECT count(*) AS fired, min(late) AS least_late, max(late) AS latest,
           count(*) FILTER (WHERE due < before) AS out_of_order
    FROM (SELECT (data ->> 'late_by_seconds')::int AS late,
                 occurred_at - (data ->> 'late_by_seconds')::int * interval '1 second' AS due,
                 lag(occurred_at - (data ->> 'late_by_seconds')::int * interval '1 second') OVER course AS before
          FROM event WHERE type LIKE 'sla.%' AND subject = ANY($1)
          WINDOW course AS (PARTITION BY subject ORDER BY sequence)) AS told
"""


async def take(service: Service, bodies: Sequence[dict[str, Any]]) -> list[str]:
    """Post tickets, eight at a time; return their subjects in the feed."""
    client, gate = await service.client(), asyncio.Semaphore(8)

    async def one(body: dict[str, Any]) -> str:
        async with gate:
            answer = await client.post("/v1/tickets", json=body)
            assert answer.status_code == 201, answer.text
            return f"tickets/{answer.json()['id']}"

    return list(await asyncio.gather(*map(one, bodies)))


async def after_an_outage(service: Service) -> None:
    began = system_clock() - OUTAGE
    hour = [began - timedelta(hours=1) * number / TICKETS for number in range(TICKETS)]
    subjects = await take(service, [a_ticket(urgency="emergency", opened_at=at.isoformat()) for at in hour])
    known, batches = await service.app.state.kit.directory.known(), list[float]()
    started, fired = perf_counter(), 0
    while done := await upkeep.fire(service.db, known):
        fired += done
        batches.append(perf_counter() - started - sum(batches))
    seconds = perf_counter() - started
    [seen] = await service.sql(_IN_ORDER, subjects)
    assert (seen["fired"], seen["out_of_order"]) == (fired, 0), seen
    print(f"{fired:,} timers of {TICKETS:,} tickets fired in {seconds:.1f} s by one worker ({fired / seconds:,.0f}/s)")
    print(f"longest transaction {max(batches):.2f} s; in due order on every ticket,")
    print(f"from {seen['least_late'] / 3600:.1f} to {seen['latest'] / 3600:.1f} hours late; goal {GOAL_SECONDS} s")


async def on_a_test_clock(service: Service) -> None:
    client = await service.client()
    made = await client.post("/v1/test-clocks", json={"business_line": "tableware", "now": "2026-03-02T04:00:00Z"})
    clock = made.json()["id"]
    await take(service, [a_ticket(urgency="emergency", test_clock=clock)] * TICKETS)
    known, started = await service.app.state.kit.directory.known(), perf_counter()
    advanced = (await client.post(f"/v1/test-clocks/{clock}/advance", json={"by_seconds": 30 * 86_400})).json()
    answered, rest = perf_counter() - started, 0
    while done := await upkeep.finish_test_clocks(service.db, known):
        rest += done
    seconds = perf_counter() - started
    print(f"advanced by 30 days: {advanced['fired']:,} fired before the answer, in {answered:.1f} s,")
    print(f"{rest:,} more by a worker, all in {seconds:.1f} s; goal {ADVANCE_GOAL_SECONDS} s")


async def run(url: str) -> None:
    async with open_service(url, PolicyBook.load()) as service:
        service.clock.now = system_clock()
        await after_an_outage(service)
        await on_a_test_clock(service)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        asyncio.run(run(server.url))


if __name__ == "__main__":
    main()
