"""Fixtures: one PostgreSQL for the whole run, and for each test a database of its own, cloned from a migrated one."""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import structlog
from fastapi import FastAPI
from hypothesis import settings as hypothesis_settings

from app.core.auth import MAX_LIFETIME, issue_key
from app.core.call import EVERYTHING
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.outbox import seal_events
from app.core.personal import Tier
from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.core.settings import Settings
from app.main import create_app
from app.services.first_start import add_shipped_lines
from app.services.policy_book import PolicyBook


def pytest_collection_finish() -> None:
    """Look for garbage less often: what was imported stays, and looking through it took a fifth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


# No example has a time limit: the machine may be at other work just then.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")

SUNDAY_NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
SECRET_KEYS = KeyRing.new_entry("test")
# One key of a test asks as much as a whole company.
UNLIMITED: dict[str, Any] = {
    "key_limit": 1_000_000, "key_burst": 1_000_000, "key_concurrency": 100_000, "key_ticket_limit": 1_000_000,
    "key_list_limit": 1_000_000, "requests_at_once": 1000, "requests_waiting": 10_000,
}  # fmt: skip


@dataclass
class FakeClock:
    """A clock that stands until a test moves it."""

    now: datetime = SUNDAY_NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **units: float) -> None:
        self.now += timedelta(**units)


@pytest.fixture(scope="session", autouse=True)
def _loggers_follow_their_configuration() -> Iterator[None]:
    """Have each application log as its settings say; a cached logger keeps the level and stream of the first one."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog, "configure", lambda **given: configure(**{**given, "cache_logger_on_first_use": False})
        )
        yield


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Leave no application of another test the stream that one test captured: it is closed."""
    configuration = structlog.get_config()
    yield
    structlog.configure(**configuration)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    unsafe = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings=unsafe) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the schema at head."""
    migrate(postgres.url)
    return "aftersales"


@dataclass
class Databases:
    """Makes databases like the template."""

    server: EmbeddedPostgres
    template: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def clone(self) -> str:
        """Return the URL of a fresh copy."""
        name = f"test_{next(self.numbers)}"
        connection = await asyncpg.connect(host=_host(self.server), user="aftersales", database="postgres")
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY wal_log")
        finally:
            await connection.close()
        return self.server.url_for(name)


def _host(server: EmbeddedPostgres) -> str:
    return httpx.URL(server.url.replace("postgresql+asyncpg", "http")).params["host"]


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, template: str) -> Databases:
    return Databases(postgres, template)


@pytest.fixture
async def database_url(databases: Databases) -> str:
    return await databases.clone()


@pytest.fixture(scope="session")
def book() -> PolicyBook:
    return PolicyBook.load()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def never_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and lines, once read, are not read again, however long a test that counts statements takes."""
    for place in ("app.core.auth", "app.services.directory"):
        monkeypatch.setattr(f"{place}._FRESH_SECONDS", float("inf"))


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        DATABASE_URL=database_url, secret_keys=SECRET_KEYS, log_level="error", pool_size=8, webhook_hosts="crm.test",
        pool_timeout_seconds=20, **UNLIMITED,
    )  # fmt: skip


@pytest.fixture
async def app(settings: Settings, clock: FakeClock, book: PolicyBook) -> AsyncIterator[FastAPI]:
    app = create_app(settings, clock=clock, book=book)
    async with app.router.lifespan_context(app):
        async with app.state.kit.db.begin() as session:
            await add_shipped_lines(session, book, clock())
        yield app


@pytest.fixture
def db(app: FastAPI) -> Database:
    db: Database = app.state.kit.db
    return db


MakeKey = Callable[..., Awaitable[str]]


@pytest.fixture
def make_key(db: Database, clock: FakeClock) -> MakeKey:
    """Issue a key; by default it may do everything everywhere and sees masked data."""

    async def make(
        scopes: tuple[str, ...] = (EVERYTHING,),
        lines: tuple[str, ...] = (EVERYTHING,),
        tier: Tier = Tier.GENERAL,
        lifetime: timedelta = MAX_LIFETIME,
    ) -> str:
        async with db.begin() as session:
            return issue_key(
                session,
                name="test",
                scopes=list(scopes),
                business_lines=list(lines),
                tier=tier,
                now=clock(),
                lifetime=lifetime,
            )

    return make


MakeClient = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def make_client(app: FastAPI, make_key: MakeKey) -> AsyncIterator[MakeClient]:
    """Open a client of the application with a key of its own, made as `make_key` makes it."""
    clients: list[httpx.AsyncClient] = []

    async def make(key: str | None = None, **options: object) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key or await make_key(**options)}", "Accept-Language": "en"}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def client(make_client: MakeClient) -> httpx.AsyncClient:
    return await make_client()


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture
def seal(db: Database) -> Callable[[], Awaitable[int]]:
    """Do the sealer's round."""

    async def round_() -> int:
        async with db.begin() as session:
            return await seal_events(session)

    return round_
