"""One application for all tests of a module: its database, its clock, clients with keys of their own."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI

from app.core.auth import MAX_LIFETIME, issue_key
from app.core.call import EVERYTHING
from app.core.db import Database
from app.core.personal import Tier
from app.core.row_security import ALL_LINES
from app.core.settings import Settings
from app.main import create_app
from app.services.first_start import add_shipped_lines
from app.services.policy_book import PolicyBook
from tests.builders import a_ticket
from tests.conftest import SECRET_KEYS, UNLIMITED, FakeClock


@dataclass
class Service:
    """`client` asks the application itself, in process, and in English."""

    app: FastAPI
    clock: FakeClock
    url: str
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def db(self) -> Database:
        db: Database = self.app.state.kit.db
        return db

    async def key(
        self,
        scopes: tuple[str, ...] = (EVERYTHING,),
        lines: tuple[str, ...] = (EVERYTHING,),
        tier: Tier = Tier.GENERAL,
        lifetime: timedelta = MAX_LIFETIME,
    ) -> str:
        return await make_key(self.db, self.clock(), scopes, lines, tier, lifetime)

    async def client(self, key: str | None = None, **options: Any) -> httpx.AsyncClient:
        client = self.anonymous()
        client.headers["Authorization"] = f"Bearer {key or await self.key(**options)}"
        return client

    def anonymous(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://test", headers={"Accept-Language": "en"})
        self.clients.append(client)
        return client

    async def sql(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Run a statement beside the application."""
        return await run_sql(self.url, statement, *values)


async def connect_beside(url: str) -> asyncpg.Connection:
    """Connect as the owner of the tables, who sees the rows of all lines."""
    url = url.replace("postgresql+asyncpg", "postgresql")
    return await asyncpg.connect(url, server_settings={"app.lines": ALL_LINES})


async def run_sql(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    connection = await connect_beside(url)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


async def make_key(
    db: Database, now: datetime, scopes: tuple[str, ...], lines: tuple[str, ...], tier: Tier, lifetime: timedelta
) -> str:
    async with db.begin() as session:
        return issue_key(
            session, name="test", scopes=list(scopes), business_lines=list(lines), tier=tier, now=now, lifetime=lifetime
        )


def settings_for(url: str, **options: Any) -> Settings:
    """Settings of a sandbox, which serves everything there is."""
    usual = {
        "secret_keys": SECRET_KEYS, "log_level": "error", "pool_size": 8, "sandbox": True, "webhook_hosts": "crm.test",
        "wrong_key_limit": 1_000_000, "pool_timeout_seconds": 20, **UNLIMITED,
    }  # fmt: skip
    return Settings(DATABASE_URL=url, **{**usual, **options})


@asynccontextmanager
async def open_service(url: str, book: PolicyBook, **options: Any) -> AsyncIterator[Service]:
    """Start the application on a migrated database, with its business lines."""
    clock = FakeClock()
    with TemporaryDirectory() as folder:
        settings = settings_for(url, **{"attachments": folder, **options})
        service = Service(create_app(settings, clock=clock, book=book), clock, url)
        async with service.app.router.lifespan_context(service.app):
            async with service.db.begin() as session:
                await add_shipped_lines(session, book, clock())
            yield service
            for client in service.clients:
                await client.aclose()


async def put_in_channel(client: httpx.AsyncClient, address: str, **changes: Any) -> dict[str, Any]:
    """Put in a notice channel and return the answer."""
    body = {"business_line": "tableware", "roles": ["*"], "kind": "email", "address": address, **changes}
    response = await client.post("/v1/notice-channels", json=body)
    assert response.status_code == 201, response.text
    channel: dict[str, Any] = response.json()
    return channel


async def notices_of(client: httpx.AsyncClient, ticket: dict[str, Any], *, channels: int) -> list[dict[str, Any]]:
    """Have staff told of a ticket by as many channels of its line, and return the notices."""
    for number in range(channels):
        await put_in_channel(client, f"duty-{number}@example.com", business_line=ticket["business_line"])
    told = await client.post(f"/v1/tickets/{ticket['id']}/delay-reasons", json={"reason": "等待供应商"})
    assert told.status_code == 200, told.text
    notices: list[dict[str, Any]] = (await client.get("/v1/notices", params={"ticket": ticket["id"]})).json()["items"]
    assert len(notices) >= channels
    return notices


def spelled_out(log: str) -> str:
    """Return a log with its words as people read them: its lines are JSON in ASCII, where no Chinese is found."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda escape: chr(int(escape[1], 16)), log)


async def take(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """Post a ticket and return the answer."""
    response = await client.post("/v1/tickets", json=a_ticket(**changes))
    assert response.status_code == 201, response.text
    ticket: dict[str, Any] = response.json()
    return ticket


async def hook(client: httpx.AsyncClient, path: str = "hooks") -> dict[str, str]:
    """Register a webhook endpoint and have a delivery to it; return the ids of both."""
    endpoint = (await client.post("/v1/webhook-endpoints", json={"url": f"https://crm.test/{path}"})).json()["id"]
    delivery = (await client.post(f"/v1/webhook-endpoints/{endpoint}/test")).json()["id"]
    return {"endpoint": endpoint, "delivery": delivery}
