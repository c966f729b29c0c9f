"""Behind PgBouncer, which lends a server connection for one transaction, the service does all it does without."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.builders import a_ticket
from tests.reliability.harness import Api, PostgresServer, Service, free_port, until
from tests.reliability.workers import Workers

SERVER_CONNECTIONS, CALLERS = 3, 12
ON = {"pgbouncer": "true"}


@contextmanager
def pgbouncer(server: PostgresServer, folder: Path) -> Iterator[str]:
    """Run PgBouncer before a server; yield the service's way through it."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    port = free_port()
    settings = [
        "[databases]", f"aftersales = host=127.0.0.1 port={server.port} dbname=aftersales user=aftersales",
        "[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir =", "auth_type = any",
        "pool_mode = transaction", f"default_pool_size = {SERVER_CONNECTIONS}", "max_client_conn = 200",
    ]  # fmt: skip
    file = folder / "pgbouncer.ini"
    file.write_text("\n".join([*settings, *(["user = nobody"] if os.geteuid() == 0 else [])]) + "\n")
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, str(file)], stdout=log, stderr=log)
    try:
        yield server.url_at(port)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
async def primary(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    service = await Service.start(tmp_path_factory.mktemp("pooled"), apis=0)
    yield service
    await service.stop()


@pytest.fixture(scope="module")
async def client(primary: Service, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API process and a worker, both behind PgBouncer."""
    folder = tmp_path_factory.mktemp("pgbouncer")
    with pgbouncer(primary.postgres, folder) as url:
        api, workers = Api(url, folder / "api.log", **ON), Workers(url, 1, **ON)
        api.start()
        try:
            api.await_healthy()
            async with primary.client(api.url) as client:
                await until(lambda: _ready(client), "PgBouncer, API and worker are there", seconds=30)
                yield client
        finally:
            workers.kill_all()
            api.kill()


async def _ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


async def test_more_callers_than_server_connections_are_served_each_once(
    client: httpx.AsyncClient, primary: Service
) -> None:
    async def call(caller: int) -> None:
        for number in range(8):
            body, key = a_ticket(external_ref=f"{caller}-{number}"), {"Idempotency-Key": f"pooled-{caller}-{number}"}
            first, again = [await client.post("/v1/tickets", json=body, headers=key) for _ in range(2)]
            assert (first.status_code, again.status_code) == (201, 201), first.text + again.text
            assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
            found = first.json()["id"]
            assert (await client.get(f"/v1/tickets/{found}")).json()["external_ref"] == f"{caller}-{number}"
            assert (await client.get("/v1/tickets", params={"limit": 5})).status_code == 200

    await asyncio.gather(*(call(caller) for caller in range(CALLERS)))
    async with primary.database() as database:
        assert await database.fetchval("SELECT count(*) FROM ticket WHERE external_ref IS NOT NULL") == CALLERS * 8
        lent = await database.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aftersales'")
        assert lent <= SERVER_CONNECTIONS


async def test_each_transaction_acts_as_the_role_that_owns_nothing_and_within_its_limits(
    client: httpx.AsyncClient, primary: Service
) -> None:
    async with primary.database() as database:
        await database.execute("""
            CREATE TABLE seen AS SELECT ''::text AS who, ''::text AS patience, ''::text AS zone WITH NO DATA;
            GRANT INSERT ON seen TO aftersales_app;
            CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO seen VALUES (current_user, current_setting('lock_timeout'), current_setting('TimeZone'));
                RETURN NEW;
            END $$;
            CREATE TRIGGER look BEFORE INSERT ON ticket FOR EACH ROW EXECUTE FUNCTION look()""")
        try:
            assert (await client.post("/v1/tickets", json=a_ticket())).status_code == 201
            [row] = await database.fetch("SELECT * FROM seen")
        finally:
            await database.execute("DROP TRIGGER look ON ticket; DROP FUNCTION look; DROP TABLE seen")
    assert tuple(row) == ("aftersales_app", "2s", "UTC")


async def test_the_worker_seals_events_and_gives_them_to_the_feed(client: httpx.AsyncClient) -> None:
    ticket = (await client.post("/v1/tickets", json=a_ticket())).json()

    async def told() -> bool:
        events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
        return any(event["subject"].endswith(ticket["id"]) for event in events)

    await until(told, "the event is in the feed", seconds=30)
