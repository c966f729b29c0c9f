"""How much a process takes on at once, who waits, and who is refused first."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.core import admission
from app.services.policy_book import PolicyBook
from tests.builders import a_ticket
from tests.conftest import Databases
from tests.http.problems import check_problem
from tests.http.service import Service, open_service

TOKEN = "a-token-of-operators-32-characters"
MOST, WAITING = 2, 3
PLACES = {"requests_at_once": MOST, "requests_waiting": WAITING}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_WAIT_SECONDS", 30.0)


@pytest.fixture
async def small(databases: Databases, book: PolicyBook) -> AsyncIterator[Service]:
    """A service that does little at once, on a database that waits as long as a test likes."""
    patient = {"lock_timeout_seconds": 30, "statement_timeout_seconds": 60, "metrics_token": TOKEN}
    async with open_service(await databases.clone(), book, **PLACES, **patient) as service:
        yield service


@pytest.fixture
async def client(small: Service) -> httpx.AsyncClient:
    return await small.client()


@asynccontextmanager
async def stuck(service: Service) -> AsyncIterator[None]:
    """Let no request get anywhere that needs a ticket."""
    async with service.db.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE")
        yield


async def gauges(service: Service) -> tuple[float, ...]:
    """Return how many requests are in flight and how many wait."""
    answer = await service.anonymous().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    found = dict(re.findall(r"^aftersales_requests_(in_flight|waiting) (\S+)$", answer.text, re.MULTILINE))
    return float(found["in_flight"]), float(found["waiting"])


async def filled(service: Service, client: httpx.AsyncClient, requests: int) -> list[asyncio.Task[httpx.Response]]:
    """Have so many reads under way or waiting, sent one after another."""
    tasks = []
    for number in range(requests):
        tasks.append(asyncio.create_task(client.get("/v1/tickets")))
        while sum(await gauges(service)) <= number:  # noqa: ASYNC110 — nothing tells when
            await asyncio.sleep(0.01)
    return tasks


async def test_R36_what_is_beyond_the_queue_is_refused_at_once(small: Service, client: httpx.AsyncClient) -> None:
    async with stuck(small):
        tasks = await filled(small, client, MOST + WAITING)
        assert await gauges(small) == (MOST, WAITING)
        refused = await client.get("/v1/tickets")
        check_problem(refused, 503, "server_busy")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await small.anonymous().get("/healthz")).status_code == 200
        assert (await small.anonymous().get("/readyz")).status_code in (200, 503)
    assert [task.status_code for task in await asyncio.gather(*tasks)] == [200] * (MOST + WAITING)
    assert await gauges(small) == (0, 0)


async def test_R36_a_ticket_takes_the_place_of_who_came_last(small: Service, client: httpx.AsyncClient) -> None:
    async with stuck(small):
        reads = await filled(small, client, MOST + WAITING)
        tickets = [asyncio.create_task(client.post("/v1/tickets", json=a_ticket())) for _ in range(WAITING + 1)]
        displaced = await asyncio.gather(*reads[-WAITING:])
        (beyond,), _ = await asyncio.wait(tickets, return_when=asyncio.FIRST_COMPLETED)
    for answer in (*displaced, beyond.result()):
        check_problem(answer, 503, "server_busy")
    assert [answer.status_code for answer in await asyncio.gather(*reads[:MOST])] == [200] * MOST
    assert sorted(task.status_code for task in await asyncio.gather(*tickets)) == [201] * WAITING + [503]


async def test_R36_nobody_waits_for_long(
    small: Service, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "_WAIT_SECONDS", 0.05)
    async with stuck(small):
        tasks = await filled(small, client, MOST)
        check_problem(await client.get("/v1/tickets"), 503, "server_busy")
        assert await gauges(small) == (MOST, 0)
    assert [task.status_code for task in await asyncio.gather(*tasks)] == [200] * MOST


async def test_R36_who_gives_up_waiting_gives_up_the_place(small: Service, client: httpx.AsyncClient) -> None:
    async with stuck(small):
        tasks = await filled(small, client, MOST + 1)
        tasks[-1].cancel()
        await asyncio.wait(tasks[-1:])
        assert await gauges(small) == (MOST, 0)
    assert [task.status_code for task in await asyncio.gather(*tasks[:MOST])] == [200] * MOST
    assert (await client.get("/v1/tickets")).status_code == 200


async def test_R37_who_sends_slowly_takes_no_place(small: Service, client: httpx.AsyncClient) -> None:
    sent = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"business'
        await sent.wait()
        yield b'_line": 1}'

    headers = {"Content-Type": "application/json"}
    posts = [
        asyncio.create_task(client.post("/v1/tickets", content=slowly(), headers=headers))
        for _ in range(MOST + WAITING + 1)
    ]
    assert (await client.get("/v1/tickets")).status_code == 200
    assert await gauges(small) == (0, 0)
    sent.set()
    assert {post.status_code for post in await asyncio.gather(*posts)} <= {422, 503}


async def test_R37_who_sends_a_file_slowly_takes_no_place(small: Service, client: httpx.AsyncClient) -> None:
    ticket = (await client.post("/v1/tickets", json=a_ticket())).json()["id"]
    sent = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"%PDF"
        await sent.wait()
        yield b"-1.4"

    headers = {"Content-Type": "application/octet-stream", "Content-Disposition": 'attachment; filename="a.pdf"'}
    url = f"/v1/tickets/{ticket}/attachments?kind=proof_of_purchase"
    posts = [
        asyncio.create_task(client.post(url, content=slowly(), headers=headers)) for _ in range(MOST + WAITING + 1)
    ]
    assert (await client.get("/v1/tickets")).status_code == 200
    assert await gauges(small) == (0, 0)
    assert not any(post.done() for post in posts)
    sent.set()
    assert 503 not in {post.status_code for post in await asyncio.gather(*posts)}


async def test_R38_an_exhausted_pool_is_told_within_its_time_and_leaks_nothing(
    databases: Databases, book: PolicyBook
) -> None:
    pool = {"pool_size": 4, "pool_timeout_seconds": 0.2, "lock_timeout_seconds": 30, "statement_timeout_seconds": 60}
    async with open_service(await databases.clone(), book, **pool) as service:
        client = await service.client()
        assert (await client.get("/v1/tickets")).status_code == 200
        async with stuck(service):  # it holds one of the four itself
            reads = [asyncio.create_task(client.get("/v1/tickets")) for _ in range(50)]
            done: set[asyncio.Task[httpx.Response]] = set()
            while len(done) < len(reads) - 3:
                done |= (await asyncio.wait(set(reads) - done, return_when=asyncio.FIRST_COMPLETED))[0]
            assert (await service.anonymous().get("/healthz")).status_code == 200
        for task in done:
            check_problem(task.result(), 503, "server_busy")
            assert int(task.result().headers["retry-after"]) >= 1
        answers = await asyncio.gather(*reads)
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [503] * 47
        assert (await client.get("/v1/tickets")).status_code == 200
        name = httpx.URL(service.url).path.removeprefix("/")
        (found,) = await service.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'aftersales'", name
        )
        assert found["count"] <= 4
