"""A ticket moved to another edition: all is decided again, what was used and paused stays."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.core.db import Database
from app.services.policy_book import PolicyBook
from app.services.upkeep import fire
from tests.conftest import FakeClock
from tests.http.policies import TODAY, an_edition, with_terms
from tests.http.test_ticket_changes import patch
from tests.http.test_ticket_moves import commitment, move
from tests.http.test_tickets import take


@pytest.fixture
def shipped(book: PolicyBook) -> str:
    return book.get("tableware", "1").text


async def register(client: AsyncClient, text: str, **options: Any) -> None:
    registered = await client.post("/v1/policies", json=an_edition(text, **options))
    assert registered.status_code == 201, registered.text


async def moved(client: AsyncClient, ticket: dict[str, Any], version: str = "2") -> dict[str, Any]:
    answer = await patch(client, ticket, policy={"version": version}, reason="客户要求按新版办理", staff_no="1101")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_everything_is_decided_again_and_what_was_used_and_paused_stays(
    client: AsyncClient, clock: FakeClock, shipped: str, seal: Any
) -> None:
    ticket = await take(client, kind="repair", description="餐盘架坏了，请维修")
    await move(client, ticket, "start")
    clock.advance(hours=1)
    await move(client, ticket, "wait")
    clock.advance(hours=10)
    await move(client, ticket, "resume")
    visit = 'milestone = "on_site_visit", target = { value = 3, unit = "days" }, when = { kind = ["repair"] }'
    text = with_terms(shipped, visit).replace("value = 72,", "value = 48,").replace("第十八条", "第三十条")
    text = text.replace('role = "service_technician", basis', 'role = "intake_agent", basis')
    await register(client, text)
    after = await moved(client, ticket)
    assert after["policy"] == {"name": "tableware", "version": "2"}
    resolution = commitment(after, "resolution")
    assert resolution["id"] == commitment(ticket, "resolution")["id"]
    assert (resolution["target"]["value"], resolution["used_seconds"], resolution["paused_seconds"]) == (
        48, 3600, 36_000,
    )  # fmt: skip
    assert resolution["due_at"] == "2026-11-24T14:00:00.000Z"  # 48 h from Sunday noon, and 10 h of waiting
    assert commitment(after, "on_site_visit")["due_at"] == "2026-11-25T16:00:00.000Z"
    assert (after["handler_role"], commitment(after, "first_response")["state"]) == ("intake_agent", "met")
    edition, *rest = after["decisions"][len(ticket["decisions"]) :]
    assert (edition["kind"], edition["outcome"]) == ("edition", "tableware/edition_2")
    cited = {d["outcome"]: d["clause"] for d in rest}
    assert (cited["resolution:48_hours"], cited["first_response:24_hours"]) == ("第三十条", "第三十条")
    entry = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"][-1]
    assert (entry["kind"], entry["text"], entry["data"]["before"]["policy"]) == (
        "changed", "客户要求按新版办理", {"name": "tableware", "version": "1"},
    )  # fmt: skip
    await seal()
    event = (await client.get("/v1/events", params={"types": "ticket.changed"})).json()["items"][-1]
    assert event["data"]["changed"] == ["policy"]
    again = await moved(client, ticket)
    assert (again["version"], again["decisions"]) == (after["version"], after["decisions"])


async def test_the_calendar_of_the_new_edition_counts(client: AsyncClient, clock: FakeClock, shipped: str) -> None:
    ticket = await take(client, channel="email")
    assert commitment(ticket, "email_reply")["due_at"] == "2026-11-23T08:30:00.000Z"  # Monday 16:30
    await register(client, shipped.replace('mon = [["08:30", "17:30"]]', 'mon = [["08:30", "12:30"]]'))
    clock.advance(days=30)  # late under the one as under the other
    after = await moved(client, ticket)
    assert commitment(after, "email_reply")["due_at"] == "2026-11-24T04:30:00.000Z"


async def test_a_resolved_ticket_goes_on_to_its_close_by_the_new_calendar(client: AsyncClient, shipped: str) -> None:
    close = 'milestone = "closed_loop", target = { value = 8, unit = "working_hours" }'
    await register(client, with_terms(shipped, close))
    shorter = with_terms(shipped, close).replace('mon = [["08:30", "17:30"]]', 'mon = [["08:30", "12:30"]]')
    await register(client, shorter, version="3")
    ticket = await take(client)
    assert ticket["policy"]["version"] == "3"
    await move(client, ticket, "resolve")
    after = await moved(client, ticket, "2")
    assert [(c["milestone"], c["state"], c["due_at"]) for c in after["commitments"] if c["met_at"] is None] == [
        ("closed_loop", "running", "2026-11-23T08:30:00.000Z")
    ]


async def test_a_matter_taken_up_again_is_to_be_closed_by_one_time_only(
    client: AsyncClient, clock: FakeClock, shipped: str
) -> None:
    await register(client, with_terms(shipped, 'milestone = "closed_loop", target = { value = 96, unit = "hours" }'))
    ticket = await take(client)
    await move(client, ticket, "resolve")
    clock.advance(hours=1)
    after = await move(client, ticket, "reopen")
    closing = [c["state"] for c in after["commitments"] if c["milestone"] == "closed_loop"]
    assert closing == ["cancelled", "running"]


@pytest.mark.parametrize("first", ["1", "2"])
async def test_a_wait_stops_the_clock_where_the_edition_it_moves_to_says_so(
    client: AsyncClient, clock: FakeClock, shipped: str, first: str
) -> None:
    waits_on = shipped.replace("waiting_customer = { value = true", "waiting_customer = { value = false")
    ticket = await take(client)
    await register(client, waits_on)
    if first == "2":
        ticket = await moved(client, ticket)
    await move(client, ticket, "start")
    clock.advance(hours=1)
    waiting = await move(client, ticket, "wait")
    assert commitment(waiting, "resolution")["state"] == {"1": "paused", "2": "running"}[first]
    clock.advance(hours=5)
    other = {"1": "2", "2": "1"}[first]
    after = commitment(await moved(client, ticket, other), "resolution")
    assert (after["state"], after["used_seconds"], after["paused_seconds"]) == {
        "1": ("running", 3600, 5 * 3600), "2": ("paused", 6 * 3600, 0),
    }[first]  # fmt: skip


async def test_what_was_told_is_not_told_again(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, shipped: str, seal: Any
) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")

    async def fired() -> list[tuple[str, int]]:
        await fire(db, await app.state.kit.directory.known(), clock())
        await seal()
        events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
        return [(event["type"], event["data"]["percent"]) for event in events if event["type"].startswith("sla.")]

    clock.advance(hours=60)  # 83 % of 72 h
    assert await fired() == [("sla.warning", 50), ("sla.warning", 80)]
    other = shipped.replace("value = [50, 80]", "value = [70, 90]")
    await register(client, other, effective_from=TODAY + timedelta(days=3))
    await moved(client, ticket)
    assert await fired() == [("sla.warning", 50), ("sla.warning", 80)]
    clock.advance(hours=12, seconds=1)
    assert (await fired())[2:] == [("sla.warning", 90), ("sla.breached", 100), ("sla.escalated", 100)]


async def test_a_department_chosen_by_a_person_stays_if_the_edition_has_it(client: AsyncClient, shipped: str) -> None:
    kept, lost = await take(client), await take(client)
    await move(client, kept, "transfer", department="technical", reason="需要技术支持")
    await move(client, lost, "transfer", department="sales", reason="需要客户沟通")
    renamed = shipped.replace('"sales"', '"marketing"').replace("\nsales = {", "\nmarketing = {")
    await register(client, renamed)
    assert (await moved(client, kept))["department"] == "technical"
    after = await moved(client, lost)
    assert after["department"] == lost["department"]
    assert "sales" not in after["collaborating_departments"]


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ({"version": "9"}, "#/policy/version"),
        ({"version": "later"}, "#/policy/version"),  # not in force yet
        ({"name": "chemicals", "version": "1"}, "#/policy/name"),
        ({"name": "tableware"}, "#/policy/version"),
        (None, "#/policy"),
    ],
)
async def test_only_an_edition_of_the_same_policy_that_is_in_force(
    client: AsyncClient, shipped: str, policy: dict[str, str] | None, pointer: str
) -> None:
    await register(client, shipped, version="later", effective_from=TODAY + timedelta(days=1))
    ticket = await take(client)
    refused = await patch(client, ticket, policy=policy)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    assert (shown["policy"]["version"], shown["version"]) == ("1", 1)


@pytest.mark.parametrize(
    ("when", "changes", "milestone"),
    [
        ('when = { product_category = ["dishwasher"] }', {"product": {"category": "dishwasher"}}, "on_site_visit"),
        ('when = { kind = ["installation"] }', {"kind": "installation"}, "on_site_visit"),
        ('when = { tier = ["vip"] }', {"customer": {"tier": "vip"}}, "arrange_repair"),
        ('when = { item_class = ["customised"] }', {"item_class": "customised"}, "preliminary_handling"),
        ('when = { severity = ["critical"] }', {"severity": "critical"}, "acknowledge"),
        ('when = { region = ["CN-ZJ"] }', {"region": "CN-ZJ"}, "engineer_analysis"),
        ('when = { urgency = ["emergency"] }', {"urgency": "emergency"}, "email_reply"),
    ],
)
async def test_a_corrected_fact_brings_the_milestone_that_the_edition_promises_for_it(
    client: AsyncClient, clock: FakeClock, shipped: str, when: str, changes: dict[str, Any], milestone: str
) -> None:
    term = f'milestone = "{milestone}", target = {{ value = 7, unit = "hours" }}, {when}'
    await register(client, with_terms(shipped, term))
    ticket = await take(client, kind="consultation", severity="minor", description="请问怎么安装")
    assert milestone not in {c["milestone"] for c in ticket["commitments"]}
    clock.advance(hours=1)
    after = (await patch(client, ticket, **changes)).json()
    added = commitment(after, milestone)
    assert (added["state"], added["used_seconds"]) == ("running", 3600)
    assert added["due_at"] == "2026-11-22T11:00:00.000Z"
    assert f"{milestone}:7_hours" in {d["outcome"] for d in after["decisions"] if d["clause"] == "第90条"}
