"""Test clocks: an integrator's tickets live by them, from intake to the last escalation, and nothing else does."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from app.core.db import Database
from app.core.settings import Settings
from app.services import test_clocks, upkeep
from tests.builders import a_ticket
from tests.conftest import FakeClock
from tests.http.operations import BODIES
from tests.http.problems import check_problem
from tests.http.test_ticket_changes import patch
from tests.http.test_ticket_moves import commitment, move
from tests.http.test_tickets import take

NOON = "2026-03-02T04:00:00.000Z"  # a Monday; the service itself lives on another day
HOUR = 3600


@pytest.fixture
def sandbox() -> bool:
    return True


@pytest.fixture
def settings(settings: Settings, sandbox: bool) -> Settings:
    return settings.model_copy(update={"sandbox": sandbox})


async def make(client: AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post("/v1/test-clocks", json={"business_line": "tableware", "now": NOON} | body)
    assert response.status_code == 201, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def advance(client: AsyncClient, clock: dict[str, Any], **step: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/test-clocks/{clock['id']}/advance", json=step)
    assert response.status_code == 200, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def read(client: AsyncClient, ticket: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    return shown


async def sla_events(client: AsyncClient, seal: Callable[[], Awaitable[int]]) -> list[dict[str, Any]]:
    await seal()
    items = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    return [event for event in items if event["type"].startswith("sla.")]


def field_codes(response: Response) -> list[tuple[str, str]]:
    check_problem(response, 422, "validation_failed")
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


async def test_a_clock_stands_where_it_was_put_until_it_is_advanced(client: AsyncClient, clock: FakeClock) -> None:
    made = await make(client, name="时限测试")
    assert made["id"].startswith("clk_")
    assert (made["business_line"], made["name"], made["now"], made["status"]) == (
        "tableware",
        "时限测试",
        NOON,
        "ready",
    )
    clock.advance(days=3)
    assert (await client.get(f"/v1/test-clocks/{made['id']}")).json() == made
    after = await advance(client, made, by_seconds=HOUR)
    assert (after["now"], after["version"], after["fired"]) == ("2026-03-02T05:00:00.000Z", made["version"] + 1, 0)
    assert (await advance(client, made, to="2026-03-02T14:00:00+08:00"))["now"] == "2026-03-02T06:00:00.000Z"
    assert (await client.get("/v1/test-clocks")).json()["items"][0]["now"] == "2026-03-02T06:00:00.000Z"


async def test_what_is_due_on_the_way_fires_in_order_each_at_its_own_time(client: AsyncClient, seal: Any) -> None:
    made = await make(client)
    ticket = await take(client, urgency="emergency", test_clock=made["id"])  # 2 h to respond, 24 h to resolve
    assert (ticket["test_clock"], ticket["opened_at"], ticket["number"][:11]) == (made["id"], NOON, "AS-20260302")
    assert commitment(ticket, "first_response")["due_at"] == "2026-03-02T06:00:00.000Z"
    assert (await advance(client, made, by_seconds=2 * HOUR))["fired"] == 2  # the very deadline is still in time
    assert commitment(await read(client, ticket), "first_response")["state"] == "running"
    assert (await advance(client, made, by_seconds=30 * 24 * HOUR))["fired"] == 10
    fired = await sla_events(client, seal)
    assert [event["sequence"] for event in fired] == list(range(2, 14))
    times = [event["timestamp"] for event in fired]
    assert times == sorted(times)
    assert times[0] == "2026-03-02T05:00:00.000Z"
    assert {event["data"]["late_by_seconds"] for event in fired} == {0}
    shown = await read(client, ticket)
    assert {c["state"] for c in shown["commitments"]} == {"breached"}
    assert shown["escalation_level"] == 3
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert [entry["at"] for entry in timeline] == sorted(entry["at"] for entry in timeline)


async def test_every_later_step_of_a_bound_ticket_happens_at_the_time_of_its_clock(
    client: AsyncClient, clock: FakeClock
) -> None:
    made = await make(client)
    ticket = await take(client, test_clock=made["id"])
    clock.advance(days=100)
    await advance(client, made, by_seconds=HOUR)
    started = await move(client, ticket, "start", staff_no="1101")
    assert commitment(started, "first_response")["met_at"] == "2026-03-02T05:00:00.000Z"
    await move(client, ticket, "wait")
    await advance(client, made, by_seconds=500 * HOUR)
    resumed = await move(client, ticket, "resume")
    resolution = commitment(resumed, "resolution")
    assert (resolution["state"], resolution["used_seconds"], resolution["paused_seconds"]) == (
        "running", HOUR, 500 * HOUR,
    )  # fmt: skip
    assert (await patch(client, ticket, urgency="emergency")).json()["updated_at"] == "2026-03-23T01:00:00.000Z"
    path = f"/v1/tickets/{ticket['number']}"
    told = (await client.post(f"{path}/comments", json={"text": "已联系", "staff_no": "1101"})).json()
    assert told["at"] == "2026-03-23T01:00:00.000Z"
    why = (await client.get(f"{path}/commitments/{resolution['id']}/explanation")).json()
    assert why["commitment"]["used_seconds"] == HOUR
    assigned = (await client.get(f"{path}/assignments")).json()["items"]
    assert [(item["status"], item["since"]) for item in assigned] == [
        ("recorded", NOON),
        ("in_progress", "2026-03-02T05:00:00.000Z"),
        ("waiting_customer", "2026-03-02T05:00:00.000Z"),
        ("in_progress", "2026-03-23T01:00:00.000Z"),
    ]
    assert assigned[2]["seconds"] == 500 * HOUR


async def test_lists_and_reports_judge_each_ticket_by_its_own_time(client: AsyncClient, clock: FakeClock) -> None:
    made = await make(client, now="2027-03-01T00:00:00Z")
    bound, real = await take(client, test_clock=made["id"]), await take(client)
    assert (await client.get("/v1/sla/overdue")).json()["items"] == []
    await advance(client, made, by_seconds=25 * HOUR)
    late = (await client.get("/v1/sla/overdue")).json()["items"]
    assert [(item["ticket_number"], item["state"], item["seconds_left"]) for item in late] == [
        (bound["number"], "breached", -HOUR)
    ]
    listed = (await client.get("/v1/tickets", params={"overdue": "true"})).json()["items"]
    assert [(item["number"], commitment(item, "first_response")["state"]) for item in listed] == [
        (bound["number"], "breached")
    ]
    rows = (await client.get("/v1/sla/performance")).json()["rows"]
    assert [(row["milestone"], row["running"], row["breached"]) for row in rows] == [
        ("first_response", 1, 1), ("resolution", 2, 0),
    ]  # fmt: skip
    clock.advance(hours=25)
    late = (await client.get("/v1/sla/overdue")).json()["items"]
    assert {item["ticket_number"] for item in late} == {bound["number"], real["number"]}
    assert {item["seconds_left"] for item in late} == {-HOUR}


async def test_the_time_a_department_has_a_bound_ticket_for_is_that_of_its_clock(client: AsyncClient) -> None:
    made = await make(client, now="2027-03-01T00:00:00Z")
    await take(client, test_clock=made["id"])
    await advance(client, made, by_seconds=25 * HOUR)
    [row] = (await client.get("/v1/sla/handling-times")).json()["rows"]
    assert (row["total_seconds"], row["longest_seconds"]) == (25 * HOUR, 25 * HOUR)


async def test_workers_leave_a_bound_ticket_to_its_clock_and_all_others_to_the_real_time(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock
) -> None:
    made = await make(client)
    bound, real = await take(client, test_clock=made["id"]), await take(client)
    known = await app.state.kit.directory.known()
    assert (await advance(client, made, by_seconds=400 * 24 * HOUR))["fired"] == 12  # long past the real time
    assert await upkeep.fire(db, known, clock()) == 0
    assert (await read(client, real))["escalation_level"] == 0
    clock.advance(days=30)
    assert await upkeep.fire(db, known, clock()) == 12
    assert await upkeep.finish_test_clocks(db, known) == 0
    assert (await read(client, real))["escalation_level"] == (await read(client, bound))["escalation_level"] == 3


async def test_of_very_many_timers_a_worker_fires_the_rest_and_the_clock_says_so(
    app: FastAPI, client: AsyncClient, db: Database, seal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_clocks, "MOST_FIRED_AT_ONCE", 2)
    made = await make(client)
    for _ in range(5):
        await take(client, test_clock=made["id"])
    advanced = await advance(client, made, by_seconds=30 * 24 * HOUR)
    assert (advanced["status"], 0 < advanced["fired"] < 60) == ("advancing", True)
    assert (await client.get("/v1/test-clocks")).json()["items"][0]["status"] == "advancing"
    known = await app.state.kit.directory.known()
    assert advanced["fired"] + await upkeep.finish_test_clocks(db, known) == 60
    assert (await client.get(f"/v1/test-clocks/{made['id']}")).json()["status"] == "ready"
    assert {event["data"]["late_by_seconds"] for event in await sla_events(client, seal)} == {0}


async def test_an_advance_that_is_repeated_under_its_key_is_made_once(client: AsyncClient) -> None:
    made = await make(client)
    path, headers = f"/v1/test-clocks/{made['id']}/advance", {"Idempotency-Key": "one-step"}
    first, again = [await client.post(path, json={"by_seconds": HOUR}, headers=headers) for _ in range(2)]
    assert (first.content, again.headers["idempotent-replayed"]) == (again.content, "true")
    assert (await client.get(f"/v1/test-clocks/{made['id']}")).json()["now"] == "2026-03-02T05:00:00.000Z"


@pytest.mark.parametrize(
    ("step", "pointer", "code"),
    [
        ({"to": "2026-03-02T03:59:59.999Z"}, "#/to", "in_the_past"),
        ({"to": "2029-03-02T00:00:00Z"}, "#/to", "too_large"),
        ({"by_seconds": 0}, "#/by_seconds", "too_small"),
        ({"by_seconds": 2 * 366 * 86_400 + 1}, "#/by_seconds", "too_large"),
        ({"by_seconds": 1, "to": "2026-03-02T05:00:00Z"}, "#", "one_of"),
        ({}, "#", "one_of"),
    ],
)
async def test_a_clock_goes_forwards_only_and_two_years_at_most(
    client: AsyncClient, step: dict[str, Any], pointer: str, code: str
) -> None:
    made = await make(client)
    refused = await client.post(f"/v1/test-clocks/{made['id']}/advance", json=step)
    assert field_codes(refused) == [(pointer, code)]
    assert (await advance(client, made, to=made["now"]))["fired"] == 0  # to stay is no step backwards


async def test_no_clock_goes_past_the_times_that_are_taken(client: AsyncClient) -> None:
    made = await make(client, now="2100-12-31T00:00:00Z")
    refused = await client.post(f"/v1/test-clocks/{made['id']}/advance", json={"by_seconds": 86_400})
    assert field_codes(refused) == [("#/by_seconds", "out_of_range")]


async def test_a_ticket_is_opened_in_the_past_of_its_clock_and_a_clock_of_its_line(client: AsyncClient) -> None:
    made, other = await make(client), await make(client, business_line="chemicals")
    path = "/v1/tickets"
    ahead = await client.post(path, json=a_ticket(test_clock=made["id"], opened_at="2026-03-02T04:06:00Z"))
    assert field_codes(ahead) == [("#/opened_at", "in_the_future")]
    foreign = await client.post(path, json=a_ticket(test_clock=other["id"]))
    assert field_codes(foreign) == [("#/test_clock", "unknown_value")]
    late = await take(client, test_clock=made["id"], opened_at="2026-02-01T00:00:00Z")
    assert commitment(late, "first_response")["state"] == "breached"


async def test_the_real_time_is_kept_where_it_counts(client: AsyncClient, db: Database, clock: FakeClock) -> None:
    made = await make(client, now="2020-01-01T00:00:00Z")
    headers = {"Idempotency-Key": "taken-in-2020"}
    first = await client.post("/v1/tickets", json=a_ticket(test_clock=made["id"]), headers=headers)
    assert await upkeep.purge(db, clock()) == 0  # the key is not six years old
    again = await client.post("/v1/tickets", json=a_ticket(test_clock=made["id"]), headers=headers)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")


async def test_whoever_asks_whether_it_is_ready_learns_that_it_is_a_sandbox(client: AsyncClient) -> None:
    assert (await client.get("/readyz")).json()["sandbox"] is True


@pytest.mark.parametrize("sandbox", [False])
async def test_outside_a_sandbox_there_are_no_test_clocks(client: AsyncClient, sandbox: bool) -> None:
    clock_id = "clk_" + "0" * 32
    for method, path in (
        ("POST", ""), ("GET", ""), ("GET", f"/{clock_id}"), ("POST", f"/{clock_id}/advance"),
    ):  # fmt: skip
        check_problem(await client.request(method, f"/v1/test-clocks{path}", json={}), 404, "not_found")
    refused = await client.post("/v1/tickets", json=a_ticket(test_clock=clock_id))
    assert field_codes(refused) == [("#/test_clock", "sandbox_only")]
    assert (await client.get("/readyz")).json()["sandbox"] is False


async def test_what_is_found_out_about_a_ticket_is_noted_in_its_own_time(client: AsyncClient) -> None:
    ticket = await take(client, test_clock=(await make(client))["id"])
    path = f"/v1/tickets/{ticket['number']}"
    body = BODIES["POST /v1/tickets/{ticket}/inspections"]
    assert (await client.post(f"{path}/inspections", json=body)).json()["inspected_at"] == NOON
    later = await client.post(f"{path}/inspections", json=body | {"inspected_at": "2026-03-02T04:01:00Z"})
    assert field_codes(later) == [("#/inspected_at", "in_the_future")]
    found = await client.post(f"{path}/responsibility", json=BODIES["POST /v1/tickets/{ticket}/responsibility"])
    assert found.json()["determined_at"] == NOON
    await client.post(f"{path}/capa", json=BODIES["POST /v1/tickets/{ticket}/capa"])
    timeline = (await client.get(f"{path}/timeline")).json()["items"]
    assert [(entry["kind"], entry["at"]) for entry in timeline] == [
        ("recorded", NOON), ("inspected", NOON), ("determined", NOON), ("capa_linked", NOON),
    ]  # fmt: skip
