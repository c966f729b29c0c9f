"""Warnings, breaches and escalations: each once, in order, whatever the number of workers and however late."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import func, select, update

from app.core.db import Database
from app.models.tickets import Ticket, TicketCommitment
from app.services.timers import fire_due, retry_stuck, stuck_timers
from app.services.upkeep import fire, list_stuck, try_stuck_again
from tests.conftest import FakeClock
from tests.http.test_ticket_changes import patch
from tests.http.test_ticket_moves import commitment, move
from tests.http.test_tickets import take

Fire = Callable[[], Awaitable[int]]


@pytest.fixture
def fire_all(app: FastAPI, db: Database, clock: FakeClock) -> Fire:
    """Fire all that is due by the fake clock."""

    async def all_due() -> int:
        known, total = await app.state.kit.directory.known(), 0
        while fired := await fire(db, known, clock()):
            total += fired
        return total

    return all_due


async def sla_events(client: AsyncClient, seal: Any) -> list[dict[str, Any]]:
    await seal()
    items = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    return [event for event in items if event["type"].startswith("sla.")]


def brief(events: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(e["data"]["milestone"], e["type"].removeprefix("sla."), e["data"]["percent"]) for e in events]


async def test_thresholds_fire_in_order_each_at_its_share_of_the_time(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    ticket = await take(client, urgency="emergency")  # 2 h to respond, 24 h to resolve
    assert await fire_all() == 0
    clock.advance(minutes=59)
    assert await fire_all() == 0
    clock.advance(minutes=1, seconds=1)
    assert await fire_all() == 1
    clock.advance(hours=1)
    assert await fire_all() == 3  # 80 %, the breach, and the first level of escalation
    assert await fire_all() == 0
    fired = await sla_events(client, seal)
    assert brief(fired) == [
        ("first_response", "warning", 50),
        ("first_response", "warning", 80),
        ("first_response", "breached", 100),
        ("first_response", "escalated", 100),
    ]
    assert [event["sequence"] for event in fired] == [2, 3, 4, 5]
    assert fired[3]["data"]["told"][0]["role"]
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    assert (shown["escalation_level"], commitment(shown, "first_response")["state"]) == (1, "breached")
    assert shown["version"] > ticket["version"]


async def test_after_three_days_of_downtime_all_is_fired_in_due_order_and_says_how_late(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    await take(client)
    clock.advance(hours=6)
    await take(client, urgency="emergency")
    clock.advance(hours=72)
    await fire_all()
    fired = await sla_events(client, seal)
    late = [event["data"]["late_by_seconds"] for event in fired]
    assert late == sorted(late, reverse=True)
    assert max(late) == (78 - 7) * 3600  # the emergency's 50 % of two hours came first
    assert Counter(event["type"] for event in fired) == {
        "sla.warning": 8, "sla.breached": 4, "sla.escalated": 10,
    }  # fmt: skip


async def test_a_step_that_is_done_or_paused_does_not_fire_and_goes_on_where_it_stood(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")  # responded
    clock.advance(hours=30)
    await move(client, ticket, "wait")
    clock.advance(hours=500)
    assert await fire_all() == 0
    await move(client, ticket, "resume")
    clock.advance(hours=6, seconds=1)
    assert await fire_all() == 1  # 36 of 72 hours are used
    assert brief(await sla_events(client, seal)) == [("resolution", "warning", 50)]


async def test_a_new_target_moves_the_timer_and_fires_nothing_twice(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    clock.advance(hours=40)
    assert await fire_all() == 1
    await patch(client, ticket, urgency="emergency")  # 24 h: late at once
    await fire_all()
    fired = brief(await sla_events(client, seal))
    assert fired[:3] == [
        ("resolution", "warning", 50),
        ("resolution", "warning", 80),
        ("resolution", "breached", 100),
    ]
    assert len(set(fired)) == len(fired)


async def test_workers_side_by_side_fire_each_threshold_once(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, seal: Any
) -> None:
    for _ in range(30):
        await take(client, urgency="emergency")
    clock.advance(hours=100)
    known = await app.state.kit.directory.known()

    async def worker() -> int:
        total = 0
        for _ in range(40):
            async with db.begin() as session:
                total += await fire_due(session, known, now=clock(), limit=3)
        return total

    counts = await asyncio.gather(*(worker() for _ in range(4)))
    assert sum(counts) == 30 * 2 * 6
    await seal()
    seen = Counter[tuple[str, str, int]]()
    after = 0
    while items := (await client.get("/v1/events", params={"limit": 200, "after": after})).json()["items"]:
        after = items[-1]["position"]
        seen.update((e["data"]["commitment_id"], e["type"], e["data"]["percent"]) for e in items if "sla." in e["type"])
    assert set(seen.values()) == {1}
    assert len(seen) == 30 * 2 * 6


async def test_a_worker_that_dies_before_it_commits_has_fired_nothing(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire
) -> None:
    await take(client)
    clock.advance(hours=13)
    known = await app.state.kit.directory.known()

    async def die() -> None:
        async with db.begin() as session:
            assert await fire_due(session, known, now=clock()) == 1
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await die()
    assert await fire_all() == 1


async def lose_edition(db: Database, ticket: dict[str, Any], version: str = "lost") -> None:
    async with db.begin() as session:
        await session.execute(
            update(Ticket).where(Ticket.number == ticket["number"]).values(policy_version=version)
        )  # fmt: skip


async def test_one_poisoned_timer_is_set_aside_and_stops_no_other(
    client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire
) -> None:
    bad, good = await take(client), await take(client)
    await lose_edition(db, bad)
    clock.advance(hours=13)
    assert await fire_all() == 1
    for _ in range(4):
        clock.advance(minutes=2)
        await fire_all()
    async with db.begin() as session:
        stuck = await stuck_timers(session)
        assert {number for number, _ in stuck} == {bad["number"]}
        assert await retry_stuck(session) == len(stuck)
    clock.advance(hours=24)
    await fire_all()
    shown = (await client.get(f"/v1/tickets/{good['number']}")).json()
    assert commitment(shown, "first_response")["state"] == "breached"


async def test_a_ticket_nothing_can_be_decided_about_stops_no_other(
    client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire
) -> None:
    bad, good = await take(client), await take(client)
    async with db.begin() as session:
        await session.execute(
            update(Ticket).where(Ticket.number == bad["number"]).values(classification={"complaint_class": "lost"})
        )
    clock.advance(hours=25)
    await fire_all()  # warnings and the breach of the one that is well
    shown = (await client.get(f"/v1/tickets/{good['number']}")).json()
    assert shown["escalation_level"] == 1
    async with db.begin() as session:
        failed = select(Ticket.number).join(TicketCommitment).where(TicketCommitment.firing_failures > 0)
        assert set(await session.scalars(failed)) == {bad["number"]}


@pytest.mark.parametrize(
    "spoilt", [{"pauses": [1]}, {"pauses": {"from": None}}, {"pauses": [{"from": 5, "to": None}]}, {"target_value": -1}]
)
async def test_a_row_that_makes_no_sense_stops_no_other(
    client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire, spoilt: dict[str, Any]
) -> None:
    bad, good = await take(client), await take(client)
    async with db.begin() as session:
        ours = select(Ticket.id).where(Ticket.number == bad["number"]).scalar_subquery()
        await session.execute(update(TicketCommitment).where(TicketCommitment.ticket_id == ours).values(**spoilt))
    for _ in range(4):
        clock.advance(hours=10)
        await fire_all()
    async with db.begin() as session:
        assert {number for number, _ in await stuck_timers(session)} == {bad["number"]}
    shown = (await client.get(f"/v1/tickets/{good['number']}")).json()
    assert shown["escalation_level"] == 2


async def test_a_timer_that_was_set_aside_goes_on_where_it_stood_and_not_for_what_is_done(
    client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire, seal: Any
) -> None:
    done, open_still = await take(client), await take(client)
    clock.advance(hours=13)
    for ticket in (done, open_still):
        await lose_edition(db, ticket)
    for _ in range(4):
        await fire_all()
        clock.advance(minutes=2)
    for ticket in (done, open_still):
        await lose_edition(db, ticket, "1")
    await move(client, done, "resolve")
    assert await try_stuck_again(db) == 1
    assert await fire_all() == 1
    [event] = await sla_events(client, seal)
    assert (event["data"]["milestone"], event["data"]["percent"]) == ("first_response", 50)
    assert event["data"]["ticket_id"] == open_still["id"]
    assert event["data"]["late_by_seconds"] == 3600 + 4 * 120  # since the half of its day, not since the last try
    assert await list_stuck(db) == []


async def test_a_timer_that_fired_again_has_three_tries_anew(
    client: AsyncClient, db: Database, clock: FakeClock, fire_all: Fire
) -> None:
    ticket = await take(client)
    clock.advance(hours=13)
    await lose_edition(db, ticket)
    for _ in range(2):
        await fire_all()
        clock.advance(minutes=2)
    await lose_edition(db, ticket, "1")
    assert await fire_all() == 1
    clock.advance(hours=7)  # 80 % of the day
    await lose_edition(db, ticket)
    await fire_all()
    assert await list_stuck(db) == []


async def test_a_repair_not_done_in_time_earns_compensation_where_the_policy_promises_it(
    client: AsyncClient, clock: FakeClock, fire_all: Fire
) -> None:
    promised = await take(client, business_line="general", kind="repair", description="空调不制冷，请上门维修")
    silent = await take(client, business_line="tableware", kind="repair", description="餐盘架坏了，请维修")
    clock.advance(hours=73)
    await fire_all()
    earned = (await client.get(f"/v1/tickets/{promised['number']}")).json()["decisions"]
    assert [(d["outcome"], d["clause"]) for d in earned if d["kind"] == "compensation"] == [
        ("late_repair_compensation", "售后服务规章制度 第十四条")
    ]
    other = (await client.get(f"/v1/tickets/{silent['number']}")).json()["decisions"]
    assert not [d for d in other if d["kind"] == "compensation"]


async def test_timers_are_due_by_the_clock_of_the_database(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock
) -> None:
    await take(client)
    clock.advance(days=3650)  # this process's clock says nothing about what is due
    known = await app.state.kit.directory.known()
    async with db.begin() as session:
        row = (await session.scalars(select(TicketCommitment.next_fire_at).order_by(TicketCommitment.due_at))).first()
        database_now = await session.scalar(select(func.now()))
    assert row is not None
    assert database_now is not None
    fired = await fire(db, known)
    assert bool(fired) is (row <= database_now)
