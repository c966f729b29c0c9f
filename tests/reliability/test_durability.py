"""What was acknowledged is kept, whatever is killed; a process told to stop finishes what it began.

`CHAOS_SECONDS` lengthens the kills.
"""

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from tests.builders import a_ticket
from tests.reliability.harness import Measured, Outcome, Service, attempt, deliver, until, waiting
from tests.reliability.invariants import broken, stored

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))
ROUNDS = 5  # at least, of an API process and of PostgreSQL each
CALLERS = 6
BETWEEN_KILLS_SECONDS = 0.5
RECOVERY_SECONDS = 10.0


@dataclass
class Load:
    """Callers who post tickets of their own, one after another, each until it is taken or given up."""

    service: Service
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    over: bool = False

    async def run(self) -> None:
        await asyncio.gather(*(self._post(caller) for caller in range(CALLERS)))

    async def _post(self, caller: int) -> None:
        clients = self.service.clients if caller % 2 else self.service.clients[::-1]
        number = 0
        while not self.over:
            number += 1
            what = f"durable {caller}-{number:06}"
            self.sent.add(what)
            told = await deliver(clients, "/v1/tickets", *_sent(what, number), seen=self._see)
            if told is not None and told.status_code in (200, 201):
                self.acknowledged.add(what)

    def _see(self, outcome: Outcome) -> None:
        self.outcomes[str(outcome.status_code) if isinstance(outcome, httpx.Response) else "no answer"] += 1


def _sent(what: str, number: int) -> tuple[dict[str, object], dict[str, str]]:
    """A third each are known by their reference, by their retry key, by both."""
    reference = {"external_ref": what} if number % 3 else {}
    key = {"Idempotency-Key": what.replace(" ", "-")} if number % 3 != 1 else {}
    return a_ticket(description=what, **reference), key


@pytest.mark.timeout(SECONDS + 120)
async def test_R1_acknowledged_tickets_survive_the_killing_of_api_processes_and_of_postgresql(
    service: Service, measured: Measured
) -> None:
    load = Load(service)
    running = asyncio.create_task(load.run())
    recoveries, kills = [], 0
    until_at = time.monotonic() + SECONDS
    while kills < ROUNDS or time.monotonic() < until_at:
        recoveries.append(await _kill_both(service, kills % len(service.apis)))
        kills += 1
    load.over = True
    await running
    measured("kills of an API process, and of PostgreSQL", kills)
    measured("seconds until usable", [round(seconds, 2) for seconds in recoveries])
    measured("posts", {"acknowledged": len(load.acknowledged), **load.outcomes})
    assert set(load.outcomes) <= {"200", "201", "409", "503", "no answer"}
    async with service.database() as connection:
        kept = await stored(connection, "durable ")
        assert load.acknowledged <= set(kept) <= load.sent
        assert set(kept.values()) == {1}
        assert not await broken(connection)
    assert "request failed" not in service.logged()


async def _kill_both(service: Service, number: int) -> float:
    """Kill one API process, then PostgreSQL; start both again.

    Return how many seconds after PostgreSQL took connections the processes that lived through it could write.
    """
    killed = service.apis[number]
    lived = {api: api.process for api in service.apis if api is not killed}
    await asyncio.sleep(BETWEEN_KILLS_SECONDS)
    killed.kill()
    await asyncio.sleep(BETWEEN_KILLS_SECONDS)
    await asyncio.to_thread(service.postgres.kill)
    killed.start()
    await asyncio.to_thread(service.postgres.start)
    others = [client for client in service.clients if client is not service.clients[number]]
    seconds = await service.settled(others, seconds=RECOVERY_SECONDS)
    await asyncio.to_thread(killed.await_healthy)
    assert all(api.alive and api.process is process for api, process in lived.items())
    return seconds


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_R2_the_embedded_server_acknowledges_what_is_on_disk(service: Service, name: str) -> None:
    async with service.database() as connection:
        assert await connection.fetchval(f"SHOW {name}") == "on"


async def test_a_process_told_to_stop_finishes_the_request_it_is_at(service: Service) -> None:
    ticket = (await service.clients[0].post("/v1/tickets", json=a_ticket())).json()["number"]
    stopping, staying = service.apis
    async with service.database() as holder, service.database() as watcher, service.client(stopping.url) as client:
        async with holder.transaction():
            await holder.execute("SELECT FROM ticket WHERE number = $1 FOR UPDATE", ticket)
            under_way = asyncio.create_task(client.post(f"/v1/tickets/{ticket}/acknowledge", json={}))
            await until(lambda: waiting(watcher), "the request waits")
            stopping.terminate()
            await until(lambda: _refuses(service, stopping.url), "it takes no new connections")
            assert stopping.alive
            assert (await service.clients[1].get(f"/v1/tickets/{ticket}")).json()["status"] == "recorded"
        answer = await under_way
    assert (answer.status_code, answer.json()["status"]) == (200, "acknowledged")
    assert await asyncio.to_thread(stopping.wait, seconds=10) in (0, -15)  # uvicorn ends by the signal it was sent
    assert staying.alive


async def _refuses(service: Service, url: str) -> bool:
    async with service.client(url) as client:
        outcome = await attempt(client, "/v1/tickets", a_ticket())
    return isinstance(outcome, httpx.ConnectError)
