"""Processes on one socket are told to stop and started again, one after the other: no caller notices (R40)."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx
import pytest

from tests.builders import a_ticket
from tests.reliability.harness import PROCESSES, Measured, Service, environment_of, until, waiting
from tests.reliability.processes import serve_at

PROCESSES_AT_ONCE, RESTARTS, CALLERS = 2, 10, 8
_PATIENT = {"lock_timeout_seconds": "20", "statement_timeout_seconds": "30"}
_PAUSE_SECONDS = 0.1  # between the requests of a caller, whose connection is kept


@dataclass
class Group:
    """API processes that accept from the same socket."""

    listener: socket.socket
    environment: dict[str, str]
    log: Path
    processes: list[ForkServerProcess] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def start(self) -> None:
        process = PROCESSES.Process(target=serve_at, args=(self.listener, self.environment, self.log))
        process.start()
        self.processes.append(process)

    def stop_first(self) -> int | None:
        """Tell the oldest to stop, and return its exit status."""
        process = self.processes.pop(0)
        process.terminate()
        process.join(60)
        return process.exitcode


@pytest.fixture
async def group(service: Service, tmp_path: Path) -> AsyncIterator[Group]:
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        found = Group(listener, environment_of(service.postgres.url, **_PATIENT), tmp_path / "api.log")
        for _ in range(PROCESSES_AT_ONCE):
            found.start()
        yield found
        for process in found.processes:
            process.kill()
            process.join()


@dataclass
class Caller:
    """Takes tickets and looks at them over one kept connection; whatever fails is counted, nothing is repeated."""

    client: httpx.AsyncClient
    seen: Counter[str]
    over: asyncio.Event

    async def run(self) -> None:
        while not self.over.is_set():
            for request in (self.client.build_request("POST", "/v1/tickets", json=a_ticket()),
                            self.client.build_request("GET", "/v1/tickets?limit=1")):  # fmt: skip
                try:
                    answer = await self.client.send(request)
                except httpx.TransportError as error:
                    self.seen[type(error).__name__] += 1
                else:
                    self.seen[str(answer.status_code)] += 1
                await asyncio.sleep(_PAUSE_SECONDS)


@pytest.mark.timeout(300)
async def test_R40_rolling_restarts_under_load_fail_no_request(
    service: Service, group: Group, measured: Measured
) -> None:
    seen, over = Counter[str](), asyncio.Event()
    clients = [service.client(group.url) for _ in range(CALLERS)]
    await clients[0].get("/healthz")
    callers = [asyncio.create_task(Caller(client, seen, over).run()) for client in clients]
    for _ in range(RESTARTS):
        served = seen.total()
        group.start()
        await until(lambda: seen.total() > served + CALLERS, "requests are served", seconds=60)  # noqa: B023
        assert await asyncio.to_thread(group.stop_first) in (0, -15)  # uvicorn ends by the signal it was sent
    over.set()
    await asyncio.gather(*callers)
    for client in clients:
        await client.aclose()
    measured("answers", dict(seen))
    assert set(seen) == {"200", "201"}
    assert "request failed" not in group.log.read_text()


async def test_R40_a_process_that_is_to_stop_says_so_and_finishes_what_it_is_at(service: Service, group: Group) -> None:
    await asyncio.to_thread(_leave_one, group)
    ticket = (await service.clients[0].post("/v1/tickets", json=a_ticket())).json()["number"]
    async with AsyncExitStack() as stack:
        busy, beating, asking = [await stack.enter_async_context(service.client(group.url)) for _ in range(3)]
        holder, watcher = [await stack.enter_async_context(service.database()) for _ in range(2)]
        assert (await asking.get("/readyz")).json()["checks"]["database"] == "ok"
        assert not await _told_to_end(beating)  # connects while somebody still takes connections
        async with holder.transaction():
            await holder.execute("SELECT FROM ticket WHERE number = $1 FOR UPDATE", ticket)
            under_way = asyncio.create_task(busy.post(f"/v1/tickets/{ticket}/acknowledge", json={}))
            await until(lambda: waiting(watcher), "the request waits")
            (process,) = group.processes
            process.terminate()
            await until(lambda: _told_to_end(beating), "it says that it is about to go")
            ready = await asking.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]) == (503, {"process": "stopping"})
            assert ready.headers["connection"] == "close"
        answer = await under_way
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    await asyncio.to_thread(process.join, 30)
    assert process.exitcode in (0, -15)


def _leave_one(group: Group) -> None:
    while len(group.processes) > 1:
        group.stop_first()


async def _told_to_end(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/healthz")
    return bool(answer.headers.get("connection") == "close")
