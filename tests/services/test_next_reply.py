"""The next reply: due from each message of the customer, under an own edition that promises one."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from app.core.db import Database
from app.services.policy_book import PolicyBook
from app.services.upkeep import fire
from tests.conftest import FakeClock
from tests.http.policies import an_edition, with_terms
from tests.http.test_ticket_changes import patch
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take

TERMS = (
    'milestone = "next_reply", target = { value = 1, unit = "hours" }, when = { urgency = ["emergency"] }',
    'milestone = "next_reply", target = { value = 4, unit = "hours" }, when = { kind = ["complaint", "repair"] }',
)


@pytest.fixture(autouse=True)
async def edition(client: AsyncClient, book: PolicyBook) -> None:
    text = with_terms(book.get("tableware", "1").text, *TERMS)
    registered = await client.post("/v1/policies", json=an_edition(text))
    assert registered.status_code == 201, registered.text


async def comment(client: AsyncClient, ticket: dict[str, Any], **body: Any) -> Response:
    return await client.post(f"/v1/tickets/{ticket['number']}/comments", json={"text": "盘子什么时候到？"} | body)


async def customer_writes(client: AsyncClient, ticket: dict[str, Any]) -> None:
    assert (await comment(client, ticket, author="customer")).status_code == 201


async def staff_reply(client: AsyncClient, ticket: dict[str, Any], **body: Any) -> Response:
    return await comment(client, ticket, visibility="customer", staff_no="1101", **body)


async def shown(client: AsyncClient, ticket: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    return document


async def replies(client: AsyncClient, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in (await shown(client, ticket))["commitments"] if c["milestone"] == "next_reply"]


async def states(client: AsyncClient, ticket: dict[str, Any]) -> list[str]:
    return [reply["state"] for reply in await replies(client, ticket)]


async def test_it_is_promised_with_the_message_and_not_before(client: AsyncClient) -> None:
    ticket = await take(client)
    assert ticket["policy"]["version"] == "2"
    preview = (await client.post("/v1/sla/preview", json={"business_line": "tableware", "kind": "complaint"})).json()
    for promised in (ticket, preview):
        assert "next_reply" not in {c["milestone"] for c in promised["commitments"]}
        assert "next_reply" not in str(promised["decisions"])
    await customer_writes(client, ticket)
    [reply] = await replies(client, ticket)
    assert (reply["target"], reply["due_at"]) == ({"value": 4, "unit": "hours"}, "2026-11-22T08:00:00.000Z")
    document = await shown(client, ticket)
    assert [(d["outcome"], d["clause"]) for d in document["decisions"] if "next_reply" in d["outcome"]] == [
        ("next_reply:4_hours", "第91条")
    ]
    assert "2026-11-22 16:00 前再次答复" in document["promise"]["zh"]
    told = (await client.get(f"/v1/tickets/{ticket['number']}/commitments/{reply['id']}/explanation")).json()
    assert (told["allowance_seconds"], told["decisions"][0]["clause"]) == (14_400, "第91条")


async def test_each_message_starts_it_anew_and_a_reply_meets_it(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    await customer_writes(client, ticket)
    clock.advance(hours=1)
    await customer_writes(client, ticket)
    first, second = await replies(client, ticket)
    assert (first["state"], second["state"], first["id"] == second["id"]) == ("cancelled", "running", False)
    assert second["due_at"] == "2026-11-22T09:00:00.000Z"
    await comment(client, ticket, staff_no="1101")  # between staff: no reply
    assert await states(client, ticket) == ["cancelled", "running"]
    await staff_reply(client, ticket)
    assert await states(client, ticket) == ["cancelled", "met"]
    await staff_reply(client, ticket)
    await customer_writes(client, ticket)
    assert await states(client, ticket) == ["cancelled", "met", "running"]
    decisions = (await shown(client, ticket))["decisions"]
    assert len([d for d in decisions if d["outcome"] == "next_reply:4_hours"]) == 1  # the same each time


async def test_a_late_reply_needs_its_reason_and_another_message_does_not_undo_the_breach(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client)
    await staff_reply(client, ticket)
    await customer_writes(client, ticket)
    clock.advance(hours=5)
    await customer_writes(client, ticket)
    assert await states(client, ticket) == ["breached", "running"]
    clock.advance(hours=5)
    refused = await staff_reply(client, ticket)
    assert (refused.status_code, refused.json()["milestones"]) == (422, ["next_reply"])
    assert (await staff_reply(client, ticket, delay_reason="等物流回复")).status_code == 201
    assert await states(client, ticket) == ["breached", "breached"]
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    reasons = [entry for entry in timeline if entry["kind"] == "delay_reason"]
    assert [(entry["text"], entry["visibility"]) for entry in reasons] == [("等物流回复", "internal")]
    assert reasons[0]["data"]["reported_to"] == "company_leader"


async def test_its_timer_warns_breaches_and_escalates(
    app: FastAPI, client: AsyncClient, db: Database, clock: FakeClock, seal: Any
) -> None:
    ticket = await take(client)
    await staff_reply(client, ticket)
    await customer_writes(client, ticket)
    clock.advance(hours=4, seconds=1)
    assert await fire(db, await app.state.kit.directory.known(), clock()) == 4
    await seal()
    events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    fired = [event for event in events if event["type"].startswith("sla.")]
    assert [(event["type"], event["data"]["percent"]) for event in fired] == [
        ("sla.warning", 50), ("sla.warning", 80), ("sla.breached", 100), ("sla.escalated", 100),
    ]  # fmt: skip
    assert {event["data"]["milestone"] for event in fired} == {"next_reply"}


async def test_a_change_of_urgency_keeps_it_with_the_target_that_holds_now(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client)
    await customer_writes(client, ticket)
    [before] = await replies(client, ticket)
    clock.advance(minutes=30)
    await patch(client, ticket, urgency="emergency")
    [after] = await replies(client, ticket)
    assert (after["id"], after["state"], after["due_at"]) == (before["id"], "running", "2026-11-22T05:00:00.000Z")
    await patch(client, ticket, region="CN-ZJ")
    assert await replies(client, ticket) == [after]


async def test_facts_that_promise_none_drop_it_and_facts_that_do_take_it_up_from_the_message(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client, kind="suggestion", description="建议增加小号餐盘")
    await customer_writes(client, ticket)
    assert await replies(client, ticket) == []
    clock.advance(hours=1)
    await patch(client, ticket, kind="repair")
    [reply] = await replies(client, ticket)
    assert (reply["state"], reply["due_at"]) == ("running", "2026-11-22T08:00:00.000Z")
    await patch(client, ticket, kind="suggestion")
    assert await states(client, ticket) == ["cancelled"]
    await patch(client, ticket, kind="repair")
    assert await states(client, ticket) == ["running"]
    await staff_reply(client, ticket)
    await patch(client, ticket, urgency="emergency")
    assert await states(client, ticket) == ["met"]
    clock.advance(hours=1)
    await patch(client, ticket, kind="suggestion", urgency="general")
    await customer_writes(client, ticket)
    clock.advance(hours=1)
    await patch(client, ticket, kind="repair")  # another message: another promise
    assert await states(client, ticket) == ["met", "running"]


async def test_a_message_while_the_customer_is_awaited_runs_though_the_ticket_waits_on(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    await customer_writes(client, ticket)
    await move(client, ticket, "wait")
    assert await states(client, ticket) == ["running"]  # to wait is no excuse for not replying
    clock.advance(hours=1)
    await customer_writes(client, ticket)
    await patch(client, ticket, region="CN-ZJ")
    document = await shown(client, ticket)
    running = {c["milestone"]: c["state"] for c in document["commitments"] if c["state"] in ("running", "paused")}
    assert (document["status"], running) == ("waiting_customer", {"next_reply": "running", "resolution": "paused"})


async def test_resolving_meets_it_and_a_message_after_that_is_answered_once_the_matter_is_taken_up_again(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client)
    await customer_writes(client, ticket)
    await move(client, ticket, "resolve")
    assert await states(client, ticket) == ["met"]
    await customer_writes(client, ticket)
    clock.advance(hours=10)
    assert await states(client, ticket) == ["met"]
    await move(client, ticket, "reopen", reason="问题又出现了")
    _, again = await replies(client, ticket)
    assert (again["state"], again["due_at"]) == ("running", "2026-11-22T18:00:00.000Z")
    await move(client, ticket, "resolve")
    await move(client, ticket, "close")
    await move(client, ticket, "reopen")
    assert await states(client, ticket) == ["met", "met"]  # nothing was left unanswered


async def test_a_reply_after_the_end_leaves_nothing_to_answer(client: AsyncClient) -> None:
    ticket = await take(client)
    await move(client, ticket, "resolve")
    await customer_writes(client, ticket)
    await staff_reply(client, ticket)
    await move(client, ticket, "reopen")
    assert await replies(client, ticket) == []


async def test_an_engineers_analysis_is_recorded_by_a_comment_of_staff(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client, kind="technical_support", description="请问洗碗机能洗吗")
    clock.advance(hours=1)
    refused = await comment(client, ticket, step="resolution")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/step")
    await comment(client, ticket, step="engineer_analysis", author="customer")
    await comment(client, ticket, step="engineer_analysis", staff_no="1102", text="材质不耐高温")
    met = {c["milestone"]: c["met_at"] for c in (await shown(client, ticket))["commitments"] if c["met_at"]}
    assert met == {"engineer_analysis": "2026-11-22T05:00:00.000Z"}


async def test_an_email_is_answered_by_a_reply_the_customer_can_read(client: AsyncClient) -> None:
    ticket = await take(client, channel="email")
    email = next(c for c in ticket["commitments"] if c["milestone"] == "email_reply")
    assert (email["target"], email["clock"]) == ({"value": 8, "unit": "working_hours"}, "working")
    await staff_reply(client, ticket)
    met = {c["milestone"] for c in (await shown(client, ticket))["commitments"] if c["state"] == "met"}
    assert met == {"first_response", "email_reply"}
