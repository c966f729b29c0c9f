"""Acknowledging an escalation: on record, and of consequence for the further levels only."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx import AsyncClient

from tests.conftest import FakeClock
from tests.http.test_ticket_changes import patch
from tests.http.test_ticket_moves import commitment, move
from tests.http.test_tickets import take
from tests.services.test_timers import Fire, brief, fire_all, sla_events

__all__ = ["fire_all"]  # the fixture

Seal = Callable[[], Awaitable[int]]


async def acknowledge(client: AsyncClient, ticket: dict[str, Any], **body: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/tickets/{ticket['number']}/escalations/acknowledge", json=body)
    assert response.status_code == 200, response.text
    after: dict[str, Any] = response.json()
    return after


async def refused(client: AsyncClient, ticket: dict[str, Any], **body: Any) -> tuple[int, str]:
    response = await client.post(f"/v1/tickets/{ticket['number']}/escalations/acknowledge", json=body)
    return response.status_code, response.json()["code"]


async def levels(client: AsyncClient, seal: Seal) -> list[tuple[str, int | None]]:
    fired = await sla_events(client, seal)
    return [(e["data"]["milestone"], e["data"]["level"]) for e in fired if e["type"] == "sla.escalated"]


async def test_further_levels_of_what_escalated_are_silent_and_it_is_on_record_who_has_it(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Seal
) -> None:
    ticket = await take(client)  # 24 h to respond, 72 h to resolve
    clock.advance(hours=24, seconds=1)
    await fire_all()
    after = await acknowledge(client, ticket, staff_no="3003", note="我来跟进")
    assert commitment(after, "first_response")["escalation_acknowledged_at"] == "2026-11-23T04:00:01.000Z"
    assert commitment(after, "resolution")["escalation_acknowledged_at"] is None
    clock.advance(hours=500)
    await fire_all()
    # The other step was not late yet when somebody took notice: it escalates by itself.
    assert await levels(client, seal) == [
        ("first_response", 1), ("resolution", 1), ("resolution", 2), ("resolution", 3),
    ]  # fmt: skip
    [told] = [e for e in await sla_events(client, seal) if e["type"] == "sla.escalation_acknowledged"]
    assert (told["data"]["staff_no"], told["data"]["milestones"]) == ("3003", ["first_response"])
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    [entry] = [entry for entry in timeline if entry["kind"] == "escalation_acknowledged"]
    assert (entry["staff_no"], entry["text"], entry["visibility"]) == ("3003", "我来跟进", "internal")


async def test_nothing_to_acknowledge_is_a_refusal_that_says_so(
    client: AsyncClient, clock: FakeClock, fire_all: Fire
) -> None:
    ticket = await take(client)
    assert await refused(client, ticket) == (409, "nothing_escalated")
    await move(client, ticket, "escalate")  # by hand
    assert await refused(client, ticket) == (409, "nothing_escalated")
    clock.advance(hours=24, seconds=1)
    await fire_all()
    waiting = commitment(ticket, "resolution")["id"]
    assert await refused(client, ticket, commitment_id=waiting) == (409, "nothing_escalated")
    assert await refused(client, ticket, commitment_id="cmt_" + "0" * 32) == (422, "validation_failed")
    await acknowledge(client, ticket)
    assert await refused(client, ticket) == (409, "nothing_escalated")
    await move(client, ticket, "cancel", delay_reason="客户撤回")
    assert await refused(client, ticket) == (409, "nothing_escalated")


async def test_one_of_two_may_be_acknowledged(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Seal
) -> None:
    ticket = await take(client)
    clock.advance(hours=72, seconds=1)
    await fire_all()  # the first response at its third level, the resolution at its first
    await acknowledge(client, ticket, commitment_id=commitment(ticket, "resolution")["id"])
    clock.advance(hours=500)
    await fire_all()
    assert [level for level in await levels(client, seal) if level[0] == "resolution"] == [("resolution", 1)]
    assert len(await levels(client, seal)) == 4


async def test_a_breach_still_to_come_and_its_compensation_are_not_held_back(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Seal
) -> None:
    ticket = await take(client, business_line="general", kind="repair", description="空调不制冷，请上门维修")
    clock.advance(hours=25)
    await fire_all()
    await acknowledge(client, ticket)
    clock.advance(hours=300)
    await fire_all()
    fired = brief([event for event in await sla_events(client, seal) if "percent" in event["data"]])
    assert ("resolution", "warning", 80) in fired
    assert ("resolution", "breached", 100) in fired
    decisions = (await client.get(f"/v1/tickets/{ticket['number']}")).json()["decisions"]
    assert [d["outcome"] for d in decisions if d["kind"] == "compensation"] == ["late_repair_compensation"]


async def test_another_promise_of_time_escalates_again_from_where_it_was(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Seal
) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    clock.advance(hours=73)
    await fire_all()
    await acknowledge(client, ticket)
    after = (await patch(client, ticket, seller="another")).json()  # nothing about the time
    assert commitment(after, "resolution")["escalation_acknowledged_at"] is not None
    after = (await patch(client, ticket, urgency="emergency")).json()  # 24 h
    assert commitment(after, "resolution")["escalation_acknowledged_at"] is None
    clock.advance(seconds=1)
    await fire_all()
    assert await levels(client, seal) == [("resolution", 1), ("resolution", 2), ("resolution", 3)]


async def test_a_reopened_matter_starts_afresh(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Seal
) -> None:
    ticket = await take(client)
    clock.advance(hours=73)
    await fire_all()
    await acknowledge(client, ticket)
    await move(client, ticket, "resolve", delay_reason="配件在途")
    after = await move(client, ticket, "reopen")
    assert commitment(after, "resolution")["escalation_acknowledged_at"] is None
    clock.advance(hours=500)
    await fire_all()
    assert [level for level in await levels(client, seal) if level[0] == "resolution"] == [
        ("resolution", 1), ("resolution", 1), ("resolution", 2), ("resolution", 3),
    ]  # fmt: skip


async def test_a_pause_keeps_the_acknowledgement(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, seal: Seal
) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    clock.advance(hours=73)
    await fire_all()
    await acknowledge(client, ticket)
    await move(client, ticket, "wait")
    after = await move(client, ticket, "resume")
    assert commitment(after, "resolution")["escalation_acknowledged_at"] is not None
    clock.advance(hours=500)
    await fire_all()
    assert await levels(client, seal) == [("resolution", 1)]


@pytest.mark.parametrize("key", ["acknowledge-0001"])
async def test_a_repeat_under_one_key_is_answered_as_before(
    client: AsyncClient, clock: FakeClock, fire_all: Fire, key: str
) -> None:
    ticket = await take(client)
    clock.advance(hours=25)
    await fire_all()
    url, headers = f"/v1/tickets/{ticket['number']}/escalations/acknowledge", {"Idempotency-Key": key}
    first, again = [await client.post(url, json={"staff_no": "1"}, headers=headers) for _ in "12"]
    assert (first.status_code, again.content) == (200, first.content)
    stale = await client.post(url, json={}, headers={"If-Match": '"1.general"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
