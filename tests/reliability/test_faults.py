"""While PostgreSQL is down or frozen every request gets an answer in time, and nobody has to restart anything."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import httpx
import pytest

from app.main import create_app
from app.services import directory
from tests.builders import a_ticket
from tests.reliability.harness import Measured, Service

DOWN_SECONDS, READY_SECONDS, FROZEN_SECONDS, RECOVERY_SECONDS = 3.0, 5.0, 8.0, 10.0
FREEZE_SECONDS = 6.0


@dataclass(frozen=True)
class Timed:
    status: int
    code: str | None
    seconds: float


async def timed(client: httpx.AsyncClient, method: str, path: str, body: object = None) -> Timed:
    started = time.monotonic()
    answer = await client.request(method, path, json=body)
    document = answer.json() if answer.content else {}
    code = document.get("code") if isinstance(document, dict) else None
    return Timed(answer.status_code, code, time.monotonic() - started)


def slowest(answers: Iterable[Timed]) -> float:
    return round(max(answer.seconds for answer in answers), 2)


@pytest.fixture
async def number(service: Service) -> str:
    answer = await service.clients[0].post("/v1/tickets", json=a_ticket())
    number: str = answer.json()["number"]
    return number


def requests(clients: Iterable[httpx.AsyncClient], number: str) -> list[tuple[httpx.AsyncClient, str, str, object]]:
    """Writes and reads of every kind, through each process."""
    kinds = [
        ("POST", "/v1/tickets", a_ticket(description="写入时数据库不可用")),
        ("POST", f"/v1/tickets/{number}/assign", {"assignee_staff_no": "1101"}),
        ("POST", f"/v1/tickets/{number}/comments", {"text": "仍在处理"}),
        ("GET", f"/v1/tickets/{number}", None),
        ("GET", "/v1/tickets", None),
    ]
    return [(client, *kind) for client in clients for kind in kinds]


async def test_R39_while_postgresql_is_down_writes_are_refused_at_once_and_the_process_is_alive(
    service: Service, number: str, measured: Measured
) -> None:
    await asyncio.to_thread(service.postgres.kill)
    answers = []
    for _ in range(3):
        answers += await asyncio.gather(*(timed(*request) for request in requests(service.clients, number)))
    alive = [await timed(client, "GET", "/healthz") for client in service.clients]
    ready = [await timed(client, "GET", "/readyz") for client in service.clients]
    await asyncio.to_thread(service.postgres.start)
    recovery = await service.settled(seconds=RECOVERY_SECONDS)
    measured("down: slowest write, readiness", [slowest(answers), slowest(ready)])
    measured("down: seconds until usable", round(recovery, 2))
    assert {(answer.status, answer.code) for answer in answers} == {(503, "database_unavailable")}
    assert slowest(answers) <= DOWN_SECONDS
    assert {answer.status for answer in alive} == {200}
    assert {answer.status for answer in ready} == {503}
    assert slowest(ready) <= READY_SECONDS
    assert "request failed" not in service.logged()


@pytest.fixture
async def forgetful(service: Service, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that reads the business lines anew for each request, as others do now and then."""
    monkeypatch.setattr(directory, "_FRESH_SECONDS", 0.0)
    app = create_app(service.settings(), book=service.book)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), service.client("http://test", transport=transport) as client:
        assert (await client.get("/v1/tickets")).status_code == 200
        yield client


async def test_R39_while_postgresql_is_frozen_every_request_is_answered(
    service: Service, number: str, forgetful: httpx.AsyncClient, measured: Measured
) -> None:
    clients = [*service.clients, forgetful]
    frozen_at = time.monotonic()
    service.postgres.signal(signal.SIGSTOP)
    try:
        under_way = []
        for _ in range(4):  # some meet a process that has not noticed yet, some one that has
            under_way += [asyncio.create_task(timed(*request)) for request in requests(clients, number)]
            await asyncio.sleep(1.0)
        alive = [await timed(client, "GET", "/healthz") for client in clients]
        await asyncio.wait(under_way, timeout=2 * FROZEN_SECONDS)
        await asyncio.sleep(max(0.0, frozen_at + FREEZE_SECONDS - time.monotonic()))
    finally:
        service.postgres.signal(signal.SIGCONT)
    answers = await asyncio.gather(*under_way)
    recovery = await service.settled(seconds=RECOVERY_SECONDS)
    measured("frozen: slowest answer", slowest(answers))
    measured("frozen: seconds until usable", round(recovery, 2))
    assert {answer.status for answer in answers} == {503}
    assert slowest(answers) <= FROZEN_SECONDS
    assert {answer.status for answer in alive} == {200}
    assert slowest(alive) < FROZEN_SECONDS / 2  # whatever else the machine is at: it does not wait for the database
    assert "request failed" not in service.logged()
