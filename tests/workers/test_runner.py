"""A worker's tasks: side by side, through faults, until told to stop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, text

from app.core.blobs import Blobs
from app.core.clock import Clock, system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.errors import DatabaseUnavailable
from app.core.heartbeat import WorkerHeartbeat, last_heartbeat
from app.core.idempotency import IdempotencyRecord
from app.core.metrics import WORKER_ERRORS
from app.core.outbox import Event
from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.core.settings import Settings
from app.models.tickets import TicketSearch
from app.services import search_index, upkeep
from app.services.directory import Directory
from app.services.notices.courier import Courier
from app.services.policy_book import PolicyBook
from app.services.rules.search_tokens import search_tokens
from app.workers.runner import Task, Tools, run_tasks
from app.workers.tasks import TASKS
from tests.builders import a_ticket
from tests.conftest import SECRET_KEYS, FakeClock, MakeClient

BOOK = PolicyBook.load()


def tools(db: Database, clock: Clock) -> Tools:
    settings = Settings(DATABASE_URL=db.engine.url.render_as_string(), secret_keys=SECRET_KEYS)
    keyring, blobs = KeyRing.read(None, SECRET_KEYS), Blobs(settings.attachments)
    return Tools(db, clock, Directory(db, BOOK), keyring, Courier(settings), blobs)


@asynccontextmanager
async def working(db: Database, tasks: tuple[Task, ...] = TASKS) -> AsyncIterator[asyncio.Task[None]]:
    """Run a worker during the block, and stop it in order."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run_tasks(tasks, tools(db, system_clock), stop))
    try:
        yield worker
    finally:
        stop.set()
        await asyncio.wait_for(worker, 12)


