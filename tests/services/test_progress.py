"""Customers hear how their matter stands without asking: at each step, at intervals, in contact hours, once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import update

from app.core.db import Database
from app.core.settings import Settings
from app.models.tickets import Ticket
from app.services.upkeep import seal, tell_progress
from tests.conftest import FakeClock
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take

NOON, NIGHT = "2026-11-25T12:00+08:00", "2026-11-25T23:30+08:00"


@pytest.fixture
def tell(app: FastAPI, db: Database, clock: FakeClock) -> Callable[[], Awaitable[int]]:
    async def tell() -> int:
        return await tell_progress(db, await app.state.kit.directory.known(), clock())

    return tell


@pytest.fixture(autouse=True)
def at_noon(clock: FakeClock) -> None:
    clock.now = datetime.fromisoformat(NOON)


async def told(client: AsyncClient, db: Database, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the CRM was given to send on."""
    while await seal(db):
        pass
    items = (await client.get("/v1/events", params={"types": "ticket.progress", "limit": 200})).json()["items"]
    return [item["data"] for item in items if item["subject"] == f"tickets/{ticket['id']}"]


async def test_a_step_is_told_at_once_with_what_comes_next(
    client: AsyncClient, db: Database, tell: Callable[[], Awaitable[int]]
) -> None:
    ticket = await take(client)
    assert await tell() == 0  # what is on record the customer was told by whoever took it
    await move(client, ticket, "acknowledge")
    assert await tell() == 1
    [said] = await told(client, db, ticket)
    assert said["cause"] == "step"
    assert said["text"]["zh"].startswith(f"您的工单 {ticket['number']} 当前状态：已受理。我们将在 ")
    assert said["text"]["en"].startswith(f"Your ticket {ticket['number']} is taken up. What happens next: ")
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    [entry] = [entry for entry in timeline if entry["kind"] == "progress"]
    assert entry["visibility"] == "customer"
    assert await tell() == 0


async def test_a_step_in_the_night_waits_for_the_morning_and_the_last_of_several_counts(
    client: AsyncClient, db: Database, clock: FakeClock, tell: Callable[[], Awaitable[int]]
) -> None:
    ticket = await take(client)
    clock.now = datetime.fromisoformat(NIGHT)
    await move(client, ticket, "acknowledge")
    await move(client, ticket, "start")
    assert await tell() == 0
    clock.now = datetime.fromisoformat("2026-11-26T08:59:59+08:00")
    assert await tell() == 0
    clock.advance(seconds=1)
    assert await tell() == 1
    [said] = await told(client, db, ticket)
    assert "处理中" in said["text"]["zh"]


async def test_a_worker_that_comes_back_at_night_does_not_wake_anybody(
    client: AsyncClient, db: Database, clock: FakeClock, tell: Callable[[], Awaitable[int]]
) -> None:
    ticket = await take(client)
    await move(client, ticket, "acknowledge")
    clock.now = datetime.fromisoformat(NIGHT)
    await tell()
    assert await told(client, db, ticket) == []
    clock.now = datetime.fromisoformat("2026-11-26T09:00+08:00")
    await tell()
    assert len(await told(client, db, ticket)) == 1


async def test_while_nothing_happens_the_customer_hears_at_intervals_until_it_is_settled(
    client: AsyncClient, db: Database, clock: FakeClock, tell: Callable[[], Awaitable[int]]
) -> None:
    ticket = await take(client)
    clock.advance(hours=47)
    assert await tell() == 0
    for _ in range(3):
        clock.advance(hours=48)
        assert await tell() == 1
    said = await told(client, db, ticket)
    assert [one["cause"] for one in said] == ["interval"] * 3
    assert "已超过时限" in said[-1]["text"]["zh"]  # as things stand by now, not as promised at first
    await move(client, ticket, "resolve", delay_reason="等待配件")
    assert await tell() == 1
    clock.advance(days=30)
    assert await tell() == 0


@pytest.mark.parametrize("step", ["assign", "transfer", "escalate"])
async def test_what_is_between_us_is_not_told(
    client: AsyncClient, tell: Callable[[], Awaitable[int]], step: str
) -> None:
    ticket = await take(client)
    given = {
        "assign": {"staff_no": "1107"},
        "transfer": {"department": "sales", "reason": "客户在外地"},
        "escalate": {},
    }
    await move(client, ticket, step, **given[step])
    assert await tell() == 0


async def test_what_the_company_found_itself_has_nobody_to_tell(
    client: AsyncClient, clock: FakeClock, tell: Callable[[], Awaitable[int]]
) -> None:
    ticket = await take(client, business_line="components", channel="internal", customer=None)
    await move(client, ticket, "acknowledge")
    clock.advance(days=3)
    assert await tell() == 0


async def test_several_workers_at_once_tell_once(
    client: AsyncClient, db: Database, tell: Callable[[], Awaitable[int]]
) -> None:
    tickets = [await take(client, customer={"phone": f"1390000{n:04}"}) for n in range(8)]
    for ticket in tickets:
        await move(client, ticket, "acknowledge")
    assert sum(await asyncio.gather(*[tell() for _ in range(4)])) == 8
    assert [len(await told(client, db, ticket)) for ticket in tickets] == [1] * 8


async def test_a_ticket_whose_edition_is_lost_holds_up_no_other(
    client: AsyncClient, db: Database, tell: Callable[[], Awaitable[int]]
) -> None:
    lost, other = await take(client), await take(client, customer={"phone": "13900005555"})
    for ticket in (lost, other):
        await move(client, ticket, "acknowledge")
    async with db.begin() as session:
        await session.execute(update(Ticket).where(Ticket.number == lost["number"]).values(policy_version="lost"))
    assert await tell() == 2
    assert (len(await told(client, db, lost)), len(await told(client, db, other))) == (0, 1)


async def test_a_text_names_nobody(client: AsyncClient, db: Database, tell: Callable[[], Awaitable[int]]) -> None:
    person = {"name": "司马相如", "phone": "13912345678"}
    ticket = await take(client, customer=person, description="司马相如的碗裂了")
    await move(client, ticket, "acknowledge")
    await tell()
    [said] = await told(client, db, ticket)
    assert not [word for word in ("司马", "13912345678", "碗") if word in str(said)]


class TestOnATestClock:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"sandbox": True})

    async def test_the_ticket_s_own_time_counts(
        self, client: AsyncClient, db: Database, tell: Callable[[], Awaitable[int]]
    ) -> None:
        clock = (await client.post("/v1/test-clocks", json={"business_line": "tableware", "now": NOON})).json()
        ticket = await take(client, test_clock=clock["id"])
        await client.post(f"/v1/test-clocks/{clock['id']}/advance", json={"by_seconds": 47 * 3600})
        assert await tell() == 0
        await client.post(f"/v1/test-clocks/{clock['id']}/advance", json={"by_seconds": 3600})
        assert await tell() == 1
        assert [one["cause"] for one in await told(client, db, ticket)] == ["interval"]
