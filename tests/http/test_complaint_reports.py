"""The complaint handling report: opened for serious complaints, its facts and measures, and who sees it."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.core.db import Database
from app.core.personal import Tier
from tests.conftest import FakeClock, MakeClient
from tests.http.complaint_reports import (
    ANSWER,
    APPROVERS,
    MEASURES,
    complain,
    done,
    propose,
    report_of,
    step,
    timeline,
    told,
)
from tests.http.problems import check_problem
from tests.http.test_ticket_changes import patch
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take


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
