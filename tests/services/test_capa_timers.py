"""Timers of actions and checks: each once for each date, in order, whatever the number of workers."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import func, select, update

from app.core.db import Database
from app.models.capas import Capa, CapaTask
from app.services.capas.timers import fire_due_tasks
from app.services.upkeep import fire_tasks, list_stuck, try_stuck_again
from tests.capas import CORRECTION, CORRECTIVE, PREVENTIVE, WORKED, completed, done, planned
from tests.conftest import FakeClock

Fire = Callable[[], Awaitable[int]]
THRESHOLDS = 6  # 50, 80 and 100 %, and three levels of escalation


@pytest.fixture
def fire_all(app: FastAPI, db: Database, clock: FakeClock) -> Fire:
    """Fire all that is due by the fake clock."""

    async def all_due() -> int:
        known, total = await app.state.kit.directory.known(), 0
        while fired := await fire_tasks(db, known, clock()):
            total += fired
        return total

    return all_due


async def told(client: AsyncClient, seal: Any) -> list[dict[str, Any]]:
    """The timers' events in the order of the feed."""
    await seal()
    types = "capa.action_due,capa.action_overdue,capa.action_escalated"
    events: list[dict[str, Any]] = []
    after = 0
    while True:
        page = await client.get("/v1/events", params={"types": types, "limit": 200, "after": after})
        items = page.json()["items"]
        if not items:
            return events
        events += items
        after = items[-1]["position"]


def brief(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["type"].removeprefix("capa.action_"), event["data"]["percent"]) for event in events]


