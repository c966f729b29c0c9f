"""Taking a ticket: what it is promised, by which clause, and that one call never makes two."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from tests.builders import a_ticket
from tests.conftest import FakeClock, MakeClient
from tests.http.service import run_sql

FAILED = "浴霸用了一个月就不加热了，质量太差"


async def take(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    response = await client.post("/v1/tickets", json=a_ticket(**changes))
    assert response.status_code == 201, response.text
    ticket: dict[str, Any] = response.json()
    return ticket


def due(ticket: dict[str, Any]) -> dict[str, str]:
    return {c["milestone"]: c["due_at"] for c in ticket["commitments"]}


def clauses(ticket: dict[str, Any], kind: str) -> set[str]:
    return {decision["clause"] for decision in ticket["decisions"] if decision["kind"] == kind}


async def test_a_ticket_is_answered_with_its_number_its_deadlines_and_a_promise(client: AsyncClient) -> None:
    ticket = await take(client)
    assert ticket["number"] == "AS-20261122-000001"
    assert ticket["status"] == "recorded"
    assert ticket["policy"] == {"name": "tableware", "version": "1"}
    assert "AS-20261122-000001" in ticket["promise"]["zh"]
    assert "AS-20261122-000001" in ticket["promise"]["en"]
    assert "2026-11-23 12:00" in ticket["promise"]["zh"]  # 24 h after Sunday noon, in Shanghai


@pytest.mark.parametrize(
    ("line", "facts", "expected", "clause"),
    [
        # 第十八条: emergency 2 h / 24 h, general 24 h / 72 h, round the clock
        ("tableware", {"urgency": "emergency"}, {"first_response": "22T06:00", "resolution": "23T04:00"}, "第十八条"),
        ("tableware", {"urgency": "general"}, {"first_response": "23T04:00", "resolution": "25T04:00"}, "第十八条"),
        # 4.4.2(3): installed at the door within 2 days: until 24:00 of the 24th in Shanghai
        ("bath_appliances", {"kind": "installation"}, {"on_site_visit": "24T16:00"}, "4.4.2(3)"),
        # 4.4.2(5): a quality problem is visited the next day
        ("bath_appliances", {"kind": "repair"}, {"on_site_visit": "23T16:00"}, "4.4.2(5)"),
        (
            "bath_appliances",
            {"kind": "complaint", "description": FAILED},
            {"on_site_visit": "23T16:00"},
            "4.4.2(5)",
        ),
        # 1.4: response within 24 h, repair arranged within 48 h
        ("home_furnishing", {}, {"first_response": "23T04:00", "arrange_repair": "24T04:00"}, "1.4"),
        # 完整版 第六条: a complaint is taken and recorded within 24 h
        ("general", {}, {"acknowledge": "23T04:00"}, "售后管理规章制度完整版 第六条"),
    ],
)
async def test_every_line_promises_what_its_own_policy_says(
    client: AsyncClient, line: str, facts: dict[str, str], expected: dict[str, str], clause: str
) -> None:
    ticket = await take(client, business_line=line, **facts)
    found = {milestone: instant[8:16] for milestone, instant in due(ticket).items()}
    assert expected.items() <= found.items()
    assert clause in clauses(ticket, "sla")


async def test_kind_severity_and_urgency_are_read_from_the_text_when_left_out(client: AsyncClient) -> None:
    body = a_ticket(business_line="bath_appliances", description="浴霸一开就冒烟，还有烧焦的味道，太吓人了！")
    del body["kind"], body["urgency"], body["severity"]
    ticket = (await client.post("/v1/tickets", json=body)).json()
    assert ticket["kind"] in ("complaint", "repair")
    assert (ticket["severity"], ticket["urgency"]) == ("critical", "emergency")
    assert ticket["classification"]["confirmed_by"] is None
    quoted = ticket["classification"]["evidence"]
    assert quoted
    assert all(body["description"][entry["start"] : entry["end"]] == entry["text"] for entry in quoted)
    assert ticket["handler_role"] == "after_sales_manager"


async def test_what_the_caller_says_goes_before_what_the_text_says(client: AsyncClient) -> None:
    ticket = await take(client, kind="consultation", severity="minor", urgency="general", description="冒烟起火了！")
    assert (ticket["kind"], ticket["severity"], ticket["urgency"]) == ("consultation", "minor", "general")


async def test_missing_materials_are_listed_and_the_ticket_is_taken_all_the_same(client: AsyncClient) -> None:
    bare = await take(client, business_line="general", kind="repair", description="空调不制冷，需要维修")
    assert bare["missing_materials"] == ["purchase_proof"]
    full = await take(
        client, business_line="general", kind="repair", description="空调不制冷，需要维修", materials=["purchase_proof"]
    )
    assert full["missing_materials"] == []


async def test_a_decision_says_whether_it_rests_on_the_policy_or_on_our_default(client: AsyncClient) -> None:
    def bases(ticket: dict[str, Any]) -> set[str]:
        return {decision["basis"] for decision in ticket["decisions"] if decision["kind"] == "sla"}

    assert bases(await take(client)) == {"policy"}
    assert bases(await take(client, business_line="mall")) == {"assumed"}


async def test_the_first_staff_member_owns_the_ticket(client: AsyncClient) -> None:
    ticket = await take(client, call={"call_id": "c-1", "agent_no": "1101", "rings": 2})
    assert ticket["owner_staff_no"] == "1101"
    assert clauses(ticket, "ownership")
    moved = await client.post(f"/v1/tickets/{ticket['id']}/assign", json={"assignee_staff_no": "2002"})
    assert (moved.json()["owner_staff_no"], moved.json()["assignee_staff_no"]) == ("1101", "2002")


async def test_who_sells_and_who_serves_is_derived_where_the_policy_says_so(client: AsyncClient) -> None:
    ticket = await take(
        client, business_line="home_furnishing", kind="repair", description="衣柜门铰链断了，要求维修",
        seller="城西旗舰店", service_provider="安心维修", region="CN-ZJ",
    )  # fmt: skip
    assert clauses(ticket, "responsibility") == {"1.3"}
    assert (ticket["seller"], ticket["service_provider"], ticket["region"]) == ("城西旗舰店", "安心维修", "CN-ZJ")


async def test_the_repeated_call_gets_the_same_ticket_and_its_differences_are_noted(
    client: AsyncClient, clock: FakeClock
) -> None:
    first = await take(client, call={"call_id": "c-7", "rings": 2})
    clock.advance(seconds=20)
    again = await client.post("/v1/tickets", json=a_ticket(call={"call_id": "c-7", "rings": 3}))
    assert again.status_code == 200
    assert again.json()["number"] == first["number"]
    entries = (await client.get(f"/v1/tickets/{first['number']}/timeline")).json()["items"]
    assert [entry["kind"] for entry in entries] == ["recorded", "repeated"]
    assert entries[1]["data"] == {"call": {"call_id": "c-7", "rings": 3}}


async def test_a_reference_with_other_facts_is_a_conflict_that_names_the_ticket(client: AsyncClient) -> None:
    first = await take(client, external_ref="crm-1")
    other = await client.post("/v1/tickets", json=a_ticket(external_ref="crm-1", description="另一件事：请开发票"))
    assert other.status_code == 409
    assert (other.json()["code"], other.json()["ticket"]) == ("external_ref_conflict", first["number"])


async def test_one_call_never_makes_two_tickets_whatever_its_reference(client: AsyncClient) -> None:
    first = await take(client, external_ref="ref-a", call={"call_id": "c-9"})
    other = await client.post("/v1/tickets", json=a_ticket(external_ref="ref-b", call={"call_id": "c-9"}))
    assert other.status_code == 409
    assert other.json()["ticket"] == first["number"]


async def test_a_repeat_without_a_call_finds_its_own_ticket_among_others_without_one(client: AsyncClient) -> None:
    await take(client, channel="email", external_ref="mail-1")
    second = await take(client, channel="email", external_ref="mail-2")
    again = await client.post("/v1/tickets", json=a_ticket(channel="email", external_ref="mail-2"))
    assert (again.status_code, again.json().get("number")) == (200, second["number"])


async def test_a_call_named_in_a_repeat_leads_to_the_ticket_by_itself(client: AsyncClient) -> None:
    first = await take(client, external_ref="r-1")
    for again in ({"external_ref": "r-1", "call": {"call_id": "c"}}, {"call": {"call_id": "c"}}):
        response = await client.post("/v1/tickets", json=a_ticket(**again))
        assert (response.status_code, response.json()["number"]) == (200, first["number"])


async def test_two_keys_may_use_the_same_reference(client: AsyncClient, make_client: MakeClient) -> None:
    first = await take(client, external_ref="ref-1")
    second = await take(await make_client(), external_ref="ref-1")
    assert first["number"] != second["number"]


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ({"Idempotency-Key": "same-key-0001"}, {}),
        ({}, {"external_ref": "ivr-0001"}),
        (None, {"external_ref": "ivr-0002"}),
    ],
    ids=["same key", "no key, same reference", "different keys, same reference"],
)
async def test_twenty_posts_of_one_call_at_once_make_one_ticket(
    client: AsyncClient, headers: dict[str, str] | None, changes: dict[str, str]
) -> None:
    async def post(number: int) -> Any:
        sent = {"Idempotency-Key": f"a-key-each-{number:04}"} if headers is None else headers
        return await client.post("/v1/tickets", json=a_ticket(**changes), headers=sent)

    answers = await asyncio.gather(*map(post, range(20)))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    assert len({answer.json()["number"] for answer in answers}) == 1
    assert len((await client.get("/v1/tickets")).json()["items"]) == 1


async def test_a_replayed_key_gives_the_same_bytes_and_another_body_is_refused(client: AsyncClient) -> None:
    key = {"Idempotency-Key": "retry-me-please"}
    first = await client.post("/v1/tickets", json=a_ticket(), headers=key)
    again = await client.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": '"retry-me-please"'})
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    other = await client.post("/v1/tickets", json=a_ticket(description="别的内容也不少"), headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_refusal_by_a_rule_is_replayed_and_one_about_the_form_is_not(client: AsyncClient) -> None:
    ticket = await take(client)
    key = {"Idempotency-Key": "accept-once-1"}
    path = f"/v1/tickets/{ticket['number']}/accept"
    refused = await client.post(path, json={}, headers=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    await client.post(f"/v1/tickets/{ticket['number']}/resolve", json={})
    replayed = await client.post(path, json={}, headers=key)
    assert (replayed.status_code, replayed.content) == (409, refused.content)
    wrong = await client.post("/v1/tickets", json=a_ticket(chanel="web"), headers={"Idempotency-Key": "form-0001"})
    assert wrong.status_code == 422
    mended = await client.post("/v1/tickets", json=a_ticket(), headers={"Idempotency-Key": "form-0001"})
    assert mended.status_code == 201


async def test_an_idempotency_key_is_forgotten_after_72_hours_and_the_reference_never(
    client: AsyncClient, clock: FakeClock
) -> None:
    key = {"Idempotency-Key": "old-key-0001"}
    first = await client.post("/v1/tickets", json=a_ticket(external_ref="for-ever"), headers=key)
    clock.advance(hours=73)
    again = await client.post("/v1/tickets", json=a_ticket(external_ref="for-ever"), headers=key)
    assert (again.status_code, again.json()["number"]) == (200, first.json()["number"])
    assert "idempotent-replayed" not in again.headers


async def test_quality_control_may_report_without_a_customer_and_nobody_else_may(client: AsyncClient) -> None:
    body = a_ticket(business_line="chemicals", channel="internal", description="市场抽检发现批次粘度超标")
    del body["customer"]
    assert (await client.post("/v1/tickets", json=body)).status_code == 201
    body["channel"] = "hotline"
    refused = await client.post("/v1/tickets", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "contact_required"


async def test_an_imported_ticket_counts_from_when_it_was_opened(client: AsyncClient) -> None:
    ticket = await take(client, opened_at="2026-11-20T09:00:00+08:00")
    assert ticket["number"].startswith("AS-20261120-")
    states = {c["milestone"]: c["state"] for c in ticket["commitments"]}
    assert states == {"first_response": "breached", "resolution": "running"}


async def test_a_ticket_cannot_be_opened_in_the_future(client: AsyncClient) -> None:
    refused = await client.post("/v1/tickets", json=a_ticket(opened_at="2026-11-23T09:00:00+08:00"))
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "in_the_future")


async def test_a_key_bound_to_one_line_need_not_name_it(client: AsyncClient, make_client: MakeClient) -> None:
    bound = await make_client(lines=("chemicals",))
    body = a_ticket()
    del body["business_line"]
    assert (await bound.post("/v1/tickets", json=body)).json()["business_line"] == "chemicals"
    refused = await client.post("/v1/tickets", json=body)
    assert refused.json()["errors"] == [
        {
            "pointer": "#/business_line",
            "code": "required",
            "detail": "The key serves several lines: name the business_line",
        }
    ]


async def test_numbers_are_unique_under_concurrency_and_roughly_in_order(client: AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post("/v1/tickets", json=a_ticket()) for _ in range(60)))
    numbers = {answer.json()["number"] for answer in answers}
    assert len(numbers) == 60
    assert max(numbers) == "AS-20261122-000060"


async def test_a_number_that_is_taken_is_passed_over(client: AsyncClient, database_url: str) -> None:
    await take(client)  # the process takes 100 serials ahead
    await run_sql(database_url, "UPDATE ticket SET number = 'AS-20261122-000002'")
    assert (await take(client))["number"] == "AS-20261122-000101"
    await run_sql(database_url, "UPDATE ticket SET number = 'AS-20261122-000003' WHERE number LIKE '%02'")
    await run_sql(database_url, "ALTER SEQUENCE ticket_number RESTART WITH 101")
    assert (await take(client, external_ref="r-1"))["number"] == "AS-20261122-000102"
    assert (await take(client))["number"] == "AS-20261122-000004"
