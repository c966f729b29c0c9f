"""Timers of return requests: the answer and the refund warn, pass and escalate, each once."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import update

from app.core.db import Database
from app.models.return_requests import ReturnRequest
from app.services.upkeep import fire_deadlines, list_stuck, try_stuck_again
from tests.conftest import FakeClock
from tests.returns_way import DEFECT, INSPECTED, PICKUP, STAFF, bought, moved, received, submitted

Fire = Callable[[], Awaitable[int]]
THRESHOLDS = 6  # 50, 80 and 100 %, and three levels of escalation


@pytest.fixture
def fire_all(app: FastAPI, db: Database, clock: FakeClock) -> Fire:
    """Fire all that is due by the fake clock."""

    async def all_due() -> int:
        known, total = await app.state.kit.directory.known(), 0
        while fired := await fire_deadlines(db, known, clock()):
            total += fired
        return total

    return all_due


async def told(client: AsyncClient, seal: Any) -> list[dict[str, Any]]:
    await seal()
    types = "return.deadline_due,return.deadline_overdue,return.deadline_escalated"
    events: list[dict[str, Any]] = (await client.get("/v1/events", params={"types": types})).json()["items"]
    return [event["data"] | {"type": event["type"].removeprefix("return.deadline_")} for event in events]


async def asked(client: AsyncClient) -> dict[str, Any]:
    return await submitted(client, {"purchase_id": await bought(client)} | DEFECT)


async def test_an_answer_that_does_not_come_is_warned_of_late_and_escalated(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    await asked(client)  # the 15 days end with 7 December
    clock.advance(days=8)
    assert await fire_all() == 0  # the very instant is not past
    clock.advance(seconds=1)
    assert await fire_all() == 1
    clock.advance(days=8)
    assert await fire_all() == 3
    clock.advance(days=20)
    assert (await fire_all(), await fire_all()) == (2, 0)
    events = await told(client, seal)
    assert [(event["type"], event["percent"], event["deadline"]) for event in events] == [
        ("due", 50, "answer"), ("due", 80, "answer"), ("overdue", 100, "answer"), ("escalated", 100, "answer"),
        ("escalated", 150, "answer"), ("escalated", 200, "answer"),
    ]  # fmt: skip
    assert (events[2]["due_at"], events[2]["rule"]) == ("2026-12-07T16:00:00.000Z", "PEN-08")


async def test_an_answer_in_time_ends_its_timer_and_receipt_starts_that_of_the_refund(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    request = await asked(client)
    for move, body in (("review", STAFF), ("inspect", INSPECTED), ("approve", STAFF), ("schedule-pickup", PICKUP)):
        request = await moved(client, request, move, body)
    clock.advance(days=30)
    assert await fire_all() == 0
    request = await moved(client, request, "receive", received({"line": 1, "quantity": 1}))
    clock.advance(days=8)
    assert await fire_all() == 4
    assert {event["deadline"] for event in await told(client, seal)} == {"refund"}
    late = await client.get("/v1/returns", params={"overdue": "true"})
    assert [item["number"] for item in late.json()["items"]] == [request["number"]]
    for move in ("reinspect", "restock", "refund"):
        amount = {"lines": [{"line": 1, "amount": "299.90"}]} if move == "refund" else {}
        request = await moved(client, request, move, (INSPECTED if move == "reinspect" else STAFF) | amount)
    assert request["deadlines"][1]["state"] == "met_late"
    clock.advance(days=30)
    assert await fire_all() == 0


async def test_a_cancelled_request_has_no_timers(client: AsyncClient, clock: FakeClock, fire_all: Fire) -> None:
    request = await asked(client)
    await moved(client, request, "cancel", STAFF | {"reason": "客户撤回"})
    clock.advance(days=40)
    assert await fire_all() == 0


async def test_a_timer_that_cannot_fire_is_set_aside_and_stops_no_other(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, db: Database
) -> None:
    broken, _sound = await asked(client), await submitted(client, {"product_name": "树脂", "reason": "quality"})
    async with db.begin() as session:
        wrong = update(ReturnRequest).where(ReturnRequest.number == broken["number"])
        await session.execute(wrong.values(policy_version="gone"))
    clock.advance(days=40)
    assert await fire_all() == THRESHOLDS
    for _ in range(2):
        clock.advance(minutes=2)
        await fire_all()
    stuck = await list_stuck(db)
    assert [(timer.number, timer.what) for timer in stuck] == [(broken["number"], "answer")]
    async with db.begin() as session:
        await session.execute(
            update(ReturnRequest).where(ReturnRequest.number == broken["number"]).values(policy_version="1")
        )  # fmt: skip
    assert await try_stuck_again(db) == 1
    assert await fire_all() == THRESHOLDS
