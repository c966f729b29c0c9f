"""Inspections, whose fault a matter is, and the letter about what is not ours."""

from typing import Any

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import text

from app.core.personal import Tier
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.service import take

INSPECTION = {
    "sample": "退回的芯片 3 只", "method": "外观与电参数复测", "finding": "引脚受外力弯折，电参数合格",
    "conclusion": "not_confirmed", "inspected_by": "3001", "department": "quality_department",
    "attachments": ["QC-2026-118"],
}  # fmt: skip
NOT_OURS = {
    "ours": False, "cause": "装配时受外力", "evidence": ["检验报告 QC-2026-118", "引脚照片 2 张"],
    "explanation": "引脚弯折发生在交货之后。", "next_step": "可提供装配指导，或按成本价更换。", "staff_no": "1101",
}  # fmt: skip
OURS = {"ours": True, "department": "production", "cause": "封装温度偏高", "staff_no": "1101"}


@pytest.fixture
async def ticket(client: AsyncClient) -> dict[str, Any]:
    return await take(
        client, business_line="components", description="芯片引脚断裂，是质量问题", severity="serious",
        product={"name": "芯片", "model": "C-7", "batch": "B1", "quantity": 1000, "defective_quantity": 3},
    )  # fmt: skip


async def post(
    client: AsyncClient, ticket: dict[str, Any], path: str, body: dict[str, Any], **headers: str
) -> Response:
    return await client.post(f"/v1/tickets/{ticket['number']}/{path}", json=body, headers=headers)


async def add(client: AsyncClient, ticket: dict[str, Any], path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await post(client, ticket, path, body)
    assert response.status_code in (200, 201), response.text
    added: dict[str, Any] = response.json()
    return added


async def told(client: AsyncClient, type_: str) -> list[dict[str, Any]]:
    events = (await client.get("/v1/events", params={"types": type_})).json()["items"]
    return [event["data"] for event in events]


async def test_an_inspection_is_put_on_record_and_read_again(
    client: AsyncClient, ticket: dict[str, Any], seal: Any
) -> None:
    later = await add(client, ticket, "inspections", INSPECTION)
    first = await add(
        client,
        ticket,
        "inspections",
        INSPECTION | {"inspected_at": "2026-11-20T09:00:00+08:00", "conclusion": "inconclusive"},
    )
    assert (first["inspected_at"], later["conclusion"]) == ("2026-11-20T01:00:00.000Z", "not_confirmed")
    listed = (await client.get(f"/v1/tickets/{ticket['number']}/inspections")).json()["items"]
    assert listed == [first, later]
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    assert shown["version"] == ticket["version"] + 2
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert [(entry["kind"], entry["staff_no"], entry["visibility"]) for entry in timeline[-2:]] == [
        ("inspected", "3001", "internal")
    ] * 2
    await seal()
    assert [event["conclusion"] for event in await told(client, "complaint.inspected")] == [
        "not_confirmed",
        "inconclusive",
    ]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"department": "astrology"}, "#/department", "unknown_value"),
        ({"inspected_at": "2026-11-23T09:00:00+08:00"}, "#/inspected_at", "in_the_future"),
        ({"conclusion": "maybe"}, "#/conclusion", "unknown_value"),
    ],
)
async def test_an_inspection_that_cannot_be_is_refused(
    client: AsyncClient, ticket: dict[str, Any], change: dict[str, Any], pointer: str, code: str
) -> None:
    problem = check_problem(await post(client, ticket, "inspections", INSPECTION | change), 422, "validation_failed")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, code)]


