"""Correcting a ticket: what depends on the facts is decided again, and nobody overwrites anybody."""

import asyncio
from typing import Any

from httpx import AsyncClient, Response

from tests.conftest import FakeClock
from tests.http.test_ticket_moves import commitment, move
from tests.http.test_tickets import take


async def patch(client: AsyncClient, ticket: dict[str, Any], tag: str | None = "*", **body: Any) -> Response:
    headers = {"If-Match": tag} if tag else {}
    return await client.patch(f"/v1/tickets/{ticket['number']}", json=body, headers=headers)


async def test_a_change_of_urgency_moves_the_deadlines_and_keeps_what_was_used(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client)
    clock.advance(hours=1)
    changed = (await patch(client, ticket, urgency="emergency")).json()
    assert (changed["urgency"], changed["service_level"], changed["version"]) == ("emergency", "emergency", 2)
    response = commitment(changed, "first_response")
    assert (response["due_at"], response["used_seconds"]) == ("2026-11-22T06:00:00.000Z", 3600)
    assert response["id"] == commitment(ticket, "first_response")["id"]
    assert {d["outcome"] for d in changed["decisions"] if d["kind"] == "sla"} >= {
        "first_response:24_hours", "first_response:2_hours",
    }  # fmt: skip
    assert "2026-11-22 14:00" in changed["promise"]["zh"]


