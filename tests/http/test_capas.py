"""Corrective and preventive action from the problem to its closure, through the API."""

from typing import Any

import pytest
from httpx import AsyncClient

from tests.capas import (
    CLOSED,
    CORRECTION,
    CORRECTIVE,
    DONE,
    FIVE_WHYS,
    PREVENTIVE,
    QUALITY,
    WORKED,
    completed,
    done,
    opened,
    planned,
    pointers,
    post,
    read,
)
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.service import take


async def test_a_capa_goes_its_whole_way(client: AsyncClient, clock: FakeClock, seal: Any) -> None:
    ticket = await take(client, **QUALITY)
    capa = await opened(client, tickets=[ticket["number"]])
    assert (capa["status"], capa["tickets"], capa["policy"]["name"]) == ("open", [ticket["number"]], "components")
    assert capa["number"].startswith("CA-20261122-")
    path = f"capas/{capa['number']}"
    assert (await done(client, f"{path}/analyse", FIVE_WHYS))["status"] == "root_cause"
    plan = {"staff_no": "3001", "actions": [CORRECTION, CORRECTIVE, PREVENTIVE], "criteria": "连续三批无断裂"}
    capa = await done(client, f"{path}/plan", plan)
    assert [(action["kind"], action["due_at"], action["state"]) for action in capa["actions"]] == [
        ("correction", "2026-11-24T16:00:00.000Z", "open"),
        ("corrective", "2026-12-02T16:00:00.000Z", "open"),
        ("preventive", "2026-12-20T16:00:00.000Z", "open"),
    ]
    statuses = [capa["status"]]
    for action in capa["actions"]:
        clock.advance(days=1)
        capa = await done(client, f"{path}/actions/{action['id']}/complete", DONE)
        statuses.append(capa["status"])
    assert statuses == ["planned", "in_progress", "in_progress", "awaiting_effectiveness"]
    [check] = capa["effectiveness_checks"]
    assert (check["due_on"], check["text"], check["department"]) == (
        "2026-12-25",
        "连续三批无断裂",
        "quality_department",
    )
    clock.advance(days=30)
    capa = await done(client, f"{path}/verify", WORKED)
    assert (capa["status"], capa["effectiveness_checks"][0]["result"]) == ("effective", "effective")
    capa = await done(client, f"{path}/close", CLOSED)
    assert (capa["status"], capa["closed_at"]) == ("closed", "2026-12-25T04:00:00.000Z")
    assert [(decision["rule"], decision["clause"]) for decision in capa["decisions"]] == [
        ("quality.capa.effectiveness_days", "未规定"), ("quality.capa.closed_by", "6.5.1"),
    ]  # fmt: skip
    moves = ["open", "analyse", "plan", "complete", "complete", "complete", "verify", "close"]
    assert [step["move"] for step in capa["history"]] == moves
    assert capa["version"] == len(moves)
    assert await read(client, capa) == capa
    await seal()
    events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    told = [event for event in events if event["subject"] == f"capas/{capa['id']}"]
    assert [event["type"].removeprefix("capa.") for event in told] == [
        "opened", "analysed", "planned", "action_completed", "action_completed", "action_completed",
        "verified", "closed",
    ]  # fmt: skip
    assert [event["sequence"] for event in told] == list(range(1, 9))


async def test_the_tickets_it_answers_learn_that_it_works(client: AsyncClient, clock: FakeClock, seal: Any) -> None:
    tickets = [await take(client, **QUALITY) for _ in range(3)]
    numbers = [ticket["number"] for ticket in tickets]
    capa = await completed(client, await planned(client, CORRECTIVE, tickets=numbers[:2]))
    linked = await post(client, f"tickets/{numbers[2]}/capa", {"capa": capa["number"], "staff_no": "3001"})
    assert (linked.status_code, linked.json()["tickets"]) == (200, numbers)
    clock.advance(days=30)
    await done(client, f"capas/{capa['number']}/verify", WORKED)
    for number in numbers:
        timeline = (await client.get(f"/v1/tickets/{number}/timeline")).json()["items"]
        assert [entry["kind"] for entry in timeline] == ["recorded", "capa_linked", "capa_effective"]
        assert timeline[-1]["data"] == {"capa": capa["number"]}
        of_ticket = (await client.get(f"/v1/tickets/{number}/capa")).json()["items"]
        assert [(item["number"], item["status"]) for item in of_ticket] == [(capa["number"], "effective")]
    await seal()
    told = (await client.get("/v1/events", params={"types": "ticket.capa_effective"})).json()["items"]
    assert {event["data"]["ticket_id"] for event in told} == {ticket["id"] for ticket in tickets}