async def eventually(holds: Callable[[], Awaitable[bool]], *, seconds: float = 8.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


def failures(task: str) -> float:
    samples = (sample for metric in WORKER_ERRORS.collect() for sample in metric.samples)
    return sum(s.value for s in samples if s.labels["task"] == task and s.name.endswith("_total"))


async def share(db: Database) -> int:
    async with db.begin() as session:
        return await search_index.index_pending(session, limit=5)


async def unsealed(db: Database) -> int:
    async with db.begin() as session:
        return await session.scalar(select(func.count()).where(Event.position.is_(None))) or 0


async def tokens(db: Database) -> list[list[str] | None]:
    async with db.begin() as session:
        return list(await session.scalars(select(TicketSearch.tokens).order_by(TicketSearch.ticket_id)))


async def test_a_worker_seals_events_indexes_texts_and_shows_that_it_lives(
    client: httpx.AsyncClient, db: Database
) -> None:
    for description in ("餐盘有两个裂了", "快递破损"):
        assert (await client.post("/v1/tickets", json=a_ticket(description=description))).status_code == 201
    assert (await client.get("/v1/events")).json()["items"] == []
    async with working(db):

        async def done() -> bool:
            return await unsealed(db) == 0 and None not in await tokens(db)

        await eventually(done)
    feed = (await client.get("/v1/events")).json()["items"]
    assert [event["position"] for event in feed] == sorted(event["position"] for event in feed)
    assert len(feed) >= 2
    found = (await client.post("/v1/tickets/search", json={"text": "破损"})).json()["items"]
    assert [ticket["description"] for ticket in found] == ["快递破损"]
    async with db.begin() as session:
        assert await last_heartbeat(session) is not None


async def test_a_text_that_breaks_the_tokeniser_is_named_and_the_others_are_indexed(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for description in ("毒药", "杯子漏水", "盖子松动"):
        await client.post("/v1/tickets", json=a_ticket(description=description))

    def fragile(description: str) -> tuple[str, ...]:
        if description == "毒药":
            raise RecursionError
        return search_tokens(description)

    monkeypatch.setattr(search_index, "search_tokens", fragile)
    before = failures("index texts")
    assert await upkeep.index(db) == 3
    assert await tokens(db) == [[], ["杯子", "子漏", "漏水"], ["盖子", "子松", "松动"]]
    assert failures("index texts") == before + 1
    assert await upkeep.index(db) == 0


async def test_tokens_that_the_database_refuses_stop_no_other_text_of_the_batch(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for description in ("杯子", "毒药", "盖子", "盘子", "勺子"):
        await client.post("/v1/tickets", json=a_ticket(description=description))
    refused = "".join(map(chr, range(0x4E00, 0x4E00 + 9000)))  # an index entry takes 8 kB at most
    monkeypatch.setattr(
        search_index, "search_tokens", lambda description: (refused if description == "毒药" else description,)
    )
    assert await upkeep.index(db) == 5
    assert await tokens(db) == [["杯子"], [], ["盖子"], ["盘子"], ["勺子"]]


async def test_a_word_of_thousands_of_letters_is_indexed(client: httpx.AsyncClient, db: Database) -> None:
    await client.post("/v1/tickets", json=a_ticket(description="0123456789abcdef" * 600))
    assert await upkeep.index(db) == 1
    found = (await tokens(db))[0]
    assert found
    assert max(map(len, found)) == 64


async def test_workers_share_the_texts_out(client: httpx.AsyncClient, db: Database) -> None:
    for number in range(12):
        await client.post("/v1/tickets", json=a_ticket(description=f"第{number}个杯子"))
    shares = await asyncio.gather(*(share(db) for _ in range(4)))
    assert sum(shares) == 12
    assert None not in await tokens(db)


async def test_a_task_that_fails_is_counted_and_tried_again_and_the_others_go_on(db: Database) -> None:
    tries = rounds = 0

    async def fail(_tools: Tools) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise DatabaseUnavailable
        if tries == 2:
            raise ZeroDivisionError
        return 0

    async def count(_tools: Tools) -> int:
        nonlocal rounds
        rounds += 1
        return 0

    before = failures("fails")

    async def recovered() -> bool:
        return tries >= 3 and rounds >= 10

    async with working(db, (Task("fails", 0.01, fail), Task("counts", 0.01, count))):
        await eventually(recovered)
    assert failures("fails") == before + 2


async def test_a_task_with_work_left_does_not_rest(db: Database) -> None:
    left = 50

    async def work(_tools: Tools) -> int:
        nonlocal left
        left -= 1
        return max(left, 0)

    async def finished() -> bool:
        return left <= 0

    async with working(db, (Task("works", 60, work),)):
        await eventually(finished, seconds=2)


async def test_a_round_under_way_is_finished_before_the_worker_stops(db: Database) -> None:
    begun, finished = asyncio.Event(), False

    async def slow(_tools: Tools) -> int:
        nonlocal finished
        begun.set()
        await asyncio.sleep(0.3)
        finished = True
        return 0

    async with working(db, (Task("slow", 60, slow),)):
        await begun.wait()
    assert finished


async def test_expired_answers_and_silent_workers_are_forgotten(
    make_client: MakeClient, db: Database, clock: FakeClock
) -> None:
    client = await make_client()
    for number in range(3):
        answer = await client.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": f"purged-{number}"})
        assert answer.status_code == 201
    await upkeep.show_life(db, tools(db, clock).worker_id)
    assert await upkeep.purge(db, clock()) == 0
    clock.advance(hours=73)
    async with db.begin() as session:
        assert await session.scalar(select(func.count()).select_from(WorkerHeartbeat)) == 1
    assert await upkeep.purge(db, clock()) == 3
    async with db.begin() as session:
        assert await session.scalar(select(func.count()).select_from(IdempotencyRecord)) == 0
        assert await session.scalar(select(func.count()).select_from(WorkerHeartbeat)) == 0


@pytest.mark.parametrize("off", [timedelta(days=3), timedelta(hours=-2)])
async def test_a_worker_whose_own_clock_is_off_does_all_by_the_databases(
    client: httpx.AsyncClient, db: Database, clock: FakeClock, off: timedelta
) -> None:
    clock.now = system_clock()
    ticket = await client.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": "kept-for-three-days"})
    strayed = tools(db, lambda: system_clock() + off)
    for task in TASKS:
        await task.round(strayed)
    shown = (await client.get(f"/v1/tickets/{ticket.json()['number']}")).json()
    assert shown["version"] == ticket.json()["version"]  # nothing has fired
    async with db.begin() as session:
        assert await session.scalar(select(func.count()).select_from(IdempotencyRecord)) == 1
        assert await session.scalar(select(func.count()).select_from(WorkerHeartbeat)) == 1
    assert (await client.get("/readyz")).json()["checks"]["worker"] == "ok"


async def test_a_worker_outlives_its_database(tmp_path: Path, unused_tcp_port: int) -> None:
    settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": str(unused_tcp_port), "shared_buffers": "16MB"}
    server = EmbeddedPostgres(tmp_path, settings=settings)
    await asyncio.to_thread(server.start)
    url = f"postgresql+asyncpg://aftersales@127.0.0.1:{unused_tcp_port}/aftersales"
    db = Database(Settings(DATABASE_URL=url, secret_keys="never read"))
    sign = Task("sign", 0.05, TASKS[0].round)

    async def seen() -> bool:
        async with db.begin() as session:
            return await last_heartbeat(session) is not None

    try:
        await asyncio.to_thread(migrate, url)
        async with working(db, (sign,)):
            await eventually(seen)
            await asyncio.to_thread(server.stop)
            before = failures("sign")

            async def failed() -> bool:
                return failures("sign") > before

            await eventually(failed)
            await asyncio.to_thread(server.start)
            async with db.begin() as session:
                await session.execute(text("DELETE FROM worker_heartbeat"))
            await eventually(seen, seconds=5)
    finally:
        await db.dispose()
        await asyncio.to_thread(server.stop)
