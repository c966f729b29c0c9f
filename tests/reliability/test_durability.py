"""What is acknowledged is on disk; a process told to stop finishes what it began. For kills see `test_chaos.py`."""

import asyncio

import httpx
import pytest

from tests.builders import a_ticket
from tests.reliability.harness import Service, attempt, until, waiting


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
async def test_R2_the_embedded_server_acknowledges_what_is_on_disk(service: Service, name: str) -> None:
    async with service.database() as connection:
        assert await connection.fetchval(f"SHOW {name}") == "on"


async def test_R40_a_process_told_to_stop_finishes_the_request_it_is_at(service: Service) -> None:
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
