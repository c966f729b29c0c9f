"""Working a ticket through: the moves, the clocks they touch, and what is on record afterwards."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import select, text

from app.core.db import Database
from app.models.tickets import Ticket
from app.services.rules.tickets import LIFE_CYCLE, Move, Status, allowed_moves
from tests.conftest import FakeClock
from tests.http.test_tickets import take
from tests.reliability.harness import until


async def move(client: AsyncClient, ticket: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/tickets/{ticket['number']}/{name}", json=body)
    assert response.status_code == 200, response.text
    moved: dict[str, Any] = response.json()
    return moved


def commitment(ticket: dict[str, Any], milestone: str) -> dict[str, Any]:
    """The latest instance of a milestone."""
    found: dict[str, Any] = [c for c in ticket["commitments"] if c["milestone"] == milestone][-1]
    return found


async def test_a_ticket_goes_its_whole_way(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    clock.advance(hours=1)
    acknowledged = await move(client, ticket, "acknowledge", staff_no="1101")
    assert (acknowledged["status"], acknowledged["owner_staff_no"]) == ("acknowledged", "1101")
    assert commitment(acknowledged, "first_response") | {"id": ""} == {
        "id": "",
        "milestone": "first_response",
        "target": {"value": 24, "unit": "hours"},
        "clock": "round_the_clock",
        "due_at": "2026-11-23T04:00:00.000Z",
        "calendar_confirmed": True,
        "state": "met",
        "met_at": "2026-11-22T05:00:00.000Z",
        "used_seconds": 3600,
        "paused_seconds": 0,
        "delay_reason_recorded": False,
        "escalation_acknowledged_at": None,
    }
    assert (await move(client, ticket, "assign", assignee_staff_no="2002"))["assignee_staff_no"] == "2002"
    assert (await move(client, ticket, "start", staff_no="2002"))["status"] == "in_progress"
    assert (await move(client, ticket, "resolve", resolution="换新餐盘两只"))["status"] == "resolved"
    assert (await move(client, ticket, "accept"))["status"] == "accepted"
    closed = await move(client, ticket, "close")
    assert (closed["status"], closed["closed_at"]) == ("closed", "2026-11-22T05:00:00.000Z")
    assert {c["state"] for c in closed["commitments"]} == {"met"}
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    moves = ["recorded", "acknowledge", "assign", "start", "resolve", "accept", "close"]
    assert [entry["kind"] for entry in timeline] == moves
    assert closed["version"] == 7


@pytest.mark.parametrize("status", Status)
def test_the_table_lets_every_status_but_the_last_go_on(status: Status) -> None:
    assert bool(allowed_moves(status)) is (status is not Status.CANCELLED)
    assert set(LIFE_CYCLE) == set(Move)


async def test_a_move_that_is_not_allowed_names_those_that_are(client: AsyncClient) -> None:
    ticket = await take(client)
    refused = await client.post(f"/v1/tickets/{ticket['number']}/accept", json={})
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["code"] == "invalid_transition"
    assert problem["allowed"] == ["acknowledge", "assign", "start", "resolve", "cancel", "transfer", "escalate"]


async def test_waiting_for_the_customer_stops_the_clock_and_keeps_what_is_left(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client)
    await move(client, ticket, "start", staff_no="1101")
    clock.advance(hours=10)
    waiting = await move(client, ticket, "wait", reason="等客户补照片")
    assert (waiting["status"], commitment(waiting, "resolution")["state"]) == ("waiting_customer", "paused")
    clock.advance(hours=100)  # far past the old deadline
    resumed = await move(client, ticket, "resume")
    resolution = commitment(resumed, "resolution")
    assert (resolution["state"], resolution["used_seconds"], resolution["paused_seconds"]) == (
        "running", 36_000, 360_000,
    )  # fmt: skip
    assert resolution["due_at"] == "2026-11-29T08:00:00.000Z"  # 72 h + 100 h


async def test_waiting_for_a_supplier_does_not_stop_the_clock(client: AsyncClient) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    waiting = await move(client, ticket, "wait", waiting_for="supplier")
    assert (waiting["status"], commitment(waiting, "resolution")["state"]) == ("waiting_supplier", "running")


async def test_paused_and_resolved_in_one_step(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    await move(client, ticket, "wait")
    clock.advance(hours=200)
    resolved = await move(client, ticket, "resolve", resolution="客户已自行解决")
    resolution = commitment(resolved, "resolution")
    assert (resolution["state"], resolution["used_seconds"]) == ("met", 0)


async def test_a_late_step_needs_its_reason_in_the_move_or_on_record(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    clock.advance(hours=30)
    path = f"/v1/tickets/{ticket['number']}"
    refused = await client.post(f"{path}/acknowledge", json={})
    assert (refused.status_code, refused.json()["code"]) == (422, "delay_reason_required")
    assert refused.json()["milestones"] == ["first_response"]
    assert (await client.get(path)).json()["version"] == 1
    late = await move(client, ticket, "acknowledge", delay_reason="夜班无人值守")
    assert commitment(late, "first_response")["state"] == "breached"
    clock.advance(hours=60)
    recorded = await client.post(f"{path}/delay-reasons", json={"reason": "配件缺货", "milestone": "resolution"})
    assert recorded.status_code == 200
    resolved = await move(client, ticket, "resolve")
    assert commitment(resolved, "resolution")["state"] == "breached"
    entry = (await client.get(f"{path}/timeline")).json()["items"][3]
    assert (entry["kind"], entry["text"]) == ("delay_reason", "配件缺货")
    assert entry["data"]["reported_to"]


async def test_the_reason_of_a_step_that_has_ended_is_corrected_only_where_it_is_named(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client)
    clock.advance(hours=30)
    await move(client, ticket, "acknowledge", delay_reason="夜班无人值守")
    path = f"/v1/tickets/{ticket['number']}"

    async def explain(**body: str) -> Any:
        response = await client.post(f"{path}/delay-reasons", json={"reason": "配件缺货"} | body)
        if response.status_code == 422:
            return response.json()["errors"][0]["code"]
        return (await client.get(f"{path}/timeline")).json()["items"][-1]["data"]["milestones"]

    assert [await explain(), await explain()] == [["resolution"]] * 2
    assert await explain(milestone="first_response") == ["first_response"]
    clock.advance(hours=60)
    await move(client, ticket, "resolve")
    assert await explain() == "unknown_value"  # every step has ended with its reason
    assert await explain(commitment_id=ticket["commitments"][1]["id"]) == ["resolution"]


async def test_a_reply_the_customer_can_read_is_the_first_response(client: AsyncClient) -> None:
    ticket = await take(client)
    path = f"/v1/tickets/{ticket['number']}"
    await client.post(f"{path}/comments", json={"text": "内部备注：先查批次"})
    assert commitment((await client.get(path)).json(), "first_response")["state"] == "running"
    reply = await client.post(f"{path}/comments", json={"text": "您好，已为您登记补发", "visibility": "customer"})
    assert reply.status_code == 201
    assert commitment((await client.get(path)).json(), "first_response")["state"] == "met"
    shown = (await client.get(f"{path}/timeline", params={"visibility": "customer"})).json()["items"]
    assert [entry["kind"] for entry in shown] == ["recorded", "comment"]


async def test_reopening_promises_the_resolution_anew(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    await move(client, ticket, "resolve")
    await move(client, ticket, "close")
    clock.advance(days=10)
    reopened = await move(client, ticket, "reopen", reason="问题又出现了")
    assert (reopened["status"], reopened["closed_at"]) == ("in_progress", None)
    states = [(c["milestone"], c["state"]) for c in reopened["commitments"]]
    assert states == [("first_response", "met"), ("resolution", "met"), ("resolution", "running")]
    assert commitment(reopened, "resolution")["due_at"] == "2026-12-05T04:00:00.000Z"
    assert (await move(client, ticket, "resolve"))["commitments"][-1]["state"] == "met"


async def test_a_cancelled_ticket_owes_nothing_and_is_over(client: AsyncClient) -> None:
    ticket = await take(client)
    cancelled = await move(client, ticket, "cancel", reason="重复报修")
    assert {c["state"] for c in cancelled["commitments"]} == {"cancelled"}
    refused = await client.post(f"/v1/tickets/{ticket['number']}/reopen", json={})
    assert refused.json()["allowed"] == []


async def test_a_transfer_goes_to_a_department_of_the_edition_only(client: AsyncClient) -> None:
    ticket = await take(client)
    path = f"/v1/tickets/{ticket['number']}/transfer"
    refused = await client.post(path, json={"department": "astrology"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/department")
    unexplained = await client.post(path, json={"department": "technical"})
    assert (unexplained.status_code, unexplained.json()["errors"][0]["pointer"]) == (422, "#/reason")
    moved = await move(client, ticket, "transfer", department="technical", reason="需要技术支持")
    assert moved["department"] == "technical"


async def test_the_time_with_each_department_and_person_is_kept(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    clock.advance(hours=20, minutes=30)  # Monday 8:30
    await move(client, ticket, "assign", assignee_staff_no="2002")
    clock.advance(hours=1)
    await move(client, ticket, "escalate")  # neither a change of hands nor of stage
    await move(client, ticket, "start", staff_no="2002")
    clock.advance(minutes=10)
    await move(client, ticket, "transfer", department="technical", reason="需要技术支持")
    clock.advance(minutes=30)
    await move(client, ticket, "cancel")
    clock.advance(days=1)
    path = f"/v1/tickets/{ticket['number']}/assignments"
    held = [
        (item["department"], item["staff_no"], item["status"], item["seconds"], item["working_seconds"])
        for item in (await client.get(path)).json()["items"]
    ]
    assert held == [
        (ticket["department"], None, "recorded", 73_800, 0),
        (ticket["department"], "2002", "recorded", 3600, 3600),
        (ticket["department"], "2002", "in_progress", 600, 600),
        ("technical", None, "in_progress", 1800, 1800),
    ]
    times = (await client.get("/v1/sla/handling-times", params={"group_by": "department"})).json()
    assert [
        (row["key"], row["status"], row["tickets"], row["spells"], row["total_seconds"], row["longest_seconds"])
        for row in times["rows"]
    ] == [
        (ticket["department"], "in_progress", 1, 1, 600, 600),
        (ticket["department"], "recorded", 1, 2, 77_400, 73_800),
        ("technical", "in_progress", 1, 1, 1800, 1800),
    ]
    staged = (await client.get("/v1/sla/handling-times", params={"since_gte": "2026-11-23T01:30:00Z"})).json()["rows"]
    assert [(row["key"], row["status"], row["mean_seconds"]) for row in staged] == [(None, "in_progress", 2400)]


async def test_a_move_that_waited_for_its_turn_is_made_when_it_gets_it(
    client: AsyncClient, db: Database, clock: FakeClock
) -> None:
    ticket = await take(client)
    async with db.begin() as session:

        async def waits() -> bool:
            return bool(await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

        await session.execute(select(Ticket.id).where(Ticket.number == ticket["number"]).with_for_update())
        late = asyncio.create_task(move(client, ticket, "acknowledge"))
        await until(waits, "the move waits for the ticket", seconds=5)
        clock.advance(seconds=1)
    # At the time of its request it would lie before what was done meanwhile, and a spell or pause end before it began.
    assert commitment(await late, "first_response")["used_seconds"] == 1


async def test_the_times_with_each_add_up_to_the_life_of_the_ticket(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    for step in ("start", "wait", "resume", "wait", "resume", "wait", "resume", "resolve", "accept", "close"):
        clock.advance(microseconds=900_000)
        await move(client, ticket, step)
    clock.advance(days=1)
    held = (await client.get(f"/v1/tickets/{ticket['number']}/assignments")).json()["items"]
    assert sum(item["seconds"] for item in held) == 9


async def test_escalation_climbs_to_the_roles_of_the_edition(client: AsyncClient) -> None:
    ticket = await take(client)
    levels = [(await move(client, ticket, "escalate"))["escalation_level"] for _ in range(4)]
    assert levels == [1, 2, 3, 3]
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert all(entry["data"]["told_roles"] for entry in timeline[1:])


async def test_notes_and_reasons_for_delay_are_not_for_the_customer(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    clock.advance(hours=30)
    await move(client, ticket, "acknowledge", note="客户脾气急", delay_reason="漏接", reason="已联系客户")
    path = f"/v1/tickets/{ticket['number']}/timeline"
    shown = (await client.get(path, params={"visibility": "customer"})).json()["items"]
    assert [(entry["kind"], entry["text"]) for entry in shown[1:]] == [("acknowledge", "已联系客户")]
    assert "漏接" not in str(shown)
    hidden = (await client.get(path, params={"visibility": "internal"})).json()["items"]
    assert [(entry["kind"], entry["text"]) for entry in hidden] == [("comment", "客户脾气急"), ("delay_reason", "漏接")]


async def test_every_change_is_one_event_with_its_number_in_the_ticket(client: AsyncClient, seal: Any) -> None:
    ticket = await take(client)
    await move(client, ticket, "acknowledge")
    await move(client, ticket, "start")
    await client.post(f"/v1/tickets/{ticket['number']}/comments", json={"text": "已联系客户"})
    await move(client, ticket, "resolve")
    assert (await client.get("/v1/events")).json()["items"] == []  # nothing is shown before it is sealed
    await seal()
    feed = (await client.get("/v1/events")).json()
    assert [(event["type"], event["sequence"]) for event in feed["items"]] == [
        ("ticket.recorded", 1),
        ("ticket.acknowledged", 2),
        ("ticket.started", 3),
        ("ticket.commented", 4),
        ("ticket.resolved", 5),
    ]
    assert [event["position"] for event in feed["items"]] == [1, 2, 3, 4, 5]
    assert {event["subject"] for event in feed["items"]} == {f"tickets/{ticket['id']}"}
    assert feed["next_after"] == 5
    later = (await client.get("/v1/events", params={"after": 3, "types": "ticket.resolved"})).json()
    assert [event["type"] for event in later["items"]] == ["ticket.resolved"]


async def test_a_refused_move_leaves_nothing_behind(client: AsyncClient, seal: Any) -> None:
    ticket = await take(client)
    await client.post(f"/v1/tickets/{ticket['number']}/close", json={})
    await seal()
    assert [event["type"] for event in (await client.get("/v1/events")).json()["items"]] == ["ticket.recorded"]
    assert len((await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]) == 1
