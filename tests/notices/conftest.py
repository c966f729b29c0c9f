"""The application among servers that notices are sent to."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import func, select

from app.core.db import Database
from app.core.settings import Settings
from app.services.notices.sending import send_next
from app.services.upkeep import fire
from tests.conftest import SECRET_KEYS, FakeClock
from tests.notices.servers import MailServer, Robots, mail_at_work, robots_at_work

Send = Callable[..., Coroutine[Any, Any, int]]


@pytest.fixture
async def robots() -> AsyncIterator[Robots]:
    async with robots_at_work() as robots:
        yield robots


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_at_work() as mail:
        yield mail


@pytest.fixture
def settings(database_url: str, robots: Robots, mail: MailServer) -> Settings:
    return Settings(
        DATABASE_URL=database_url,
        secret_keys=SECRET_KEYS,
        log_level="error",
        robot_gateways=robots.url,
        smtp_url=f"smtp+plain://127.0.0.1:{mail.port}",
        smtp_from="aftersales@example.com",
        ticket_url="https://crm.example.com/tickets/{ticket}",
    )


@pytest.fixture
def send(app: FastAPI, db: Database) -> Send:
    """Send one message, some time from now on."""
    kit = app.state.kit

    async def one(after: timedelta = timedelta(0)) -> int:
        async with db.begin() as session:
            now = await session.scalar(select(func.clock_timestamp()))
        assert now is not None
        return await send_next(db, kit.courier, kit.keyring, await kit.directory.known(), now=now + after)

    return one


@pytest.fixture
def send_all(send: Send) -> Send:
    """Send whatever is due, however fast."""

    async def every(after: timedelta = timedelta(0)) -> int:
        total = 0
        while await send(after + timedelta(seconds=4 * total)):  # robots are given their time
            total += 1
        return total

    return every


@pytest.fixture
def fire_all(app: FastAPI, db: Database, clock: FakeClock) -> Callable[[], Awaitable[None]]:
    async def all_due() -> None:
        while await fire(db, await app.state.kit.directory.known(), clock()):
            pass

    return all_due


async def channel(client: AsyncClient, kind: str, address: str, **changes: Any) -> dict[str, Any]:
    body = {"business_line": "tableware", "roles": ["*"], "kind": kind, "address": address, **changes}
    response = await client.post("/v1/notice-channels", json=body)
    assert response.status_code == 201, response.text
    put_in: dict[str, Any] = response.json()
    return put_in


async def explain_delay(client: AsyncClient, ticket: dict[str, Any]) -> None:
    """The shortest way to a notice for each channel of the leader's role."""
    answer = await client.post(f"/v1/tickets/{ticket['id']}/delay-reasons", json={"reason": "等待供应商"})
    assert answer.status_code == 200, answer.text


async def listed(client: AsyncClient, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("/v1/notices", params={"limit": "200", **query})).json()["items"]
    return items