async def test_what_did_not_work_begins_a_new_round_with_the_cause(client: AsyncClient, clock: FakeClock) -> None:
    capa = await completed(client, await planned(client, CORRECTIVE))
    path = f"capas/{capa['number']}"
    clock.advance(days=30)
    failed = await done(client, f"{path}/verify", WORKED | {"result": "not_effective"})
    assert failed["status"] == "not_effective"
    problem = check_problem(await post(client, f"{path}/close", CLOSED), 409, "invalid_transition")
    assert (problem["capa_status"], problem["allowed"]) == ("not_effective", ["analyse", "cancel"])
    fishbone = {
        "staff_no": "3001", "method": "fishbone", "root_cause": "来料硬度超差",
        "causes": [{"category": "material", "text": "硬度超差"}, {"category": "measurement", "text": "未抽检硬度"}],
    }  # fmt: skip
    again = await done(client, f"{path}/analyse", fishbone)
    assert (again["status"], again["round"], again["criteria"]) == ("root_cause", 2, None)
    assert [(analysis["round"], analysis["root_cause"]) for analysis in again["analyses"]] == [
        (1, "模具无更换周期"), (2, "来料硬度超差"),
    ]  # fmt: skip
    action = CORRECTIVE | {"due_on": "2027-01-20"}
    refused = await post(client, f"{path}/plan", {"staff_no": "3001", "actions": [action]})
    assert pointers(refused) == [("#/criteria", "required")]
    capa = await done(client, f"{path}/plan", {"staff_no": "3001", "actions": [action], "criteria": "硬度合格"})
    capa = await completed(client, capa)
    assert [(check["round"], check["text"]) for check in capa["effectiveness_checks"]] == [
        (1, "连续三批无断裂"), (2, "硬度合格"),
    ]  # fmt: skip


async def test_only_corrections_come_before_the_cause_and_alone_they_lead_to_no_check(client: AsyncClient) -> None:
    capa = await opened(client)
    path = f"capas/{capa['number']}"
    refused = await post(client, f"{path}/plan", {"staff_no": "3001", "actions": [CORRECTION, CORRECTIVE]})
    assert pointers(refused) == [("#/actions/1/kind", "root_cause_first"), ("#/criteria", "required")]
    capa = await done(client, f"{path}/plan", {"staff_no": "3001", "actions": [CORRECTION]})
    capa = await completed(client, capa)
    assert (capa["status"], capa["effectiveness_checks"]) == ("open", [])


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"due_on": "2026-11-21"}, "#/actions/0/due_on", "in_the_past"),
        ({"department": "astrology"}, "#/actions/0/department", "unknown_value"),
        ({"kind": "effectiveness_check"}, "#/actions/0/kind", "unknown_value"),
    ],
)
async def test_an_action_that_cannot_be_planned_is_refused(
    client: AsyncClient, change: dict[str, Any], pointer: str, code: str
) -> None:
    capa = await opened(client)
    body = {"staff_no": "3001", "actions": [CORRECTION | change]}
    assert pointers(await post(client, f"capas/{capa['number']}/plan", body)) == [(pointer, code)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"whys": []}, "#/whys"),
        ({"method": "fishbone"}, "#/causes"),
        ({"causes": [{"category": "people", "text": "未培训"}]}, "#/causes"),
    ],
)
async def test_a_cause_is_found_by_its_method(client: AsyncClient, change: dict[str, Any], pointer: str) -> None:
    capa = await opened(client)
    refused = await post(client, f"capas/{capa['number']}/analyse", FIVE_WHYS | change)
    assert [place for place, _ in pointers(refused)] == [pointer]