async def test_what_was_met_stays_met(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    await move(client, ticket, "acknowledge")
    clock.advance(hours=5)
    changed = (await patch(client, ticket, urgency="emergency")).json()
    assert commitment(changed, "first_response")["state"] == "met"
    assert commitment(changed, "resolution")["due_at"] == "2026-11-23T04:00:00.000Z"


async def test_a_pause_is_kept_when_the_target_changes(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    await move(client, ticket, "wait")
    clock.advance(hours=10)
    await move(client, ticket, "resume")
    changed = (await patch(client, ticket, urgency="emergency")).json()
    resolution = commitment(changed, "resolution")
    assert (resolution["due_at"], resolution["paused_seconds"]) == ("2026-11-23T14:00:00.000Z", 36_000)


async def test_a_change_of_kind_adds_and_drops_promises_and_routes_again(client: AsyncClient) -> None:
    ticket = await take(client, business_line="bath_appliances", kind="consultation", description="想问一下怎么安装")
    assert "on_site_visit" not in {c["milestone"] for c in ticket["commitments"]}
    changed = (await patch(client, ticket, kind="installation")).json()
    assert commitment(changed, "on_site_visit")["due_at"] == "2026-11-24T16:00:00.000Z"
    back = (await patch(client, ticket, kind="consultation")).json()
    assert commitment(back, "on_site_visit")["state"] == "cancelled"
    again = (await patch(client, ticket, kind="installation")).json()
    assert commitment(again, "on_site_visit")["state"] == "running"


async def test_a_ticket_that_is_resolved_is_corrected_without_new_promises(client: AsyncClient) -> None:
    ticket = await take(client, business_line="bath_appliances", kind="consultation", description="想问一下怎么安装")
    await move(client, ticket, "resolve")
    changed = (await patch(client, ticket, kind="installation", urgency="emergency")).json()
    assert (changed["kind"], {c["state"] for c in changed["commitments"]}) == ("installation", {"met"})


async def test_a_promise_that_comes_while_waiting_stands_still_too(client: AsyncClient) -> None:
    ticket = await take(client, business_line="bath_appliances", kind="consultation", description="想问一下怎么安装")
    await move(client, ticket, "acknowledge")
    await move(client, ticket, "wait")
    changed = (await patch(client, ticket, kind="installation")).json()
    assert commitment(changed, "on_site_visit")["state"] == "paused"


async def test_a_route_set_by_a_person_stays(client: AsyncClient) -> None:
    ticket = await take(client)
    await move(client, ticket, "transfer", department="technical", reason="需要技术支持")
    changed = (await patch(client, ticket, kind="return_exchange")).json()
    assert changed["department"] == "technical"


async def test_a_product_is_merged_and_null_clears(client: AsyncClient) -> None:
    ticket = await take(client, product={"model": "T-1", "batch": "B-9"})
    changed = (await patch(client, ticket, product={"batch": None, "quantity": 5}, region="CN-ZJ")).json()
    assert changed["product"] == {"model": "T-1", "quantity": 5}
    cleared = (await patch(client, ticket, product=None, region=None)).json()
    assert (cleared["product"], cleared["region"]) == ({}, None)
    refused = await patch(client, ticket, urgency=None)
    assert refused.status_code == 422


async def test_missing_materials_shrink_as_they_come_in(client: AsyncClient) -> None:
    ticket = await take(client, business_line="general", kind="repair", description="空调不制冷，需要维修")
    changed = (await patch(client, ticket, materials=["purchase_proof"])).json()
    assert changed["missing_materials"] == []


async def test_a_patch_needs_the_version_it_was_made_for(client: AsyncClient) -> None:
    ticket = await take(client)
    without = await patch(client, ticket, tag=None, urgency="emergency")
    assert (without.status_code, without.json()["code"]) == (428, "if_match_required")
    for stale in ('"9.general"', 'W/"1.general"', "garbage", '"1"'):
        refused = await patch(client, ticket, tag=stale, urgency="emergency")
        assert (refused.status_code, refused.json()["code"]) == (412, "version_mismatch")
        assert refused.json()["current_etag"] == '"1.general"'
    taken = await patch(client, ticket, tag='"9.general", "1.sensitive"', urgency="emergency")
    assert taken.status_code == 200  # the version is compared, not the view


async def test_a_hundred_writers_lose_no_update(client: AsyncClient) -> None:
    ticket = await take(client)
    path = f"/v1/tickets/{ticket['number']}"

    async def writer(number: int) -> None:
        while True:
            tag = (await client.get(path)).headers["etag"]
            body = {"product": {"quantity": number}}
            response = await client.patch(path, json=body, headers={"If-Match": tag})
            if response.status_code == 200:
                return
            assert response.status_code in (412, 503), response.text

    await asyncio.gather(*map(writer, range(20)))
    assert (await client.get(path)).json()["version"] == 21


async def test_staff_confirm_or_correct_what_the_machine_read(client: AsyncClient) -> None:
    ticket = await take(client, business_line="chemicals", description="胶水粘度和样品不一样，影响生产")
    body = {
        "complaint_class": "non_quality",
        "issue_type": "logistics",
        "severity": "critical",
        "staff_no": "1101",
        "reason": "实为运输受冻",
    }
    path = f"/v1/tickets/{ticket['number']}/classification"
    assert (await client.put(path, json=body)).status_code == 428
    confirmed = (await client.put(path, json=body, headers={"If-Match": '"1.general"'})).json()
    assert confirmed["classification"]["confirmed_by"] == "1101"
    assert confirmed["severity"] == "critical"
    assert confirmed["handler_role"] == "after_sales_manager"
    entry = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"][-1]
    assert entry["data"]["proposed"]["complaint_class"] == ticket["classification"]["complaint_class"]
    contradiction = body | {"complaint_class": "not_complaint"}
    refused = await client.put(path, json=contradiction, headers={"If-Match": "*"})
    assert refused.json()["errors"][0]["code"] == "contradiction"


async def test_a_promise_follows_the_clocks(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client)
    await move(client, ticket, "start")
    waiting = await move(client, ticket, "wait")
    assert "等待您的回复" in waiting["promise"]["zh"]
    assert "2026-11-25" not in waiting["promise"]["zh"]
    clock.advance(hours=100)
    assert "2026-11-29 16:00 前处理完成" in (await move(client, ticket, "resume"))["promise"]["zh"]
    assert "已处理完成" in (await move(client, ticket, "resolve"))["promise"]["zh"]
    assert "2026-11-29 16:00" in (await move(client, ticket, "reopen"))["promise"]["zh"]  # 72 h from now


async def test_the_latest_decision_on_record_is_the_one_that_holds(client: AsyncClient) -> None:
    ticket = await take(client)
    for urgency in ("emergency", "general"):
        ticket = (await patch(client, ticket, urgency=urgency)).json()
    levels = [d["outcome"] for d in ticket["decisions"] if d["kind"] == "service_level"]
    assert levels == ["general", "emergency", "general"]


async def test_a_change_to_the_same_is_no_change(client: AsyncClient, seal: Any) -> None:
    ticket = await take(client)
    same = await patch(client, ticket, urgency="general")
    assert (same.status_code, same.json()["version"]) == (200, 1)
    await seal()
    assert [event["type"] for event in (await client.get("/v1/events")).json()["items"]] == ["ticket.recorded"]


async def test_a_product_must_make_sense_as_a_whole(client: AsyncClient) -> None:
    ticket = await take(client, product={"quantity": 3})
    refused = await patch(client, ticket, product={"defective_quantity": 9})
    assert refused.status_code == 422


async def test_a_mistyped_phone_is_corrected_and_found_and_not_repeated(client: AsyncClient) -> None:
    ticket = await take(client)
    changed = (await patch(client, ticket, customer={"phone": "0571-88886666转801", "name": "王小芳"})).json()
    assert changed["customer"]["name"] == "王**"
    assert "88886666" not in changed["customer"]["phone"]
    found = await client.post("/v1/tickets/search", json={"phone": "0571 8888 6666"})
    assert [item["number"] for item in found.json()["items"]] == [ticket["number"]]
    assert (await client.post("/v1/tickets/search", json={"phone": "13800001234"})).json()["items"] == []
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).text
    assert "88886" not in timeline
    refused = await patch(client, ticket, customer={"phone": None})
    assert refused.json()["errors"][0]["code"] == "contact_required"


async def test_a_complaint_that_becomes_serious_is_announced_once(client: AsyncClient, seal: Any) -> None:
    ticket = await take(client, severity="minor")
    await patch(client, ticket, severity="critical")
    await patch(client, ticket, severity="serious")
    await seal()
    types = [event["type"] for event in (await client.get("/v1/events")).json()["items"]]
    assert types.count("complaint.serious") == 1


async def test_what_is_promised_after_reopening_counts_from_then(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client, business_line="bath_appliances", kind="consultation", description="想问一下怎么安装")
    await move(client, ticket, "resolve")
    clock.advance(days=30)
    await move(client, ticket, "reopen")
    changed = (await patch(client, ticket, kind="installation")).json()
    assert commitment(changed, "on_site_visit")["state"] == "running"
