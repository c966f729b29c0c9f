"""The complaint handling report: opened for serious complaints, worked through in order, and what waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.core.db import Database
from app.core.personal import Tier
from app.services import upkeep
from app.services.policy_book import PolicyBook
from tests.conftest import FakeClock, MakeClient
from tests.http.complaint_reports import (
    APPROVERS,
    MEASURES,
    approve,
    complain,
    decide,
    done,
    propose,
    report_of,
    settle,
    step,
)
from tests.http.problems import check_problem
from tests.http.test_ticket_changes import patch
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take

ANSWER = {"text": "已安排补货，失效分析报告随函附上。", "staff_no": "5501"}


@pytest.fixture
def announce(app: FastAPI, db: Database, clock: FakeClock) -> Callable[[], Awaitable[int]]:
    """Do the worker's round on measures; return how many announcements it took."""

    async def round_() -> int:
        return await upkeep.announce_measures(db, await app.state.kit.directory.known(), clock())

    return round_


async def told(client: AsyncClient, seal: Any, beginning: str = "report.") -> list[dict[str, Any]]:
    await seal()
    events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    return [event for event in events if event["type"].startswith(beginning)]


async def timeline(client: AsyncClient, ticket: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (
        await client.get(f"/v1/tickets/{ticket['number']}/timeline", params={"limit": 200, **query})
    ).json()["items"]
    return items


# Opening: 6.4.2c


async def test_a_serious_complaint_has_its_report_at_once_with_the_facts_of_the_product(
    client: AsyncClient, seal: Any
) -> None:
    ticket = await complain(client)
    report = await report_of(client, ticket)
    assert (report["number"], report["status"], report["round"]) == (f"{ticket['number']}-R1", "open", 1)
    assert (report["required"], report["opened_by"]) == (True, None)
    assert report["facts"] == {
        "batch": "B2026-1101", "delivered_on": "2026-11-01", "quantity": 20_000, "defective_quantity": 37,
        "demand": None,
    }  # fmt: skip
    assert report["missing_facts"] == ["demand"]
    assert report["asked"]["measures_by"] == list(MEASURES)
    assert report["asked"]["approved_by"] == list(APPROVERS)
    assert (report["decision"]["clause"], report["decision"]["basis"]) == ("6.4.2c", "policy")
    assert report["next"] == {"step": "measures", "departments": list(MEASURES)}
    [decision] = [entry for entry in ticket["decisions"] if entry["kind"] == "handling"]
    assert (decision["outcome"], decision["clause"]) == ("handling_report", "6.4.2c")
    [opened] = await told(client, seal)
    assert (opened["type"], opened["data"]["report_id"]) == ("report.opened", report["id"])
    assert [entry["kind"] for entry in await timeline(client, ticket)] == ["recorded", "report_opened"]


async def test_a_minor_complaint_is_registered_and_reported_to_its_department(client: AsyncClient, seal: Any) -> None:
    ticket = await complain(client, severity="minor")
    check_problem(await client.get(f"/v1/tickets/{ticket['number']}/report"), 404, "not_found")
    [decision] = [entry for entry in ticket["decisions"] if entry["kind"] == "handling"]
    assert (decision["outcome"], decision["clause"], decision["basis"]) == ("registered", "6.4.2c", "policy")
    [recorded] = await told(client, seal, "ticket.")
    assert recorded["data"]["reported_to"] == ticket["department"] == "sales_centre"
    assert (await timeline(client, ticket))[0]["data"]["reported_to"] == "sales_centre"


async def test_a_critical_complaint_goes_to_whom_the_edition_names(client: AsyncClient) -> None:  # chemicals 二.2
    ticket = await take(client, business_line="chemicals", severity="critical", description="溶剂泄漏起火，有人烧伤")
    [decision] = [entry for entry in ticket["decisions"] if entry["kind"] == "handling"]
    assert (decision["outcome"], decision["clause"]) == ("after_sales_manager", "二.2")
    assert ticket["handler_role"] == "after_sales_manager"


async def test_a_complaint_that_becomes_serious_gets_its_report_once(client: AsyncClient, seal: Any) -> None:
    ticket = await complain(client, severity="minor")
    assert (await patch(client, ticket, severity="serious")).status_code == 200
    assert (await report_of(client, ticket))["instance"] == 1
    await patch(client, ticket, severity="minor")
    assert (await report_of(client, ticket))["required"] is False
    await patch(client, ticket, severity="critical")
    assert (await report_of(client, ticket))["required"] is True
    assert [event["type"] for event in await told(client, seal)] == ["report.opened"]
    changed = await told(client, seal, "ticket.changed")
    assert [event["data"]["reported_to"] for event in changed] == ["sales_centre"] * 3


async def test_staff_who_confirm_a_grave_class_open_the_report(client: AsyncClient) -> None:
    ticket = await complain(client, severity="minor", kind="consultation", description="请问规格书哪里可以下载？")
    body = {"complaint_class": "quality", "issue_type": "product_quality", "severity": "serious", "staff_no": "5501"}
    confirmed = await client.put(f"/v1/tickets/{ticket['number']}/classification", json=body, headers={"If-Match": "*"})
    assert confirmed.status_code == 200
    assert (await report_of(client, ticket))["status"] == "open"


async def test_a_report_is_opened_by_hand_once_a_round(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client, product={"batch": "B1", "quantity": 4})
    report = await done(client, ticket, "", staff_no="1101", demand="退款", batch="B2")
    assert (report["opened_by"], report["required"], report["decision"]["basis"]) == ("1101", False, "assumed")
    assert (report["facts"]["batch"], report["facts"]["quantity"], report["facts"]["demand"]) == ("B2", 4, "退款")
    assert report["asked"]["approved_by"] == [ticket["department"]]
    again = await step(client, ticket, "", staff_no="1101")
    assert check_problem(again, 409, "report_exists")["report"] == report["number"]
    await move(client, ticket, "resolve")  # nothing asks for it: the ticket goes its way
    clock.advance(minutes=1)
    await move(client, ticket, "reopen")
    assert (await done(client, ticket, "", staff_no="1101"))["number"] == f"{ticket['number']}-R2"
    assert (await report_of(client, ticket, instance=1))["facts"]["batch"] == "B2"
    check_problem(await client.get(f"/v1/tickets/{ticket['number']}/report", params={"instance": 3}), 404, "not_found")


# Facts and measures


async def test_facts_are_corrected_against_the_version_that_was_read(client: AsyncClient) -> None:
    ticket = await complain(client)
    path = f"/v1/tickets/{ticket['number']}/report"
    tag = (await client.get(path)).headers["etag"]
    body = {"demand": "三日内给出失效分析", "quantity": 30_000, "staff_no": "5501"}
    check_problem(await client.patch(path, json=body), 428, "if_match_required")
    changed = await client.patch(path, json=body, headers={"If-Match": tag})
    assert (changed.json()["facts"]["quantity"], changed.json()["missing_facts"]) == (30_000, [])
    check_problem(await client.patch(path, json=body, headers={"If-Match": tag}), 412, "version_mismatch")
    same = await client.patch(path, json=body, headers={"If-Match": "*"})
    assert same.json()["version"] == changed.json()["version"]
    few = {"quantity": 1, "staff_no": "5501"}
    refused = await client.patch(path, json=few, headers={"If-Match": "*"})
    assert check_problem(refused, 422, "validation_failed")["errors"][0]["pointer"] == "#/defective_quantity"
    cleared = await client.patch(path, json={"batch": None, "staff_no": "5501"}, headers={"If-Match": "*"})
    assert (cleared.json()["facts"]["batch"], cleared.json()["missing_facts"]) == (None, ["batch"])


async def test_each_department_proposes_and_revises_its_own_measure(client: AsyncClient) -> None:
    ticket = await complain(client)
    await propose(client, ticket, "production", "隔离库存")
    await propose(client, ticket, "research_institute", "失效分析")
    report = await propose(client, ticket, "production", "隔离库存并复检")
    shown = [(row["department"], row["text"], row["state"]) for row in report["measures"]]
    assert shown == [("research_institute", "失效分析", "planned"), ("production", "隔离库存并复检", "planned")]
    assert (report["status"], report["next"]["departments"]) == ("measures", ["technical_application_centre"])
    texts = [entry["text"] for entry in await timeline(client, ticket) if entry["kind"] == "report_measure"]
    assert texts == ["隔离库存", "失效分析", "隔离库存并复检"]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"department": "marketing"}, "#/department", "not_asked"),
        ({"department": "astrology"}, "#/department", "not_asked"),
        ({"due_on": "2026-11-21"}, "#/due_on", "in_the_past"),
    ],
)
async def test_a_measure_is_of_a_department_that_is_asked_and_lies_ahead(
    client: AsyncClient, change: dict[str, str], pointer: str, code: str
) -> None:
    ticket = await complain(client)
    body = {"department": "production", "text": "x", "owner_staff_no": "7101", "due_on": "2026-11-22"} | change
    [error] = check_problem(await step(client, ticket, "/measures", **body), 422, "validation_failed")["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert code != "not_asked" or "research_institute, production" in error["detail"]


# The order of the steps


async def test_a_step_at_the_wrong_place_is_told_what_comes_next(client: AsyncClient) -> None:
    ticket = await complain(client)
    remedy = {"remedy": "补货", "agreed_with_customer_on": "2026-11-22", "department": "sales_centre", "staff_no": "1"}
    early = check_problem(await step(client, ticket, "/settle", **remedy), 409, "invalid_transition")
    assert early["next"] == {"step": "measures", "departments": list(MEASURES)}
    assert "measures are awaited of research institute" in early["detail"]
    check_problem(await decide(client, ticket, "sales_centre"), 409, "invalid_transition")
    await settle(client, ticket)
    late = await step(
        client, ticket, "/measures", department="production", text="x", owner_staff_no="1", due_on="2026-11-30"
    )
    assert check_problem(late, 409, "invalid_transition")["next"]["step"] == "approvals"
    facts = await client.patch(
        f"/v1/tickets/{ticket['number']}/report", json={"batch": "B9", "staff_no": "1"}, headers={"If-Match": "*"}
    )
    assert check_problem(facts, 409, "invalid_transition")["report_status"] == "settled"
    check_problem(await step(client, ticket, "/settle", **remedy), 409, "invalid_transition")


async def test_a_remedy_is_settled_by_whom_the_edition_names_on_a_day_that_has_been(client: AsyncClient) -> None:
    ticket = await complain(client)
    for department in MEASURES:
        await propose(client, ticket, department)
    remedy = {"remedy": "补货", "agreed_with_customer_on": "2026-11-22", "department": "quality_department"}
    stranger = await step(client, ticket, "/settle", **remedy | {"department": "production"}, staff_no="1")
    assert check_problem(stranger, 422, "validation_failed")["errors"][0]["code"] == "not_asked"
    tomorrow = remedy | {"agreed_with_customer_on": "2026-11-23"}
    ahead = await step(client, ticket, "/settle", **tomorrow, staff_no="1")
    assert check_problem(ahead, 422, "validation_failed")["errors"][0]["code"] == "in_the_future"
    report = await done(client, ticket, "/settle", **remedy, staff_no="7001")
    assert (report["status"], report["settlement"]["department"]) == ("settled", "quality_department")
    assert report["next"] == {"step": "approvals", "departments": list(APPROVERS)}


async def test_departments_approve_in_parallel_each_once(client: AsyncClient, seal: Any) -> None:
    ticket = await complain(client)
    await settle(client, ticket)
    report = await approve(client, ticket, "production", "sales_centre")
    assert (report["status"], len(report["next"]["departments"])) == ("in_approval", 3)
    twice = check_problem(await decide(client, ticket, "production"), 409, "invalid_transition")
    assert "has approved in this round" in twice["detail"]
    stranger = check_problem(await decide(client, ticket, "marketing"), 422, "validation_failed")
    assert stranger["errors"][0]["code"] == "not_asked"
    report = await approve(client, ticket, "quality_department", "research_institute", "technical_application_centre")
    assert (report["status"], report["next"]) == ("approved", {"step": "answer", "departments": []})
    types = [event["type"] for event in await told(client, seal)]
    assert types.count("report.approved") == 1
    assert types[-1] == "report.approved"


async def test_departments_approve_in_order_where_the_edition_says_so(client: AsyncClient, book: PolicyBook) -> None:
    own = book.get("components", "1").text
    for shipped, ours in (
        ('version = "1"', 'version = "2"'), ("effective_from = 2000-01-01", "effective_from = 2026-11-22"),
        ('"parallel"', '"in_order"'),
    ):  # fmt: skip
        own = own.replace(shipped, ours)
    registered = await client.post("/v1/policies", json={"document": own})
    assert registered.status_code == 201, registered.text
    ticket = await complain(client)
    await settle(client, ticket)
    early = check_problem(await decide(client, ticket, "production"), 409, "invalid_transition")
    assert early["next"] == {"step": "approvals", "departments": ["sales_centre"]}
    assert "not this one's turn" in early["detail"]
    assert (await approve(client, ticket))["status"] == "approved"


async def test_a_refusal_says_why_and_begins_a_new_round_of_approvals(client: AsyncClient, seal: Any) -> None:
    ticket = await complain(client)
    await settle(client, ticket)
    await approve(client, ticket, "sales_centre")
    mute = check_problem(await decide(client, ticket, "production", "refuse"), 422, "validation_failed")
    assert mute["errors"][0]["pointer"] == "#/reason"
    refused = (await decide(client, ticket, "production", "refuse", reason="复检数量不足")).json()
    assert (refused["status"], refused["round"], refused["settlement"]) == ("measures", 2, None)
    await propose(client, ticket, "production", "复检全部库存")
    remedy = {"remedy": "全部换货", "agreed_with_customer_on": "2026-11-22"}
    await done(client, ticket, "/settle", department="sales_centre", staff_no="5501", **remedy)
    stale = check_problem(await decide(client, ticket, "production", round=1), 409, "invalid_transition")
    assert "round 2" in stale["detail"]
    report = await approve(client, ticket)
    assert report["status"] == "approved"
    verdicts = [(row["round"], row["department"], row["decision"], row["reason"]) for row in report["approvals"]]
    assert verdicts[:2] == [(1, "sales_centre", "approve", None), (1, "production", "refuse", "复检数量不足")]
    assert len(verdicts) == 7
    assert [event["type"] for event in await told(client, seal)].count("report.refused") == 1


# The final answer waits


async def test_nothing_final_is_said_before_every_department_has_approved(client: AsyncClient, seal: Any) -> None:
    ticket = await complain(client)
    blocked = [("/report/answer", ANSWER), ("/resolve", {"resolution": "已处理"})]
    for path, body in blocked:
        early = check_problem(
            await client.post(f"/v1/tickets/{ticket['number']}{path}", json=body), 403, "approval_required"
        )
        assert early["missing_approvals"] == list(APPROVERS)
    await settle(client, ticket)
    await approve(client, ticket, *APPROVERS[:4])
    for path, body in blocked:
        late = check_problem(
            await client.post(f"/v1/tickets/{ticket['number']}{path}", json=body), 403, "approval_required"
        )
        assert late["missing_approvals"] == ["technical_application_centre"]
        assert "technical application centre" in late["detail"]
    comment = {"text": "正在审批，最迟周三答复", "visibility": "customer", "staff_no": "5501"}
    assert (await client.post(f"/v1/tickets/{ticket['number']}/comments", json=comment)).status_code == 201
    for name in ("acknowledge", "start", "wait", "resume"):
        await move(client, ticket, name)
    await approve(client, ticket, "technical_application_centre")
    report = await done(client, ticket, "/answer", **ANSWER)
    assert (report["status"], report["next"], report["answer"]["staff_no"]) == ("answered", None, "5501")
    assert (await move(client, ticket, "resolve"))["status"] == "resolved"
    [seen] = [e for e in await timeline(client, ticket, visibility="customer") if e["kind"] == "report_answered"]
    assert seen["text"] == ANSWER["text"]
    again = await step(client, ticket, "/answer", **ANSWER)
    check_problem(again, 409, "invalid_transition")
    assert [event["type"] for event in await told(client, seal)][-1] == "report.answered"


async def test_a_refused_answer_goes_through_under_the_same_key_once_it_is_approved(client: AsyncClient) -> None:
    ticket = await complain(client)
    path, key = f"/v1/tickets/{ticket['number']}/resolve", {"Idempotency-Key": "resolve-once"}
    check_problem(await client.post(path, json={}, headers=key), 403, "approval_required")
    await settle(client, ticket)
    await approve(client, ticket)
    assert (await client.post(path, json={}, headers=key)).status_code == 200


async def test_the_answer_is_the_first_response_where_there_was_none(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await complain(client)
    await settle(client, ticket)
    await approve(client, ticket)
    clock.advance(hours=30)  # 24 h for the first response are over
    late = check_problem(await step(client, ticket, "/answer", **ANSWER), 422, "delay_reason_required")
    assert late["milestones"] == ["first_response"]
    await done(client, ticket, "/answer", **ANSWER, delay_reason="等待审批")
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    assert {c["state"] for c in shown["commitments"] if c["milestone"] == "first_response"} == {"breached"}


async def test_a_matter_that_is_taken_up_again_needs_its_approvals_again(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await complain(client)
    await settle(client, ticket)
    await approve(client, ticket)
    await done(client, ticket, "/answer", **ANSWER)
    await move(client, ticket, "resolve")
    clock.advance(days=1)
    await move(client, ticket, "reopen", reason="客户不满意")
    report = await report_of(client, ticket)
    assert (report["number"], report["status"]) == (f"{ticket['number']}-R2", "open")
    check_problem(await client.post(f"/v1/tickets/{ticket['number']}/resolve", json={}), 403, "approval_required")
    assert (await report_of(client, ticket, instance=1))["status"] == "answered"


async def test_a_cancelled_tickets_report_stands_still(client: AsyncClient) -> None:
    ticket = await complain(client)
    await move(client, ticket, "cancel", reason="客户撤回")
    body = {"department": "production", "text": "x", "owner_staff_no": "1", "due_on": "2026-11-25"}
    refused = check_problem(await step(client, ticket, "/measures", **body), 409, "invalid_transition")
    assert "closed or cancelled" in refused["detail"]
    check_problem(await step(client, ticket, "", staff_no="1"), 409, "invalid_transition")


# Measures fall due


async def test_a_measure_is_announced_when_due_and_when_late_each_once(
    client: AsyncClient, clock: FakeClock, announce: Any, seal: Any
) -> None:
    ticket = await complain(client)
    await settle(client, ticket)  # due on the 25th
    clock.advance(days=2, hours=11, minutes=59)
    assert await announce() == 0
    clock.advance(minutes=1)
    assert await announce() == len(MEASURES)
    assert await announce() == 0
    await done(client, ticket, "/measures/done", department="production", staff_no="7203")
    clock.advance(days=1)
    assert await announce() == len(MEASURES) - 1
    clock.advance(days=30)
    assert await announce() == 0
    states = {row["department"]: row["state"] for row in (await report_of(client, ticket))["measures"]}
    assert (states["production"], states["research_institute"]) == ("done", "late")
    counted = [event["type"] for event in await told(client, seal, "report.measure")]
    assert counted == ["report.measure_due"] * 3 + ["report.measure_late"] * 2
    late = [entry["data"]["department"] for entry in await timeline(client, ticket) if "late" in entry["kind"]]
    assert sorted(late) == ["research_institute", "technical_application_centre"]


async def test_after_downtime_notices_come_in_order_and_a_new_date_begins_anew(
    client: AsyncClient, clock: FakeClock, announce: Any, seal: Any
) -> None:
    ticket = await complain(client)
    await propose(client, ticket, "production")
    clock.advance(days=5)
    assert await announce() == 2
    body = {"department": "production", "text": "复检", "owner_staff_no": "7203", "due_on": "2026-11-30"}
    assert (await done(client, ticket, "/measures", **body))["measures"][0]["state"] == "planned"
    clock.advance(days=3)
    assert await announce() == 1
    types = [event["type"].removeprefix("report.measure_") for event in await told(client, seal, "report.measure_")]
    assert types == ["due", "late", "due"]


async def test_a_cancelled_tickets_measures_are_not_announced(
    client: AsyncClient, clock: FakeClock, announce: Any
) -> None:
    ticket = await complain(client)
    await propose(client, ticket, "production")
    await move(client, ticket, "cancel")
    clock.advance(days=5)
    assert await announce() == 0
    assert await announce() == 0


async def test_a_measure_is_marked_done_by_its_department_and_not_ahead_of_time(client: AsyncClient) -> None:
    ticket = await complain(client)
    await propose(client, ticket, "production")
    missing = await step(client, ticket, "/measures/done", department="research_institute", staff_no="1")
    assert check_problem(missing, 422, "validation_failed")["errors"][0]["code"] == "not_asked"
    ahead = await step(client, ticket, "/measures/done", department="production", staff_no="1", done_on="2026-11-23")
    assert check_problem(ahead, 422, "validation_failed")["errors"][0]["pointer"] == "#/done_on"
    report = await done(client, ticket, "/measures/done", department="production", staff_no="7203")
    [row] = report["measures"]
    assert (row["state"], row["done_on"], row["done_by"]) == ("done", "2026-11-22", "7203")
    report = await propose(client, ticket, "production", "又改了")  # a revised measure is not done
    assert report["measures"][0]["state"] == "planned"


# Several at once


async def test_departments_that_approve_at_once_are_all_counted(client: AsyncClient, seal: Any) -> None:
    ticket = await complain(client)
    await settle(client, ticket)
    answers = await asyncio.gather(*(decide(client, ticket, department) for department in APPROVERS * 2))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [409] * 5
    report = await report_of(client, ticket)
    assert report["status"] == "approved"
    assert sorted(row["department"] for row in report["approvals"]) == sorted(APPROVERS)
    sequences = [event["sequence"] for event in await told(client, seal, "")]
    assert sequences == list(range(1, len(sequences) + 1))


async def test_a_verdict_and_a_revision_at_once_do_not_both_hold(client: AsyncClient) -> None:
    for _ in range(5):
        ticket = await complain(client)
        await settle(client, ticket)
        body = {"department": "production", "text": "改", "owner_staff_no": "1", "due_on": "2026-11-30"}
        refusal, revision, approval = await asyncio.gather(
            decide(client, ticket, "production", "refuse", reason="不够"),
            step(client, ticket, "/measures", **body),
            decide(client, ticket, "sales_centre"),
        )
        report = await report_of(client, ticket)
        assert refusal.status_code == 200
        assert (report["status"], report["round"]) == ("measures", 2)
        revised = next(row for row in report["measures"] if row["department"] == "production")["text"] == "改"
        assert revised is (revision.status_code == 200)
        approved = any(row["department"] == "sales_centre" for row in report["approvals"])
        assert approved is (approval.status_code == 200)


async def test_two_hands_open_one_report(client: AsyncClient) -> None:
    ticket = await take(client)
    answers = await asyncio.gather(*(step(client, ticket, "", staff_no="1101") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


# Who sees what


async def test_free_text_is_masked_by_tier_and_every_full_view_is_logged(
    client: AsyncClient, make_client: MakeClient, db: Database
) -> None:
    ticket = await complain(client, customer={"name": "司马相如", "phone": "13912345678"})
    phone = "13787654321"
    for department in MEASURES:
        await propose(client, ticket, department, f"联系司马相如，电话{phone}")
    seen = {}
    for tier in Tier:
        viewer = await make_client(tier=tier)
        seen[tier] = (await report_of(viewer, ticket))["measures"][0]["text"]
    assert seen == {
        Tier.SENSITIVE: f"联系司马相如，电话{phone}",
        Tier.GENERAL: "联系司***，电话137****4321",
        Tier.PUBLIC: None,
    }
    async with db.begin() as session:
        connection = await session.connection()
        rows = (await connection.exec_driver_sql("SELECT fields FROM access_log")).all()
    assert [list(row[0]) for row in rows] == [["report"]]


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    ticket = await complain(client)
    theirs = await make_client(lines=("chemicals",))
    own = await take(theirs, business_line="chemicals")
    bodies: dict[str, dict[str, Any]] = {
        "": {"staff_no": "1"},
        "/measures": {"department": "production", "text": "x", "owner_staff_no": "1", "due_on": "2026-11-25"},
        "/measures/done": {"department": "production", "staff_no": "1"},
        "/settle": {
            "remedy": "x", "agreed_with_customer_on": "2026-11-22", "department": "production", "staff_no": "1",
        },
        "/approvals": {"department": "production", "decision": "approve", "staff_no": "1"},
        "/answer": ANSWER,
    }  # fmt: skip
    for name in (ticket["id"], ticket["number"], "tkt_" + "0" * 32):
        path = f"/v1/tickets/{name}/report"
        answers = [await theirs.get(f"{path}{kind}") for kind in ("", ".html", ".pdf", "?instance=1")]
        answers += [await theirs.post(f"{path}{part}", json=body) for part, body in bodies.items()]
        answers.append(await theirs.patch(path, json={"staff_no": "1"}, headers={"If-Match": "*"}))
        for answer in answers:
            assert check_problem(answer, 404, "not_found")["title"] == "No such ticket"
    check_problem(await theirs.get(f"/v1/tickets/{own['number']}/report"), 404, "not_found")
    assert (await report_of(client, ticket))["version"] == 1