async def test_what_is_done_late_needs_its_reason(client: AsyncClient, clock: FakeClock) -> None:
    capa = await planned(client, CORRECTIVE)
    [action] = capa["actions"]
    path = f"capas/{capa['number']}/actions/{action['id']}/complete"
    clock.advance(days=10, hours=12)  # midnight after the day: the very instant is still in time
    assert (await read(client, capa))["actions"][0]["state"] == "open"
    clock.advance(seconds=1)
    assert (await read(client, capa))["actions"][0]["state"] == "overdue"
    assert check_problem(await post(client, path, DONE), 422, "delay_reason_required")["milestones"] == ["corrective"]
    late = await done(client, path, DONE | {"delay_reason": "模具交货延误"})
    assert (late["actions"][0]["state"], late["actions"][0]["delay_reason"]) == ("done", "模具交货延误")
    clock.advance(days=31)
    verify = f"capas/{capa['number']}/verify"
    check_problem(await post(client, verify, WORKED), 422, "delay_reason_required")
    await done(client, verify, WORKED | {"delay_reason": "样批推迟"})


async def test_a_check_before_its_day_says_why(client: AsyncClient, clock: FakeClock) -> None:
    capa = await completed(client, await planned(client, CORRECTIVE))
    clock.advance(days=29)
    path = f"capas/{capa['number']}/verify"
    assert pointers(await post(client, path, WORKED)) == [("#/reason", "required")]
    assert (await done(client, path, WORKED | {"reason": "批量已足够"}))["status"] == "effective"


async def test_only_the_department_of_the_edition_closes(client: AsyncClient, clock: FakeClock) -> None:
    capa = await completed(client, await planned(client, CORRECTIVE))
    clock.advance(days=30)
    path = f"capas/{capa['number']}"
    await done(client, f"{path}/verify", WORKED)
    other = await post(client, f"{path}/close", CLOSED | {"department": "sales_centre"})
    assert pointers(other) == [("#/department", "unknown_value")]
    staff = {"business_line": "components", "staff_no": "3001", "departments": ["sales_centre"]}
    assert (await client.post("/v1/staff", json=staff)).status_code == 201
    assert pointers(await post(client, f"{path}/close", CLOSED)) == [("#/department", "not_of_department")]
    assert (await done(client, f"{path}/close", CLOSED | {"staff_no": "3009"}))["status"] == "closed"


async def test_an_action_gets_another_date_with_its_reason_and_a_duplicate_is_dropped(client: AsyncClient) -> None:
    capa = await planned(client, CORRECTIVE, PREVENTIVE)
    moving, doubled = capa["actions"]
    path = f"/v1/capas/{capa['number']}/actions/{moving['id']}"
    body = {"staff_no": "3001", "due_on": "2026-12-10"}
    tag = {"If-Match": (await client.get(f"/v1/capas/{capa['number']}")).headers["etag"]}
    assert pointers(await client.patch(path, json=body, headers=tag)) == [("#/reason", "required")]
    body |= {"reason": "模具交货延误", "owner_staff_no": "3003"}
    check_problem(await client.patch(path, json=body), 428, "if_match_required")
    changed = await client.patch(path, json=body, headers=tag)
    first = changed.json()["actions"][0]
    assert (first["due_at"], first["owner_staff_no"]) == ("2026-12-10T16:00:00.000Z", "3003")
    check_problem(await client.patch(path, json=body, headers=tag), 412, "version_mismatch")
    past = await client.patch(path, json=body | {"due_on": "2026-11-01"}, headers={"If-Match": "*"})
    assert pointers(past) == [("#/due_on", "in_the_past")]
    await completed(client, {**capa, "actions": [moving]})
    check_problem(await client.patch(path, json=body, headers={"If-Match": "*"}), 409, "action_settled")
    drop = f"capas/{capa['number']}/actions/{doubled['id']}/drop"
    dropped = await done(client, drop, {"staff_no": "3001", "reason": "与上一项重复"})
    assert (dropped["status"], dropped["actions"][1]["state"]) == ("awaiting_effectiveness", "dropped")
    check_problem(
        await post(client, drop, {"staff_no": "3001", "reason": "再取消"}), 409, "invalid_transition"
    )  # fmt: skip
    missing = f"capas/{capa['number']}/actions/act_{'0' * 32}"
    check_problem(await client.patch(f"/v1/{missing}", json=body, headers={"If-Match": "*"}), 404, "not_found")


