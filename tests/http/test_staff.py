"""Staff who can be given matters, and the queues they serve."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import update

from app.core.db import Database
from app.core.ids import id_from
from app.models.tickets import Ticket
from app.services import queues, upkeep
from app.services.directory import Known
from tests.builders import a_ticket
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.test_tickets import take


@pytest.fixture
def drain(app: Any, db: Database, clock: FakeClock) -> Any:
    """Do the worker's round on the queues; return how many tickets were given out."""

    async def round_() -> int:
        known: Known = await app.state.kit.directory.known()
        return await upkeep.drain_queues(db, known, clock())

    return round_


async def add(client: AsyncClient, staff_no: str, **changes: Any) -> dict[str, Any]:
    body = {"business_line": "tableware", "staff_no": staff_no, "departments": ["after_sales", "technical"]} | changes
    response = await client.post("/v1/staff", json=body)
    assert response.status_code == 201, response.text
    member: dict[str, Any] = response.json()
    return member


async def ask(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    """A matter the tableware edition routes to after-sales."""
    response = await client.post(
        "/v1/tickets", json=a_ticket(kind="consultation", description="请问如何清洗餐盘？") | changes
    )
    assert response.status_code == 201, response.text
    ticket: dict[str, Any] = response.json()
    assert ticket["department"] == "after_sales"
    return ticket


async def assignee(client: AsyncClient, ticket: dict[str, Any]) -> str | None:
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    number: str | None = shown["assignee_staff_no"]
    return number


async def test_waiting_tickets_go_to_the_least_loaded_emergencies_first(client: AsyncClient, drain: Any) -> None:
    plain = await ask(client)
    urgent = await ask(client, urgency="emergency")
    await add(client, "2001", capacity=1)
    assert await drain() == 1
    assert [await assignee(client, ticket) for ticket in (plain, urgent)] == [None, "2001"]
    [queue] = [row for row in (await client.get("/v1/queues")).json()["rows"] if row["department"] == "after_sales"]
    assert (queue["waiting"], queue["emergencies"], queue["available_staff"], queue["free_places"]) == (1, 0, 1, 0)
    await add(client, "2002")
    assert await drain() == 1
    assert await assignee(client, plain) == "2002"
    assert await drain() == 0


async def test_a_queue_drains_when_somebody_becomes_free(client: AsyncClient, drain: Any) -> None:
    first, second = await ask(client), await ask(client)
    await add(client, "2001", capacity=1)
    assert await drain() == 1
    await client.post(f"/v1/tickets/{first['number']}/resolve", json={"staff_no": "2001"})
    assert await drain() == 1
    assert await assignee(client, second) == "2001"


async def test_a_department_that_is_full_holds_up_no_other(
    app: Any, client: AsyncClient, db: Database, clock: FakeClock
) -> None:
    taken, *_ = [await ask(client) for _ in range(3)]
    other = await ask(client)
    moved = await client.post(
        f"/v1/tickets/{other['number']}/transfer", json={"department": "technical", "reason": "技术问题"}
    )
    assert moved.status_code == 200, moved.text
    await add(client, "2001", departments=["after_sales"], capacity=1)
    known: Known = await app.state.kit.directory.known()
    line = known.by_name["tableware"].id
    async with db.begin() as session:
        assert await queues.drain(session, known, line, clock(), limit=2) == 1
    assert await assignee(client, taken) == "2001"
    await add(client, "2002", departments=["technical"])
    async with db.begin() as session:
        assert await queues.drain(session, known, line, clock(), limit=2) == 1
    assert await assignee(client, other) == "2002"


async def test_what_nobody_there_can_take_holds_up_nothing_behind_it(
    app: Any, client: AsyncClient, db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    *gas, plain = [await ask(client) for _ in range(5)]
    numbers = {ticket["number"] for ticket in gas}
    await add(client, "2001")
    known: Known = await app.state.kit.directory.known()
    line = known.by_name["tableware"].id
    # No shipped edition asks for a skill: here some matters do.
    asked = {id_from("tkt", ticket["id"]) for ticket in gas}
    monkeypatch.setattr(queues, "facts_of", lambda ticket: ticket.id)
    monkeypatch.setattr(queues, "required_skills", lambda ticket, _: frozenset({"gas"} if ticket in asked else ()))
    async with db.begin() as session:
        assert await queues.drain(session, known, line, clock(), limit=2) == 1
    assert await assignee(client, plain) == "2001"
    assert {ticket["number"] for ticket in gas if await assignee(client, ticket) is None} == numbers


async def test_a_ticket_whose_edition_is_lost_holds_up_no_other(client: AsyncClient, db: Database, drain: Any) -> None:
    lost, other = await ask(client), await ask(client)
    async with db.begin() as session:
        await session.execute(update(Ticket).where(Ticket.number == lost["number"]).values(policy_version="lost"))
    await add(client, "2001")
    assert await drain() == 1
    assert await assignee(client, other) == "2001"


async def test_a_repair_that_waited_too_long_in_the_queue_is_reported_as_late(
    client: AsyncClient, drain: Any, clock: FakeClock
) -> None:
    response = await client.post(
        "/v1/tickets",
        json=a_ticket(business_line="home_furnishing", kind="repair", description="空调不制冷，请上门维修"),
    )
    ticket = response.json()
    assert "arrange_repair" in {c["milestone"] for c in ticket["commitments"]}
    clock.advance(days=30)
    await add(client, "2001", business_line="home_furnishing", departments=[ticket["department"]])
    assert await drain() == 1
    items = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    [reason] = [item for item in items if item["kind"] == "delay_reason"]
    assert reason["data"]["milestones"] == ["arrange_repair"]
    assert reason["data"]["reported_to"]


async def test_who_is_away_is_given_nothing_until_back(client: AsyncClient, drain: Any) -> None:
    ticket = await ask(client)
    member = await add(client, "2001", available=False)
    assert await drain() == 0
    path = f"/v1/staff/{member['id']}/availability"
    back = await client.post(path, json={"available": True})
    assert (back.json()["available"], back.json()["version"]) == (True, 2)
    assert await drain() == 1
    assert await assignee(client, ticket) == "2001"


async def give(client: AsyncClient, ticket: dict[str, Any], move: str = "assign", **body: Any) -> Response:
    return await client.post(f"/v1/tickets/{ticket['number']}/{move}", json=body)


async def test_nobody_is_given_more_by_hand_than_they_may_have(client: AsyncClient) -> None:
    first, second = await ask(client), await ask(client)
    member = await add(client, "2001", capacity=1)
    assert (await give(client, first, assignee_staff_no="2001")).status_code == 200
    assert (await give(client, first, assignee_staff_no="2001")).status_code == 200  # it is theirs already
    full = check_problem(await give(client, second, assignee_staff_no="2001"), 409, "staff_at_capacity")
    assert (full["staff_no"], full["capacity"]) == ("2001", 1)
    handed = {"department": "technical", "assignee_staff_no": "2001", "reason": "技术问题"}
    check_problem(await give(client, second, "transfer", **handed), 409, "staff_at_capacity")
    check_problem(await give(client, second, "start", staff_no="2001"), 409, "staff_at_capacity")
    assert await assignee(client, second) is None
    assert (await give(client, second, assignee_staff_no="9009")).status_code == 200  # not on register
    await give(client, first, "resolve", staff_no="2001")
    assert (await give(client, second, "transfer", **handed)).status_code == 200
    assert (await give(client, first, "reopen", staff_no="2001")).status_code == 200  # it goes back to who had it
    shown = (await client.get(f"/v1/staff/{member['id']}")).json()
    assert (shown["open_tickets"], shown["capacity"]) == (2, 1)


async def test_hands_and_queues_at_once_give_nobody_more_than_they_may_have(client: AsyncClient, drain: Any) -> None:
    tickets = [await ask(client) for _ in range(8)]
    member = await add(client, "2001", capacity=3)
    path = f"/v1/staff/{member['id']}"
    by_hand = [give(client, ticket, assignee_staff_no="2001") for ticket in tickets]
    await asyncio.gather(*by_hand, drain(), drain())
    assert (await client.get(path)).json()["open_tickets"] == 3
    await drain()
    assert (await client.get(path)).json()["open_tickets"] == 3


async def test_an_assignment_by_the_queue_is_told_and_explained(client: AsyncClient, drain: Any, seal: Any) -> None:
    ticket = await ask(client)
    await add(client, "2001")
    await drain()
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    [decision] = [entry for entry in shown["decisions"] if entry["kind"] == "assignment"]
    assert (decision["outcome"], decision["rule"], decision["basis"]) == ("2001", "queue.least_loaded", "assumed")
    assert shown["version"] == 2
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert (timeline[-1]["kind"], timeline[-1]["author"]) == ("assign", "system")
    await seal()
    events = (await client.get("/v1/events", params={"types": "ticket.assigned"})).json()["items"]
    assert [event["data"]["by"] for event in events] == ["queue"]
    held = (await client.get(f"/v1/tickets/{ticket['number']}/assignments")).json()["items"]
    assert [row["staff_no"] for row in held] == [None, "2001"]


async def test_staff_are_registered_once_changed_and_listed(client: AsyncClient) -> None:
    member = await add(client, "2001", skills=["gas"])
    again = {"business_line": "tableware", "staff_no": "2001", "departments": ["technical"]}
    check_problem(await client.post("/v1/staff", json=again), 409, "staff_exists")
    unknown = await client.post("/v1/staff", json=again | {"staff_no": "2", "departments": ["technical", "astrology"]})
    assert check_problem(unknown, 422, "validation_failed")["errors"][0]["pointer"] == "#/departments/1"
    path = f"/v1/staff/{member['id']}"
    check_problem(await client.patch(path, json={"capacity": 3}), 428, "if_match_required")
    tag = (await client.get(path)).headers["etag"]
    changed = await client.patch(path, json={"capacity": 3}, headers={"If-Match": tag})
    assert (changed.json()["capacity"], changed.json()["skills"]) == (3, ["gas"])
    check_problem(await client.patch(path, json={"capacity": 4}, headers={"If-Match": tag}), 412, "version_mismatch")
    await add(client, "2002", departments=["production"])
    listed = (await client.get("/v1/staff", params={"department": "technical"})).json()["items"]
    assert [(row["staff_no"], row["open_tickets"]) for row in listed] == [("2001", 0)]


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient, drain: Any) -> None:
    member = await add(client, "2001")
    theirs = await make_client(lines=("chemicals",))
    assert (await theirs.get("/v1/staff")).json()["items"] == []
    assert (await theirs.get("/v1/queues")).json()["rows"] == []
    for name in (member["id"], "stf_" + "0" * 32, "x"):
        check_problem(await theirs.get(f"/v1/staff/{name}"), 404, "not_found")
        check_problem(
            await theirs.patch(f"/v1/staff/{name}", json={"capacity": 1}, headers={"If-Match": "*"}), 404, "not_found"
        )
        away = await theirs.post(f"/v1/staff/{name}/availability", json={"available": False})
        check_problem(away, 404, "not_found")
    await add(theirs, "2001", business_line="chemicals", departments=["after_sales"])  # the same number elsewhere
    ticket = await take(client, kind="consultation", description="请问如何清洗餐盘？")
    await drain()
    assert await assignee(client, ticket) == "2001"
    assert (await theirs.get("/v1/staff")).json()["items"][0]["open_tickets"] == 0
