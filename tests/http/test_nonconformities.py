"""Nonconforming goods from the record to what became of them, through the API."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.capas import QUALITY, done, pointers, post
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.service import take

GOODS = {
    "business_line": "components", "source": "complaint", "product": {"model": "C-7", "batch": "B1"},
    "quantity": 100, "unit": "只", "severity": "serious", "defect": "引脚断裂", "recorded_by": "3001",
}  # fmt: skip
SIGNED = {"staff_no": "3001", "department": "quality_department"}
REVIEW = SIGNED | {"finding": "弯折半径过小", "cause": "模具磨损"}
CORRECTION = SIGNED | {"text": "已返工并隔离", "evidence": ["返工单 R-1"]}
VERIFICATION = SIGNED | {"finding": "拉力试验", "evidence": ["报告 QC-2"]}
CLOSING = SIGNED | {"department": "marketing", "conclusion": "已告知客户"}
INSPECTION = {
    "sample": "五只", "method": "拉力", "finding": "断裂", "conclusion": "confirmed", "inspected_by": "3001",
    "department": "quality_department",
}  # fmt: skip


def portions(**quantities: int) -> dict[str, Any]:
    parts = [{"disposition": disposition, "quantity": quantity} for disposition, quantity in quantities.items()]
    return SIGNED | {"portions": parts, "reason": "评审意见"}


WAY = [
    ("review", REVIEW),
    ("dispose", portions(rework=60, sort=20, scrap=20)),
    ("correct", CORRECTION),
    ("verify", VERIFICATION | {"failed_quantity": 5}),
    ("dispose", portions(scrap=5)),
    ("correct", CORRECTION),
    ("close", CLOSING),
]


async def recorded(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    return await done(client, "nonconformities", GOODS | changes)


async def disposed(client: AsyncClient, **quantities: int) -> str:
    """The path of goods that were reviewed and disposed of like this."""
    goods = await recorded(client)
    path = f"nonconformities/{goods['number']}"
    await done(client, f"{path}/review", REVIEW)
    await done(client, f"{path}/dispose", portions(**quantities))
    return path


async def test_goods_go_their_whole_way(client: AsyncClient, clock: FakeClock, seal: Any) -> None:
    ticket = await take(client, **QUALITY)
    inspected = await done(client, f"tickets/{ticket['number']}/inspections", INSPECTION)
    goods = await recorded(client, tickets=[ticket["number"]], inspection=inspected["id"])
    assert goods["number"].startswith("NC-20261122-")
    assert (goods["status"], goods["tickets"], goods["inspection"]) == ("open", [ticket["number"]], inspected["id"])
    path = f"nonconformities/{goods['number']}"
    seen = []
    for move, body in WAY:
        clock.advance(hours=1)
        goods = await done(client, f"{path}/{move}", body)
        seen.append((goods["status"], goods["round"], goods["quantity_open"]))
    assert seen == [
        ("reviewed", 1, 100), ("disposed", 1, 100), ("awaiting_verification", 1, 80), ("verification_failed", 2, 5),
        ("disposed", 2, 5), ("settled", 2, 0), ("closed", 2, 0),
    ]  # fmt: skip
    first, second = goods["rounds"]
    assert (first["quantity"], first["verification"]["failed_quantity"], second["quantity"]) == (100, 5, 5)
    assert [(part["disposition"], part["quantity"]) for part in second["portions"]] == [("scrap", 5)]
    assert second["verification"] is None
    assert [(step["move"], step["staff_no"], step["department"], step["text"]) for step in goods["history"]] == [
        ("record", "3001", None, None),
        ("review", "3001", "quality_department", "弯折半径过小"),
        ("dispose", "3001", "quality_department", "评审意见"),
        ("correct", "3001", "quality_department", "已返工并隔离"),
        ("verify", "3001", "quality_department", "拉力试验"),
        ("dispose", "3001", "quality_department", "评审意见"),
        ("correct", "3001", "quality_department", "已返工并隔离"),
        ("close", "3001", "marketing", "已告知客户"),
    ]
    assert {decision["clause"] for decision in goods["decisions"]} == {"6.5.1"}
    assert (goods["version"], goods["closed_at"]) == (8, "2026-11-22T11:00:00.000Z")
    assert (await client.get(f"/v1/{path}")).json() == goods
    await _was_told(client, seal, goods)


async def _was_told(client: AsyncClient, seal: Any, goods: dict[str, Any]) -> None:
    """The ticket has noted beginning and end, and each step was announced."""
    timeline = (await client.get(f"/v1/tickets/{goods['tickets'][0]}/timeline")).json()["items"]
    told = [entry for entry in timeline if entry["kind"].startswith("goods_")]
    assert [(entry["kind"], entry["data"]) for entry in told] == [
        (kind, {"nonconformity": goods["number"]}) for kind in ("goods_under_review", "goods_settled")
    ]
    await seal()
    events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    ours = [event for event in events if event["subject"] == f"nonconformities/{goods['id']}"]
    assert [event["type"].removeprefix("nonconformity.") for event in ours] == [
        "recorded", "reviewed", "disposed", "corrected", "verified", "disposed", "corrected", "closed",
    ]  # fmt: skip
    assert [event["sequence"] for event in ours] == list(range(1, 9))


@pytest.mark.parametrize("quantity", [99, 101])
async def test_portions_add_up_to_what_is_under_review(client: AsyncClient, quantity: int) -> None:
    goods = await recorded(client)
    path = f"nonconformities/{goods['number']}"
    await done(client, f"{path}/review", REVIEW)
    refused = await post(client, f"{path}/dispose", portions(rework=40, scrap=quantity - 40))
    assert pointers(refused) == [("#/portions", "quantities_differ")]


async def test_a_concession_names_who_approved_it(client: AsyncClient) -> None:
    goods = await recorded(client)
    path = f"nonconformities/{goods['number']}"
    await done(client, f"{path}/review", REVIEW)
    body = portions(use_as_is=100)
    assert pointers(await post(client, f"{path}/dispose", body)) == [("#/portions/0/approved_by", "required")]
    body["portions"][0]["approved_by"] = "3009"
    shown = await done(client, f"{path}/dispose", body)
    assert shown["rounds"][0]["portions"][0]["approved_by"] == "3009"
    assert (await done(client, f"{path}/correct", CORRECTION))["status"] == "settled"


async def test_no_more_can_fail_than_were_looked_at_again(client: AsyncClient) -> None:
    path = await disposed(client, rework=30, scrap=70)
    await done(client, f"{path}/correct", CORRECTION)
    refused = await post(client, f"{path}/verify", VERIFICATION | {"failed_quantity": 31})
    assert pointers(refused) == [("#/failed_quantity", "too_large")]
    assert (await done(client, f"{path}/verify", VERIFICATION | {"failed_quantity": 0}))["status"] == "settled"


async def test_each_step_is_taken_by_the_department_of_the_edition(client: AsyncClient) -> None:
    goods = await recorded(client)
    path = f"nonconformities/{goods['number']}"
    other = await post(client, f"{path}/review", REVIEW | {"department": "sales_centre"})
    assert pointers(other) == [("#/department", "unknown_value")]
    staff = {"business_line": "components", "staff_no": "3001", "departments": ["sales_centre"]}
    assert (await client.post("/v1/staff", json=staff)).status_code == 201
    assert pointers(await post(client, f"{path}/review", REVIEW)) == [("#/department", "not_of_department")]
    assert (await done(client, f"{path}/review", REVIEW | {"staff_no": "3009"}))["status"] == "reviewed"


async def test_a_step_out_of_turn_is_refused_with_those_that_are_allowed(client: AsyncClient) -> None:
    path = await disposed(client, scrap=100)
    problem = check_problem(await post(client, f"{path}/review", REVIEW), 409, "invalid_transition")
    assert (problem["nonconformity_status"], problem["allowed"]) == ("disposed", ["correct"])
    gone = await post(client, f"{path}/cancel", {"staff_no": "3001", "reason": "误记"})
    check_problem(gone, 409, "invalid_transition")


async def test_the_record_is_corrected_until_the_review(client: AsyncClient) -> None:
    goods = await recorded(client)
    path = f"/v1/nonconformities/{goods['number']}"
    body = {"quantity": 90, "staff_no": "3001", "reason": "复点"}
    check_problem(await client.patch(path, json=body), 428, "if_match_required")
    tag = {"If-Match": (await client.get(path)).headers["etag"]}
    changed = (await client.patch(path, json=body, headers=tag)).json()
    assert (changed["quantity"], changed["quantity_open"], changed["version"]) == (90, 90, 2)
    check_problem(await client.patch(path, json=body, headers=tag), 412, "version_mismatch")
    same = await client.patch(path, json=body, headers={"If-Match": "*"})
    assert same.json()["version"] == 2
    await done(client, path.removeprefix("/v1/") + "/review", REVIEW)
    check_problem(await client.patch(path, json=body, headers={"If-Match": "*"}), 409, "invalid_transition")


async def test_a_capa_is_opened_from_the_goods_or_linked_once(client: AsyncClient) -> None:
    ticket = await take(client, **QUALITY)
    first, second = await recorded(client, tickets=[ticket["number"]]), await recorded(client)
    opened = await done(client, f"nonconformities/{first['number']}/capa", {"staff_no": "3001", "title": "引脚断裂"})
    capa = (await client.get(f"/v1/capas/{opened['capa']}")).json()
    assert (capa["source"], capa["problem"], capa["tickets"], capa["nonconformities"]) == (
        "nonconforming_goods", "引脚断裂", [ticket["number"]], [first["number"]],
    )  # fmt: skip
    link = {"staff_no": "3001", "capa": capa["number"]}
    assert (await done(client, f"nonconformities/{second['id']}/capa", link))["capa"] == capa["number"]
    again = await post(client, f"nonconformities/{second['id']}/capa", link)
    check_problem(again, 409, "capa_already_linked")
    listed = (await client.get("/v1/nonconformities", params={"capa": capa["number"]})).json()["items"]
    assert [item["number"] for item in listed] == [second["number"], first["number"]]
    await done(client, f"capas/{capa['number']}/cancel", {"staff_no": "3001", "reason": "重复"})
    late = await post(client, f"nonconformities/{(await recorded(client))['number']}/capa", link)
    check_problem(late, 409, "invalid_transition")
    neither = await post(client, f"nonconformities/{first['number']}/capa", {"staff_no": "3001"})
    assert pointers(neither) == [("#/title", "required")]


async def test_goods_are_listed_by_what_they_are(client: AsyncClient, clock: FakeClock) -> None:
    ticket = await take(client, **QUALITY)
    first = await recorded(client, tickets=[ticket["number"]])
    clock.advance(minutes=1)
    second = await recorded(client, source="internal", severity="minor", product={"name": "电容", "batch": "B2"})
    await done(client, f"nonconformities/{second['number']}/cancel", {"staff_no": "3001", "reason": "误记"})

    async def listed(**query: Any) -> list[str]:
        return [item["number"] for item in (await client.get("/v1/nonconformities", params=query)).json()["items"]]

    assert await listed() == [second["number"], first["number"]]
    for query in ({"status": "open"}, {"source": "complaint,return"}, {"severity": "serious"}, {"model": "C-7"},
                  {"batch": "B1"}, {"ticket": ticket["id"]}):  # fmt: skip
        assert await listed(**query) == [first["number"]]
    page = await client.get("/v1/nonconformities", params={"limit": 1})
    following = await client.get(page.links["next"]["url"])
    assert [item["number"] for item in following.json()["items"]] == [first["number"]]


async def test_what_does_not_exist_cannot_be_linked(client: AsyncClient) -> None:
    foreign = await take(client)
    refused = await post(client, "nonconformities", GOODS | {"tickets": [foreign["number"]]})
    assert pointers(refused) == [("#/tickets/0", "unknown_value")]
    for absent in ("ins_" + "0" * 32, "x"):
        refused = await post(client, "nonconformities", GOODS | {"inspection": absent})
        assert pointers(refused) == [("#/inspection", "unknown_value")]
    nameless = await post(client, "nonconformities", GOODS | {"product": {"batch": "B1"}})
    assert pointers(nameless) == [("#/product/name", "required")]


async def test_texts_are_seen_by_tier(client: AsyncClient, make_client: MakeClient) -> None:
    path = await disposed(client, scrap=100)
    public = await make_client(lines=("components",), tier="public")
    shown = (await public.get(f"/v1/{path}")).json()
    assert (shown["defect"], shown["reviews"][0]["finding"], shown["rounds"][0]["reason"]) == (None, None, None)
    assert {step["text"] for step in shown["history"]} == {None}
    assert shown["rounds"][0]["portions"][0]["disposition"] == "scrap"
    named = await recorded(client, product={"name": "客户13800001234定制"})
    assert "13800001234" not in named["product"]["name"]
    [listed, _] = (await client.get("/v1/nonconformities")).json()["items"]
    assert listed["product"] == named["product"]


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    goods = await recorded(client)
    capa = await done(client, f"nonconformities/{goods['number']}/capa", {"staff_no": "3001", "title": "断裂"})
    theirs = await make_client(lines=("tableware",))
    assert (await theirs.get("/v1/nonconformities")).json()["items"] == []
    for query in ({"business_line": "components"}, {"capa": capa["capa"]}):
        check_problem(await theirs.get("/v1/nonconformities", params=query), 404, "not_found")
    moves: dict[str, dict[str, Any]] = {
        "review": REVIEW, "dispose": portions(scrap=100), "correct": CORRECTION, "close": CLOSING,
        "verify": VERIFICATION | {"failed_quantity": 0}, "cancel": {"staff_no": "1", "reason": "无"},
        "capa": {"staff_no": "1", "title": "无"},
    }  # fmt: skip
    for name in (goods["id"], goods["number"], "ncf_" + "0" * 32, "NC-20261122-999999", "x"):
        check_problem(await theirs.get(f"/v1/nonconformities/{name}"), 404, "not_found")
        for move, body in moves.items():
            check_problem(await post(theirs, f"nonconformities/{name}/{move}", body), 404, "not_found")
        change = {"quantity": 1, "staff_no": "1", "reason": "无"}
        refused = await theirs.patch(f"/v1/nonconformities/{name}", json=change, headers={"If-Match": "*"})
        check_problem(refused, 404, "not_found")
    ours = await done(theirs, "nonconformities", GOODS | {"business_line": "tableware"})
    link = await post(theirs, f"nonconformities/{ours['number']}/capa", {"staff_no": "1", "capa": capa["capa"]})
    assert pointers(link) == [("#/capa", "unknown_value")]
    assert (await client.get(f"/v1/nonconformities/{goods['number']}")).json()["version"] == capa["version"]