async def test_cancelling_takes_everything_off_the_list(client: AsyncClient) -> None:
    capa = await planned(client, CORRECTIVE)
    path = f"capas/{capa['number']}"
    assert pointers(await post(client, f"{path}/cancel", {"staff_no": "3001"})) == [("#/reason", "required")]
    gone = await done(client, f"{path}/cancel", {"staff_no": "3001", "reason": "与另一份重复"})
    assert (gone["status"], gone["actions"][0]["state"]) == ("cancelled", "dropped")
    problem = check_problem(await post(client, f"{path}/analyse", FIVE_WHYS), 409, "invalid_transition")
    assert problem["allowed"] == []
    assert (await client.get("/v1/capas", params={"owner_staff_no": "3002"})).json()["items"] == []


async def test_facts_are_corrected_until_the_actions_are_done(client: AsyncClient) -> None:
    capa = await planned(client, CORRECTIVE)
    path = f"/v1/capas/{capa['number']}"
    check_problem(await client.patch(path, json={"title": "新标题", "staff_no": "1"}), 428, "if_match_required")
    changed = await client.patch(
        path,
        json={"title": "C-7 引脚断裂（B1）", "criteria": "五批", "staff_no": "3001"},
        headers={"If-Match": '"3.general"'},
    )
    assert (changed.json()["title"], changed.json()["version"]) == ("C-7 引脚断裂（B1）", 4)
    same = await client.patch(path, json={"criteria": "五批", "staff_no": "3001"}, headers={"If-Match": "*"})
    assert same.json()["version"] == 4
    assert (await completed(client, capa))["effectiveness_checks"][0]["text"] == "五批"
    late = await client.patch(path, json={"criteria": "十批", "staff_no": "3001"}, headers={"If-Match": "*"})
    check_problem(late, 409, "invalid_transition")
    stale = await post(client, f"capas/{capa['number']}/verify", WORKED, **{"If-Match": '"1.general"'})
    check_problem(stale, 412, "version_mismatch")


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    capa = await planned(client, CORRECTIVE)
    theirs = await make_client(lines=("tableware",))
    assert (await theirs.get("/v1/capas")).json()["items"] == []
    check_problem(await theirs.get("/v1/capas", params={"business_line": "components"}), 404, "not_found")
    moves: dict[str, dict[str, Any]] = {
        "analyse": FIVE_WHYS, "plan": {"staff_no": "1", "actions": [CORRECTION]}, "verify": WORKED, "close": CLOSED,
        "reopen": {"staff_no": "1", "reason": "无"}, "cancel": {"staff_no": "1", "reason": "无"},
        f"actions/{capa['actions'][0]['id']}/complete": DONE,
        f"actions/{capa['actions'][0]['id']}/drop": {"staff_no": "1", "reason": "无"},
    }  # fmt: skip
    for name in (capa["id"], capa["number"], "cap_" + "0" * 32, "CA-20261122-999999", "x"):
        for path in (f"/v1/capas/{name}", f"/v1/capas/{name}/report.html"):
            check_problem(await theirs.get(path), 404, "not_found")
        for move, body in moves.items():
            check_problem(await post(theirs, f"capas/{name}/{move}", body), 404, "not_found")
        patches = {"": {"title": "改", "staff_no": "1"}, f"/actions/{capa['actions'][0]['id']}": {"staff_no": "1"}}
        for path, body in patches.items():
            refused = await theirs.patch(f"/v1/capas/{name}{path}", json=body, headers={"If-Match": "*"})
            check_problem(refused, 404, "not_found")
    ours = await take(theirs)
    for name in (capa["number"], "CA-20261122-999999"):
        link = await post(theirs, f"tickets/{ours['number']}/capa", {"capa": name, "staff_no": "1"})
        assert pointers(link) == [("#/capa", "unknown_value")]
    assert (await read(client, capa))["version"] == capa["version"]
