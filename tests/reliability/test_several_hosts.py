"""A standby takes over from its primary, and answers for reports; the service reaches either by its settings alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.builders import a_ticket
from tests.reliability.harness import Api, PostgresServer, Service, until

TICKETS = 30


@dataclass
class Pair:
    """A service on its primary, and a standby that follows."""

    service: Service
    standby: PostgresServer

    def url(self, *servers: PostgresServer) -> str:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        return f"postgresql://aftersales@{hosts}/aftersales"

    @asynccontextmanager
    async def api(self, database_url: str, folder: Path, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
        api = Api(database_url, folder / "api.log", **settings)
        api.start()
        try:
            api.await_healthy()
            async with self.service.client(api.url) as client:
                yield client
        finally:
            api.kill()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    service = await Service.start(tmp_path / "primary", apis=0)
    pair = Pair(service, service.postgres.standby(tmp_path / "standby"))
    try:
        pair.standby.start()
        yield pair
    finally:
        pair.standby.stop()
        await service.stop()


async def caught_up(pair: Pair) -> bool:
    """Tell whether the standby has replayed all there is."""
    async with pair.service.database() as primary, pair.standby.superuser() as standby:
        written = await primary.fetchval("SELECT pg_current_wal_flush_lsn()::text")
        return bool(await standby.fetchval("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written))


async def test_R43_the_service_finds_the_promoted_standby_and_nothing_acknowledged_is_missing(
    pair: Pair, tmp_path: Path
) -> None:
    async with pair.service.database() as primary:
        await primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await primary.execute("SELECT pg_reload_conf()")
        await until(
            lambda: primary.fetchval("SELECT sync_state = 'sync' FROM pg_stat_replication"), "the standby is followed"
        )
    acknowledged, stop = set[str](), asyncio.Event()

    async def call(client: httpx.AsyncClient) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            body = a_ticket(external_ref=f"call-{number}")
            while not stop.is_set():  # as a careful client does: until it is taken
                try:
                    answer = await client.post("/v1/tickets", json=body)
                except httpx.TransportError:
                    continue
                assert answer.status_code in (200, 201, 503), answer.text
                if answer.status_code != 503:
                    acknowledged.add(f"call-{number}")
                    break
                await asyncio.sleep(0.05)

    async with pair.api(pair.url(pair.service.postgres, pair.standby), tmp_path) as client:
        calls = asyncio.create_task(call(client))
        await until(lambda: len(acknowledged) >= TICKETS, "calls are taken", seconds=30)
        await asyncio.to_thread(pair.service.postgres.kill)
        async with pair.standby.superuser() as standby:
            assert await standby.fetchval("SELECT pg_promote()")
        before = len(acknowledged)
        await until(lambda: len(acknowledged) >= before + TICKETS, "calls are taken by the new primary", seconds=30)
        stop.set()
        await calls
        assert (await client.get("/readyz")).json()["checks"]["database"] == "ok"
    async with pair.standby.superuser() as standby:
        stored = [row[0] for row in await standby.fetch("SELECT external_ref FROM ticket")]
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored)


async def test_R39_on_a_read_only_standby_reads_are_answered_and_writes_are_not(pair: Pair, tmp_path: Path) -> None:
    await until(lambda: caught_up(pair), "the standby has caught up")
    async with pair.api(pair.url(pair.standby), tmp_path) as client:
        assert (await client.get("/v1/tickets")).status_code == 200
        refused = await client.post("/v1/tickets", json=a_ticket())
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")


async def test_reports_are_read_from_the_replica_and_all_else_is_not(pair: Pair, tmp_path: Path) -> None:
    replica = pair.url(pair.standby)

    async def counted(client: httpx.AsyncClient) -> tuple[int, int]:
        listed = (await client.get("/v1/tickets")).json()["items"]
        rows = (await client.get("/v1/sla/performance", params={"group_by": "milestone"})).json()["rows"]
        return len(listed), max((row["n"] for row in rows), default=0)

    async with pair.api(pair.service.postgres.url, tmp_path, reports_url=replica) as client:
        async with pair.standby.superuser() as standby:
            await until(lambda: caught_up(pair), "the standby has caught up")
            await standby.execute("SELECT pg_wal_replay_pause()")
            assert (await client.post("/v1/tickets", json=a_ticket())).status_code == 201
            assert await counted(client) == (1, 0)
            await standby.execute("SELECT pg_wal_replay_resume()")
        await until(lambda: caught_up(pair), "the standby has caught up")
        assert await counted(client) == (1, 1)