async def test_an_action_warns_passes_its_date_and_escalates_to_the_roles_of_the_edition(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    capa = await planned(client, CORRECTIVE)  # ten and a half days
    clock.advance(days=5, hours=6)
    assert await fire_all() == 0  # the very instant is not past
    clock.advance(seconds=1)
    assert await fire_all() == 1
    clock.advance(days=10)
    assert await fire_all() == 3
    clock.advance(days=10)
    assert await fire_all() == 2
    assert await fire_all() == 0
    events = await told(client, seal)
    assert brief(events) == [
        ("due", 50), ("due", 80), ("overdue", 100), ("escalated", 100), ("escalated", 150), ("escalated", 200),
    ]  # fmt: skip
    assert [event["data"]["told"] for event in events] == [
        *[[{"role": "sales_centre_staff", "channel": "crm"}]] * 3,
        [{"role": "sales_centre_staff", "channel": "crm"}],
        [{"role": "sales_centre_head", "channel": "crm"}],
        [{"role": "company_leader", "channel": "email"}],
    ]  # fmt: skip
    data = events[2]["data"]
    assert (data["task_id"], data["owner_staff_no"], data["due_on"]) == (
        capa["actions"][0]["id"], "3002", "2026-12-02",
    )  # fmt: skip
    assert data["late_by_seconds"] == (15 * 24 + 6) * 3600 + 1 - (10 * 24 + 12) * 3600
    assert [event["sequence"] for event in events] == list(range(4, 10))
    assert {event["subject"] for event in events} == {f"capas/{capa['id']}"}


async def test_what_is_done_dropped_or_cancelled_fires_no_more(
    client: AsyncClient, clock: FakeClock, fire_all: Fire
) -> None:
    finished = await planned(client, CORRECTION)
    dropped = await planned(client, CORRECTION)
    cancelled = await planned(client, CORRECTION)
    await completed(client, finished)
    reason = {"staff_no": "3001", "reason": "重复"}
    await done(client, f"capas/{dropped['number']}/actions/{dropped['actions'][0]['id']}/drop", reason)
    await done(client, f"capas/{cancelled['number']}/cancel", reason)
    clock.advance(days=365)
    assert await fire_all() == 0


async def test_the_check_has_timers_of_its_own(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    capa = await completed(client, await planned(client, CORRECTIVE))
    clock.advance(days=31)
    assert await fire_all() == 4
    events = await told(client, seal)
    assert {event["data"]["kind"] for event in events} == {"effectiveness_check"}
    assert {event["data"]["department"] for event in events} == {"quality_department"}
    await done(client, f"capas/{capa['number']}/verify", WORKED | {"delay_reason": "样批推迟"})
    clock.advance(days=365)
    assert await fire_all() == 0


async def test_another_date_is_promised_and_warned_of_anew(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    capa = await planned(client, CORRECTION)
    clock.advance(days=2, hours=13)
    assert await fire_all() == 4
    path = f"/v1/capas/{capa['number']}/actions/{capa['actions'][0]['id']}"
    body = {"staff_no": "3001", "due_on": "2026-12-04", "reason": "场地未到位"}
    assert (await client.patch(path, json=body, headers={"If-Match": "*"})).status_code == 200
    assert await fire_all() == 0
    clock.advance(days=6)
    assert await fire_all() == 1
    assert brief(await told(client, seal))[-1] == ("due", 50)


async def test_workers_side_by_side_fire_each_threshold_once(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, seal: Any
) -> None:
    for _ in range(10):
        await planned(client, CORRECTION, CORRECTIVE, PREVENTIVE)
    clock.advance(days=100)
    known = await app.state.kit.directory.known()

    async def worker() -> int:
        total = 0
        for _ in range(20):
            async with db.begin() as session:
                total += await fire_due_tasks(session, known, now=clock(), limit=3)
        return total

    counts = await asyncio.gather(*(worker() for _ in range(4)))
    assert sum(counts) == 30 * THRESHOLDS
    seen = Counter(
        (event["data"]["task_id"], event["type"], event["data"]["percent"]) for event in await told(client, seal)
    )
    assert set(seen.values()) == {1}
    assert len(seen) == 30 * THRESHOLDS


async def test_a_worker_that_dies_before_it_commits_has_fired_nothing(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire
) -> None:
    await planned(client, CORRECTION)
    clock.advance(days=1, hours=12)
    known = await app.state.kit.directory.known()

    async def die() -> None:
        async with db.begin() as session:
            assert await fire_due_tasks(session, known, now=clock()) == 1
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await die()
    assert await fire_all() == 1


async def test_one_poisoned_timer_is_set_aside_and_stops_no_other(
    client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire
) -> None:
    bad, good = await planned(client, CORRECTION), await planned(client, CORRECTION)
    async with db.begin() as session:
        await session.execute(update(Capa).where(Capa.number == bad["number"]).values(policy_version="lost"))
    clock.advance(days=1, hours=12)
    assert await fire_all() == 1
    for _ in range(4):
        clock.advance(minutes=2)
        await fire_all()
    [stuck] = await list_stuck(db)
    assert (stuck.number, stuck.id, stuck.what) == (bad["number"], bad["actions"][0]["id"], "correction")
    assert await try_stuck_again(db) == 1
    assert await list_stuck(db) == []
    clock.advance(days=100)
    await fire_all()
    async with db.begin() as session:
        fired = await session.scalar(
            select(CapaTask.thresholds_fired).join(Capa).where(Capa.number == good["number"])
        )  # fmt: skip
    assert fired == THRESHOLDS


async def test_a_timer_that_was_set_aside_goes_on_where_it_stood_and_not_for_what_is_done(
    client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    finished, open_still = await planned(client, CORRECTION), await planned(client, CORRECTION)
    async with db.begin() as session:
        await session.execute(update(Capa).values(policy_version="lost"))
    clock.advance(days=1, hours=12)
    for _ in range(4):
        await fire_all()
        clock.advance(minutes=2)
    async with db.begin() as session:
        await session.execute(update(Capa).values(policy_version="1"))
    await completed(client, finished)
    assert await try_stuck_again(db) == 1
    assert await fire_all() == 1
    [event] = await told(client, seal)
    assert (event["data"]["task_id"], event["data"]["percent"]) == (open_still["actions"][0]["id"], 50)


async def test_timers_are_due_by_the_clock_of_the_database(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock
) -> None:
    await planned(client, CORRECTION)
    clock.advance(days=3650)  # this process's clock says nothing about what is due
    known = await app.state.kit.directory.known()
    async with db.begin() as session:
        first = await session.scalar(select(CapaTask.next_fire_at))
        database_now = await session.scalar(select(func.now()))
    assert first is not None
    assert database_now is not None
    assert bool(await fire_tasks(db, known)) is (first < database_now)
