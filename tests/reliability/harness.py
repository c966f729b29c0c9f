"""Real processes for the tests of reliability: one PostgreSQL and several API servers, each killed and started at will.

Everything here blocks, but for what a test awaits while requests are under way: `Service.settled` and the clients.
"""

import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.core.auth import issue_key
from app.core.call import EVERYTHING
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.personal import Tier
from app.core.postgres import EmbeddedPostgres
from app.core.postgres_processes import find_processes, mark_of
from app.core.postgres_programs import find_install
from app.core.schema import migrate
from app.core.settings import PREFIX, Settings
from app.services.first_start import add_shipped_lines
from app.services.policy_book import PolicyBook
from tests.conftest import UNLIMITED
from tests.reliability.processes import BOOK, serve

SECRET_KEYS = KeyRing.new_entry("test")

Measured = Callable[[str, object], None]

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([serve.__module__])

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_POLL_SECONDS = 0.02


def free_port() -> int:
    with socket.create_server((_HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def environment_of(database_url: str, **settings: str) -> dict[str, str]:
    """The environment of a process of the service; `settings` by the names of their fields."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | {
        "DATABASE_URL": database_url,
        f"{PREFIX}ENVIRONMENT": "development",
        f"{PREFIX}SECRET_KEYS": SECRET_KEYS,
        f"{PREFIX}LOG_LEVEL": "warning",
        **{f"{PREFIX}{name.upper()}": str(value) for name, value in (UNLIMITED | settings).items()},
    }


async def until(true: Callable[[], Any], what: str, *, seconds: float = 10.0) -> Any:
    """Wait for a condition and return its value; it may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        value = true()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(_POLL_SECONDS)


class PostgresServer:
    """The embedded PostgreSQL, fsync on, at a TCP address that survives its restart as a company's own would."""

    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        self._cluster = data_dir / "postgres"
        self._server = EmbeddedPostgres(data_dir, settings={"listen_addresses": _HOST, "port": str(self.port)})

    @property
    def alive(self) -> bool:
        return self._server.alive

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The address by way of another port, such as a proxy's."""
        return f"postgresql+asyncpg://aftersales@{_HOST}:{port}/aftersales"

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL the server and every backend, and wait until all are gone."""
        self.signal(signal.SIGKILL)
        deadline = time.monotonic() + 10
        while self._server.alive or self._processes():
            if time.monotonic() > deadline:
                raise TimeoutError("a killed PostgreSQL is still there")
            time.sleep(_POLL_SECONDS)

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            host=_HOST, port=self.port, user="postgres", database="aftersales", timeout=10
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    def standby(self, data_dir: Path) -> "PostgresServer":
        """A copy of this server that follows it, to be started."""
        programs = find_install(self._cluster) / "bin"
        source = ["--host", _HOST, "--port", str(self.port), "--username", "postgres", "--checkpoint", "fast"]
        data_dir.mkdir()
        copy = [
            str(programs / "pg_basebackup"),
            *source,
            "--pgdata",
            str(data_dir / "postgres"),
            "--write-recovery-conf",
        ]
        subprocess.run(copy, check=True, capture_output=True, timeout=60)
        return PostgresServer(data_dir)

    def signal(self, number: int) -> None:
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _processes(self) -> set[int]:
        return find_processes(mark_of(self._cluster))


class Api:
    """One API process: the application under uvicorn, on a port it keeps over restarts."""

    def __init__(self, database_url: str, log: Path, **settings: str) -> None:
        self.port = free_port()
        self.log = log
        self.process: ForkServerProcess | None = None
        self._environment = environment_of(database_url, **settings)

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.is_alive()

    def start(self) -> None:
        self.process = PROCESSES.Process(target=serve, args=(_HOST, self.port, self._environment, self.log))
        self.process.start()

    def await_healthy(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with suppress(OSError), socket.create_connection((_HOST, self.port), timeout=1) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                if connection.recv(1024).startswith(b"HTTP/1.1 200 "):
                    return
            if not self.alive or time.monotonic() > deadline:
                raise AssertionError(f"the API did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.join()

    def terminate(self) -> None:
        assert self.process is not None
        self.process.terminate()

    def wait(self, *, seconds: float) -> int | None:
        """Return the exit status, -N if signal N ended it; None if it goes on."""
        assert self.process is not None
        self.process.join(seconds)
        return self.process.exitcode


@dataclass
class Service:
    """PostgreSQL, API processes, and a key that may do everything."""

    postgres: PostgresServer
    apis: list[Api]
    book: PolicyBook
    key: str = ""
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @classmethod
    async def start(cls, folder: Path, *, apis: int) -> "Service":
        """Bring everything up on a new database. Whatever comes of it, `stop` must follow."""
        postgres = PostgresServer(folder)
        servers = [Api(postgres.url, folder / f"api-{number}.log") for number in range(apis)]
        service = cls(postgres, servers, BOOK)
        try:
            await service._prepare()
        except BaseException:
            await service.stop()
            raise
        return service

    async def _prepare(self) -> None:
        self.postgres.start()
        await asyncio.to_thread(migrate, self.postgres.url)  # it runs a loop of its own
        db = Database(self.settings())
        now = datetime.now(UTC)
        async with db.begin() as session:
            await add_shipped_lines(session, self.book, now)
            self.key = issue_key(
                session, name="test", scopes=[EVERYTHING], business_lines=[EVERYTHING], tier=Tier.GENERAL, now=now
            )
        await db.dispose()
        for api in self.apis:
            api.start()
        for api in self.apis:
            api.await_healthy()
        self.clients = [self.client(api.url) for api in self.apis]

    async def stop(self) -> None:
        for client in self.clients:
            await client.aclose()
        for api in self.apis:
            api.kill()
        self.postgres.stop()

    async def heal(self) -> None:
        """Start whatever a test before left dead or frozen."""
        self.postgres.signal(signal.SIGCONT)
        self.postgres.start()
        for api in self.apis:
            if not api.alive:
                api.start()
        for api in self.apis:
            api.await_healthy()
        await self.settled()

    async def settled(self, clients: Sequence[httpx.AsyncClient] = (), *, seconds: float = 10.0) -> float:
        """Wait until the API processes of these clients, or all, write again; return how many seconds that took."""
        started = time.monotonic()
        for client in clients or self.clients:
            await until(lambda client=client: _serves(client), "the service is usable", seconds=seconds)  # type: ignore[misc]
        return time.monotonic() - started

    def settings(self, database_url: str | None = None) -> Settings:
        """Settings of an application in this process that shares the service's database and secrets."""
        url = database_url or self.postgres.url
        return Settings(DATABASE_URL=url, secret_keys=SECRET_KEYS, log_level="error", pool_size=8, **UNLIMITED)

    def client(self, url: str, **options: Any) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.key}", "Accept-Language": "en"}
        return httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False, **options)

    def database(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A connection of the superuser, past the service."""
        return self.postgres.superuser()

    def logged(self) -> str:
        """What the API processes logged: warnings, errors, tracebacks."""
        return "\n".join(api.log.read_text() for api in self.apis)


async def _serves(client: httpx.AsyncClient) -> bool:
    """Tell whether a process can write: a move of a ticket that does not exist gets as far as the database."""
    try:
        answer = await client.post("/v1/tickets/AS-20000101-000001/start", json={})
    except httpx.TransportError:
        return False
    return answer.status_code == 404


async def waiting(connection: asyncpg.Connection, *, event: str = "Lock") -> int:
    """Count the backends of the service that wait for a lock, or for another kind of event."""
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    found: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aftersales' "
        "AND $1 IN (wait_event_type, wait_event)",
        event,
    )
    return found


Outcome = httpx.Response | httpx.TransportError


async def attempt(client: httpx.AsyncClient, path: str, body: object, headers: Mapping[str, str] = {}) -> Outcome:
    """Post once; a connection that breaks is an outcome too."""
    try:
        return await client.post(path, json=body, headers=headers)
    except httpx.TransportError as error:
        return error


async def deliver(
    clients: Sequence[httpx.AsyncClient],
    path: str,
    body: object,
    headers: Mapping[str, str],
    *,
    seconds: float = 30.0,
    seen: Callable[[Outcome], None] = lambda _: None,
) -> httpx.Response | None:
    """Post as a careful caller does: again, through the next process, until told yes or no; None if never told."""
    deadline = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < deadline:
        outcome = await attempt(clients[turn % len(clients)], path, body, headers)
        seen(outcome)
        if isinstance(outcome, httpx.Response) and not _try_again(outcome):
            return outcome
        turn += 1
        await asyncio.sleep(0.05)
    return None


def _try_again(answer: httpx.Response) -> bool:
    return answer.status_code >= 500 or (
        answer.status_code == 409 and answer.json()["code"] == "idempotency_in_progress"
    )
