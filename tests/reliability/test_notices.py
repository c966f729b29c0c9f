"""A worker killed while its message is on the way: the next one sends it again, known by the same reference."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from app.core.settings import PREFIX, Settings
from tests.conftest import SECRET_KEYS
from tests.http.service import put_in_channel, run_sql, take
from tests.notices.servers import Robots, hangs, robots_at_work
from tests.reliability.harness import until


@pytest.fixture
async def robots() -> AsyncIterator[Robots]:
    async with robots_at_work() as robots:
        yield robots


@pytest.fixture
def settings(database_url: str, robots: Robots) -> Settings:
    return Settings(DATABASE_URL=database_url, secret_keys=SECRET_KEYS, log_level="error", robot_gateways=robots.url)


def start_worker(database_url: str, robots: Robots) -> subprocess.Popen[bytes]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    own = {
        "DATABASE_URL": database_url,
        f"{PREFIX}ENVIRONMENT": "development",
        f"{PREFIX}SECRET_KEYS": SECRET_KEYS,
        f"{PREFIX}ROBOT_GATEWAYS": robots.url,
    }
    command = [sys.executable, "-m", "app.cli", "worker"]
    return subprocess.Popen(command, env=plain | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def test_a_message_survives_its_worker(client: AsyncClient, database_url: str, robots: Robots) -> None:
    # The leader hears of reasons for delays here, and of nothing that a worker's timers find.
    await put_in_channel(client, robots.address("group"), kind="dingtalk", secret="SECabc", roles=["company_leader"])
    ticket = await take(client)
    assert (await client.post(f"/v1/tickets/{ticket['id']}/delay-reasons", json={"reason": "等待供应商"})).is_success
    robots.behave("group", hangs)
    workers = [start_worker(database_url, robots)]
    try:
        await asyncio.wait_for(robots.spoken_to.wait(), 30)
        workers[0].kill()
        workers[0].wait()
        [left] = await run_sql(database_url, "SELECT state, attempts, sent_at FROM notice")
        assert tuple(left) == ("waiting", 1, None)
        # Half a minute passes.
        await run_sql(database_url, "UPDATE notice_channel SET ready_at = ready_at - interval '30 s'")
        await run_sql(database_url, "UPDATE notice SET next_try_at = next_try_at - interval '30 s'")
        workers.append(start_worker(database_url, robots))

        async def sent() -> bool:
            return bool(await run_sql(database_url, "SELECT 1 FROM notice WHERE state = 'sent'"))

        await until(sent, "the next worker has sent it", seconds=30)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    first, second = robots.told("group")
    assert first.reference == second.reference
    [notice] = (await client.get("/v1/notices")).json()["items"]
    assert (notice["id"], notice["attempts"]) == (first.reference, 2)
