"""The components maker's whole chapter 6.4–6.5, as its departments live it: from a complaint to its cause removed."""

from typing import Any

from httpx import AsyncClient

from tests.capas import CORRECTIVE as CORRECTIVE_ACTION
from tests.capas import DONE, FIVE_WHYS, PREVENTIVE
from tests.conftest import FakeClock
from tests.http.complaint_reports import ANSWER, APPROVERS, approve, complain, decide, report_of, settle, step
from tests.http.complaint_reports import done as report_done
from tests.http.problems import check_problem
from tests.http.test_responsibility import INSPECTION, NOT_OURS, OURS, add

_EFFECTIVE = {"staff_no": "3001", "result": "effective", "finding": "三批无失效", "evidence": ["报告 QC-12"]}
_CLOSED = {"staff_no": "3001", "department": "quality_department"}


async def test_a_serious_complaint_that_is_ours_ends_with_its_cause_removed(
    client: AsyncClient, clock: FakeClock, seal: Any
) -> None:
    ticket = await complain(client)  # 6.4.1, 6.4.2a: classified, with batch, dates and quantities
    assert ticket["classification"]["complaint_class"] == "quality"
    assert (ticket["department"], ticket["severity"]) == ("sales_centre", "serious")
    report = await report_of(client, ticket)  # 6.4.2c: the handling report is opened by itself
    facts = report["facts"]
    assert (facts["batch"], facts["quantity"], facts["defective_quantity"]) == ("B2026-1101", 20_000, 37)

    # 6.4.2b: inspected, and found to be ours
    await add(client, ticket, "inspections", INSPECTION | {"conclusion": "confirmed", "finding": "键合点虚焊"})
    found = await add(client, ticket, "responsibility", OURS)
    assert (found["share"], found["department"], found["warnings"]) == ("ours", "production", [])

    # 6.4.2c: measures of three departments, the remedy agreed, then every department approves, one not at first
    await settle(client, ticket)
    refused = await client.post(f"/v1/tickets/{ticket['number']}/resolve", json={"staff_no": "5501"})
    missing = check_problem(refused, 403, "approval_required")["missing_approvals"]
    assert set(missing) == set(APPROVERS)
    back = await decide(client, ticket, "quality_department", "refuse", reason="补货须先复检")
    assert back.json()["status"] == "measures"
    await settle(client, ticket, "复检后补货20000只")
    await approve(client, ticket)
    check_problem(await step(client, ticket, "/settle"), 422, "validation_failed")
    answered = await report_done(client, ticket, "/answer", **ANSWER)
    assert (answered["status"], answered["round"]) == ("answered", 2)
    resolved = await client.post(f"/v1/tickets/{ticket['number']}/resolve", json={"staff_no": "5501"})
    assert resolved.json()["status"] == "resolved"

    await _prevent(client, clock, ticket)
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline", params={"limit": 200})).json()["items"]
    kinds = [entry["kind"] for entry in timeline]
    a_round = ["report_measure"] * 3 + ["report_settled"]
    assert kinds == [
        "recorded", "report_opened", "inspected", "determined", *a_round, "report_approval", *a_round,
        *["report_approval"] * 5, "report_answered", "resolve", "capa_linked", "capa_effective",
    ]  # fmt: skip
    await seal()
    events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    types = {event["type"] for event in events}
    assert types >= {"complaint.serious", "complaint.determined", "report.answered", "capa.verified", "capa.closed"}


async def _prevent(client: AsyncClient, clock: FakeClock, ticket: dict[str, Any]) -> None:
    """6.4.2d, 6.5.1: corrective and preventive action, whose effect is checked before it is closed."""
    opened = {"title": "MOS管键合失效", "problem": "同批次上板失效37只", "staff_no": "3001"}
    capa = await add(client, ticket, "capa", opened)
    path = f"/v1/capas/{capa['number']}"
    plan = {"staff_no": "3001", "actions": [CORRECTIVE_ACTION, PREVENTIVE], "criteria": "连续三批无失效"}
    for move, body in (("analyse", FIVE_WHYS), ("plan", plan)):
        capa = await _done(client, f"{path}/{move}", body)
    for action in capa["actions"]:
        clock.advance(days=1)
        capa = await _done(client, f"{path}/actions/{action['id']}/complete", DONE)
    assert capa["status"] == "awaiting_effectiveness"
    clock.advance(days=30)
    await _done(client, f"{path}/verify", _EFFECTIVE)
    stranger = await client.post(f"{path}/close", json=_CLOSED | {"department": "production"})
    check_problem(stranger, 422, "validation_failed")
    capa = await _done(client, f"{path}/close", _CLOSED)
    assert (capa["status"], capa["tickets"]) == ("closed", [ticket["number"]])


async def _done(client: AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(path, json=body)
    assert response.status_code in (200, 201), response.text
    shown: dict[str, Any] = response.json()
    return shown


async def test_a_complaint_that_is_not_ours_is_explained_with_evidence_and_a_next_step(client: AsyncClient) -> None:
    ticket = await complain(client)
    await add(client, ticket, "inspections", INSPECTION)
    found = await add(client, ticket, "responsibility", NOT_OURS)
    assert (found["share"], found["warnings"]) == ("not_ours", [])
    page = await client.get(f"/v1/tickets/{ticket['number']}/responsibility/letter", headers={"Accept-Language": "zh"})
    for words in ("检验报告 QC-2026-118", str(NOT_OURS["explanation"]), str(NOT_OURS["next_step"])):
        assert words in page.text
    sent = await add(client, ticket, "responsibility/letter/sent", {"staff_no": "1101", "channel": "email"})
    assert sent["letter_sent"]["channel"] == "email"
