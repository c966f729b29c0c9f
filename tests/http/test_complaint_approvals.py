"""Steps and approvals of the handling report in their order, and the final answer that waits for them."""

import asyncio
from typing import Any

from httpx import AsyncClient, Response

from app.services.policy_book import PolicyBook
from tests.conftest import FakeClock
from tests.http.complaint_reports import (
    ANSWER,
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
    timeline,
    told,
)
from tests.http.problems import check_problem
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take


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


async def test_who_is_registered_settles_and_approves_for_their_own_department_only(client: AsyncClient) -> None:
    registered = {"business_line": "components", "staff_no": "3001", "departments": ["sales_centre"]}
    assert (await client.post("/v1/staff", json=registered)).status_code == 201
    ticket = await complain(client)
    for department in MEASURES:
        await propose(client, ticket, department)
    remedy = {"remedy": "补货", "agreed_with_customer_on": "2026-11-22", "staff_no": "3001"}
    assert pointers(await step(client, ticket, "/settle", department="quality_department", **remedy)) == _NOT_THEIRS
    await done(client, ticket, "/settle", department="sales_centre", **remedy)
    assert pointers(await decide(client, ticket, "production", staff_no="3001")) == _NOT_THEIRS
    await approve(client, ticket, "production")  # by somebody who is not registered
    report = await done(client, ticket, "/approvals", department="sales_centre", decision="approve", staff_no="3001")
    assert {(row["department"], row["staff_no"]) for row in report["approvals"]} == {
        ("production", "7001"), ("sales_centre", "3001"),
    }  # fmt: skip


def pointers(response: Response) -> list[tuple[str, str]]:
    return [(each["pointer"], each["code"]) for each in check_problem(response, 422, "validation_failed")["errors"]]


_NOT_THEIRS = [("#/department", "not_of_department")]


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