async def test_ours_names_the_step_of_the_edition_and_is_kept_with_the_ticket(
    client: AsyncClient, ticket: dict[str, Any], seal: Any
) -> None:
    await add(client, ticket, "inspections", INSPECTION | {"conclusion": "confirmed"})
    found = await add(client, ticket, "responsibility", OURS)
    assert (found["share"], found["revision"], found["warnings"], found["duty_holder"]) == ("ours", 1, [], None)
    assert (found["decision"]["rule"], found["decision"]["clause"]) == (
        "complaints.determination.quality_cause",
        "6.4.2b",
    )
    shown = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    assert shown["decisions"][-1] == found["decision"]
    await seal()
    [event] = await told(client, "complaint.determined")
    assert (event["share"], event["department"], event["revision"]) == ("ours", "production", 1)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"ours": True, "cause": "封装温度偏高"}, "#/department"),
        ({"ours": True, "department": "production"}, "#/cause"),
        ({"ours": False, "explanation": "受外力"}, "#/evidence"),
        ({"ours": False, "evidence": ["照片"]}, "#/explanation"),
        (OURS | {"share": "shared", "evidence": ["照片"]}, "#/explanation"),
        (OURS | {"share": "not_ours"}, "#/share"),
        (NOT_OURS | {"share": "shared"}, "#/share"),
        (OURS | {"our_percent": 60}, "#/our_percent"),
        (OURS | {"department": "astrology"}, "#/department"),
    ],
)
async def test_a_determination_without_what_it_needs_says_what_is_missing(
    client: AsyncClient, ticket: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    problem = check_problem(await post(client, ticket, "responsibility", body), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_later_determination_supersedes_the_earlier_and_says_why(
    client: AsyncClient, ticket: dict[str, Any], clock: FakeClock
) -> None:
    first = await add(client, ticket, "responsibility", NOT_OURS)
    clock.advance(days=1)
    shared = OURS | NOT_OURS | {"ours": True, "share": "shared", "our_percent": 40, "department": "production"}
    problem = check_problem(await post(client, ticket, "responsibility", shared), 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "#/reason"
    second = await add(client, ticket, "responsibility", shared | {"reason": "复检发现封装也有偏差"})
    read = (await client.get(f"/v1/tickets/{ticket['number']}/responsibility")).json()
    assert (read["current"], read["history"]) == (second, [first])
    assert (second["revision"], second["ours"], second["our_percent"]) == (2, True, 40)


async def test_a_finding_against_inspection_or_duty_is_taken_with_a_warning(client: AsyncClient) -> None:
    ticket = await take(
        client, business_line="home_furnishing", description="沙发面料开裂，是质量问题", seller="杭州门店",
    )  # fmt: skip
    body = {"ours": True, "department": "repair_department", "cause": "面料老化"}
    found = await add(client, ticket, "responsibility", body)
    assert [warning["code"] for warning in found["warnings"]] == ["duty_holder_differs", "not_inspected"]
    assert (found["duty_holder"]["holder"], found["duty_holder"]["party"]) == ("seller", "杭州门店")
    assert found["duty_holder"]["decision"]["clause"] == "1.3"
    await client.patch(f"/v1/tickets/{ticket['number']}", json={"urgency": "emergency"}, headers={"If-Match": "*"})
    decisions = (await client.get(f"/v1/tickets/{ticket['number']}")).json()["decisions"]
    rules = [decision["rule"] for decision in decisions if decision["kind"] == "responsibility"]
    assert rules == ["routing.duty_holders.sold", "complaints.determination"]  # the duty is not decided anew


async def test_the_letter_explains_what_is_not_ours_with_its_evidence(
    client: AsyncClient, make_client: MakeClient, ticket: dict[str, Any]
) -> None:
    path = f"/v1/tickets/{ticket['number']}/responsibility/letter"
    check_problem(await client.get(path), 404, "not_found")
    await add(client, ticket, "inspections", INSPECTION)
    await add(client, ticket, "responsibility", NOT_OURS)
    page = await client.get(path, headers={"Accept-Language": "zh"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (page.headers["cache-control"], page.headers["vary"]) == ("no-store", "Authorization")
    said = (
        ticket["number"],
        "引脚照片 2 张",
        "引脚弯折发生在交货之后。",
        "可提供装配指导",
        "芯片 · C-7 · B1",
        "质量部",
        "销售中心",
    )
    assert [words for words in said if words not in page.text] == []
    assert "王芳" not in page.text
    assert "was not caused by our product" in (await client.get(path)).text
    seer = await make_client(tier=Tier.SENSITIVE)
    assert "王芳" in (await seer.get(path, headers={"Accept-Language": "zh"})).text
    hidden = await (await make_client(tier=Tier.PUBLIC)).get(path)
    assert "装配时受外力" not in hidden.text


async def test_the_letter_is_not_for_what_is_ours(client: AsyncClient, ticket: dict[str, Any]) -> None:
    await add(client, ticket, "responsibility", OURS)
    path = f"/v1/tickets/{ticket['number']}/responsibility/letter"
    check_problem(await client.get(path), 409, "nothing_to_explain")
    sent = await client.post(f"{path}/sent", json={"staff_no": "1101", "channel": "letter"})
    check_problem(sent, 409, "nothing_to_explain")


async def test_a_letter_is_sent_once_for_each_determination(
    client: AsyncClient, ticket: dict[str, Any], seal: Any
) -> None:
    await add(client, ticket, "responsibility", NOT_OURS)
    body = {"staff_no": "1101", "channel": "email"}
    sent = await add(client, ticket, "responsibility/letter/sent", body)
    assert sent["letter_sent"] == {"at": "2026-11-22T04:00:00.000Z", "by": "1101", "channel": "email"}
    check_problem(await post(client, ticket, "responsibility/letter/sent", body), 409, "letter_sent_already")
    entry = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"][-1]
    assert (entry["kind"], entry["visibility"]) == ("explained", "customer")
    again = await add(client, ticket, "responsibility", NOT_OURS | {"reason": "补充依据"})
    assert again["letter_sent"] is None
    await add(client, ticket, "responsibility/letter/sent", body)
    await seal()
    assert [event["revision"] for event in await told(client, "complaint.explained")] == [1, 2]


async def test_a_repeat_under_the_same_key_determines_once(client: AsyncClient, ticket: dict[str, Any]) -> None:
    first = await post(client, ticket, "responsibility", OURS, **{"Idempotency-Key": "determined-1"})
    again = await post(client, ticket, "responsibility", OURS, **{"Idempotency-Key": "determined-1"})
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    read = (await client.get(f"/v1/tickets/{ticket['number']}/responsibility")).json()
    assert read["history"] == []


async def test_texts_are_shown_as_the_tier_allows_and_every_full_look_is_logged(
    client: AsyncClient, make_client: MakeClient, ticket: dict[str, Any], db: Any
) -> None:
    await add(client, ticket, "inspections", INSPECTION | {"finding": "客户 13800001234 告知受潮"})
    await add(client, ticket, "responsibility", NOT_OURS)
    path = f"/v1/tickets/{ticket['number']}"
    masked = (await client.get(f"{path}/inspections")).json()["items"][0]
    assert masked["finding"] == "客户 138****1234 告知受潮"
    nobody = await make_client(tier=Tier.PUBLIC)
    hidden = (await nobody.get(f"{path}/inspections")).json()["items"][0]
    assert (hidden["finding"], hidden["attachments"], hidden["conclusion"]) == (None, [], "not_confirmed")
    read = (await nobody.get(f"{path}/responsibility")).json()["current"]
    assert (read["explanation"], read["evidence"]) == (None, [])
    seer = await make_client(tier=Tier.SENSITIVE)
    assert "13800001234" in (await seer.get(f"{path}/inspections")).text
    async with db.begin() as session:
        logged = (await session.execute(text("SELECT subject, fields FROM access_log"))).all()
    assert [(row.subject, row.fields) for row in logged] == [(f"tickets/{ticket['id']}", ["timeline"])]
