"""Return requests from the form to the end, through the API."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from app.core.db import Database
from app.core.personal import Tier
from app.models.access_log import AccessLog
from app.services.rules.return_requests import ReturnMove, ReturnStatus, allowed_moves
from tests.conftest import FakeClock, MakeClient
from tests.http.operations import RETURN_MOVES
from tests.http.problems import check_problem
from tests.http.service import take
from tests.returns_way import (
    CHEMICALS,
    CONSUMER,
    DEFECT,
    INSPECTED,
    PICKUP,
    STAFF,
    TO_GOODS,
    TO_RECEIPT,
    WRONG_CHOICE,
    bought,
    done,
    moved,
    post,
    received,
    submitted,
    way_to,
)


async def events_of(client: AsyncClient, request: dict[str, Any], seal: Any) -> list[dict[str, Any]]:
    await seal()
    events = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    return [event for event in events if event["subject"] == f"returns/{request['id']}"]


async def test_the_chemicals_flow_goes_its_whole_way(client: AsyncClient, clock: FakeClock) -> None:
    """化学品售后服务管理制度 六.2–3: form, review, inspection, decision, pickup, receipt, second inspection, refund."""
    form = {"purchase_id": await bought(client), "quantity": 2} | DEFECT
    request = await submitted(client, form, staff_no="2001")
    assert request["number"].startswith("RT-20261122-")
    [line] = request["lines"]
    assert (line["product_name"], line["spec_model"], line["purchased_on"], line["outcome"]) == (
        "环氧树脂", "E-51 20kg", "2026-11-18", "needs_inspection",
    )  # fmt: skip
    request = await moved(client, request, "review", STAFF | {"note": "批号齐全"})
    clock.advance(days=2)
    request = await moved(client, request, "inspect", INSPECTED)
    assert [decision["cause"] for decision in request["lines"][0]["decisions"]] == ["submit", "inspect"]
    assert request["lines"][0]["outcome"] == "eligible"
    request = await moved(client, request, "approve", STAFF)
    assert request["message"] == {
        "zh": f"退换货单 {request['number']}：已批准：环氧树脂 2 件退货。退回运费由我们承担。",
        "en": f"Return request {request['number']}: approved are return of 2 × 环氧树脂. We pay for sending it back.",
    }
    request = await moved(client, request, "schedule-pickup", PICKUP)
    assert "2026-11-25 09:00" in request["message"]["zh"]
    clock.advance(days=1)
    request = await moved(client, request, "receive", received({"line": 1, "quantity": 2}))
    assert [(row["kind"], row["due_on"], row["state"]) for row in request["deadlines"]] == [
        ("answer", "2026-12-07", "met"), ("refund", "2026-12-02", "open"),
    ]  # fmt: skip
    request = await moved(client, request, "reinspect", INSPECTED)
    request = await moved(client, request, "restock", STAFF)
    assert (request["status"], request["lines"][0]["refund_limit"]) == ("disposed", "599.80")
    assert {move["move"] for move in request["next_moves"]} == {"redecide", "refund", "ship-replacement", "complete"}
    request = await moved(client, request, "refund", STAFF | {"lines": [{"line": 1, "amount": "599.80"}]})
    request = await moved(client, request, "complete", STAFF)
    assert (request["status"], request["refunded"], request["deadlines"][1]["state"]) == ("completed", "599.80", "met")
    moves = [
        "submit", "review", "inspect", "approve", "schedule-pickup", "receive", "reinspect", "restock", "refund",
        "complete",
    ]  # fmt: skip
    assert [step["move"] for step in request["timeline"]] == moves
    assert all(step["staff_no"] for step in request["timeline"])
    assert request["version"] == len(moves)
    read = await client.get(f"/v1/returns/{request['id']}")
    assert (read.json(), read.headers["etag"]) == (request, f'"{len(moves)}.general"')


async def test_the_customer_and_the_ticket_are_told_of_each_step(client: AsyncClient, seal: Any) -> None:
    ticket = await take(client, business_line=CHEMICALS)
    form = {"purchase_id": await bought(client), "quantity": 2} | DEFECT
    request = await submitted(client, form, ticket=ticket["number"])
    request = await way_to(client, request, *TO_GOODS, "restock")
    request = await moved(client, request, "refund", STAFF | {"lines": [{"line": 1, "amount": "599.80"}]})
    request = await moved(client, request, "complete", STAFF)
    events = await events_of(client, request, seal)
    assert [event["type"].removeprefix("return.") for event in events] == [
        "submitted", "reviewed", "inspected", "approved", "pickup_scheduled", "received", "reinspected", "restocked",
        "refunded", "completed",
    ]  # fmt: skip
    told = [event["type"] for event in events if "message" in event["data"]]
    assert told == [f"return.{name}" for name in
                    ("submitted", "approved", "pickup_scheduled", "received", "refunded", "completed")]  # fmt: skip
    assert {event["data"]["ticket_id"] for event in events} == {ticket["id"]}
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert [entry["kind"] for entry in timeline if entry["kind"].startswith("return_")] == [
        "return_submitted", "return_approved", "return_completed",
    ]  # fmt: skip


async def test_an_exchange_restarts_the_warranty_and_frees_the_units(client: AsyncClient, clock: FakeClock) -> None:
    purchase = await bought(client, quantity=1)
    card = await done(client, "warranty-cards", {"purchase_id": purchase, "months": 12})
    form = {"purchase_id": purchase, "remedy": "exchange"} | DEFECT
    request = await way_to(client, await submitted(client, form), *TO_RECEIPT)
    request = await moved(client, request, "receive", received({"line": 1, "quantity": 1}))
    assert [row["kind"] for row in request["deadlines"]] == ["answer"]  # no money is due
    request = await way_to(client, request, "reinspect", "scrap")
    too_much = await post(client, f"returns/{request['number']}/refund", RETURN_MOVES["refund"])
    check_problem(too_much, 409, "refund_beyond_decision")
    clock.advance(days=3)
    sent = STAFF | {"carrier": "顺丰", "tracking_no": "SF1", "serial_nos": ["N-2"]}
    request = await moved(client, request, "ship-replacement", sent)
    assert (request["lines"][0]["replaced_on"], request["lines"][0]["remedy"]) == ("2026-11-25", "exchange")
    assert (await client.get(f"/v1/warranty-cards/{card['id']}")).json()["replaced_on"] == "2026-11-25"
    again = await post(client, f"returns/{request['number']}/ship-replacement", sent)
    check_problem(again, 409, "nothing_to_replace")
    check_problem(await post(client, "returns", {"business_line": CHEMICALS, "lines": [form]}), 409, _EXCEEDS)
    await moved(client, request, "complete", STAFF)
    await submitted(client, form)  # what was sent instead may come back too


_EXCEEDS = "quantity_exceeds_returnable"


async def test_no_unit_is_in_two_requests_and_a_refusal_or_cancellation_frees_it(client: AsyncClient) -> None:
    purchase = await bought(client)
    form = {"purchase_id": purchase, "quantity": 3} | WRONG_CHOICE
    first = await submitted(client, form)
    body = {"business_line": CHEMICALS, "lines": [form]}
    problem = check_problem(await post(client, "returns", body), 409, _EXCEEDS)
    assert problem["lines"] == [{"line": 1, "requested": 3, "returnable": 2}]
    await way_to(client, first, "cancel")
    second = await submitted(client, form)
    twice = {"business_line": CHEMICALS, "lines": [form | {"quantity": 1}, form | {"quantity": 2}]}
    assert check_problem(await post(client, "returns", twice), 409, _EXCEEDS)["lines"][0]["line"] == 2
    await way_to(client, second, "review", "refuse")
    third = await submitted(client, form | {"quantity": 5})
    assert third["lines"][0]["decisions"][0]["answer"]["returnable_quantity"] == 5


async def test_of_many_callers_at_once_one_gets_the_last_unit(client: AsyncClient) -> None:
    purchase = await bought(client, quantity=1)
    body = {"business_line": CHEMICALS, "lines": [{"purchase_id": purchase} | DEFECT]}
    answers = await asyncio.gather(*(post(client, "returns", body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]


async def test_of_two_decisions_at_once_one_holds(client: AsyncClient) -> None:
    form = {"purchase_id": await bought(client)} | WRONG_CHOICE
    request = await way_to(client, await submitted(client, form), "review")
    path = f"returns/{request['number']}"
    answers = await asyncio.gather(
        *(post(client, f"{path}/{move}", STAFF | {"reason": "协商"}) for move in ("approve", "refuse") * 3)
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    after = (await client.get(f"/v1/{path}")).json()
    assert len(after["timeline"]) == after["version"] == 3


async def test_part_of_a_request_is_approved_received_and_refunded_in_parts(client: AsyncClient) -> None:
    request = await submitted(client, CONSUMER | {"quantity": 3}, business_line="tableware")
    assert request["lines"][0]["outcome"] == "eligible"
    request = await moved(client, request, "review", STAFF)
    path = f"returns/{request['number']}"
    fewer = STAFF | {"lines": [{"line": 1, "quantity": 2}], "reason": "留一件"}
    assert check_problem(await post(client, f"{path}/approve", fewer), 409, "refusal_not_allowed")["because"] == (
        "right_stands"
    )
    more = STAFF | {"lines": [{"line": 1, "quantity": 4}]}
    check_problem(await post(client, f"{path}/approve", more), 422, "validation_failed")
    request = await way_to(client, request, "approve", "ship-back")
    different = {"line": 1, "quantity": 2, "appearance_matches": False, "found": "一件有划痕"}
    request = await moved(client, request, "receive", received(different))
    step = request["timeline"][-1]
    assert step["data"]["mismatches"] == [
        {"line": 1, "what": "quantity", "expected": 3, "received": 2}, {"line": 1, "what": "appearance"},
    ]  # fmt: skip
    assert (step["text"], "与申请不符" in request["message"]["zh"]) == ("一件有划痕", True)
    assert "receipt_mismatch" in request["lines"][0]["decisions"][-1]["answer"]["flags"]
    request = await moved(client, request, "reinspect", INSPECTED)
    one = {"lines": [{"line": 1, "quantity": 1}]}
    request = await moved(client, request, "restock", STAFF | one)
    assert (request["status"], request["lines"][0]["on_hand"]) == ("reinspected", 1)
    beyond = STAFF | {"reason": "划痕", "lines": [{"line": 1, "quantity": 2}]}
    check_problem(await post(client, f"{path}/scrap", beyond), 409, "goods_not_on_hand")
    request = await moved(client, request, "scrap", STAFF | one | {"reason": "划痕"})
    assert (request["status"], request["lines"][0]["refund_limit"]) == ("disposed", "66.67")
    part = STAFF | {"lines": [{"line": 1, "amount": "30.00"}]}
    check_problem(await post(client, f"{path}/refund", part), 422, "validation_failed")
    request = await moved(client, request, "refund", part | {"reason": "分两次退"})
    assert (request["status"], request["deadlines"][1]["state"]) == ("settled", "open")
    check_problem(await post(client, f"{path}/complete", STAFF), 422, "validation_failed")
    too_much = STAFF | {"lines": [{"line": 1, "amount": "36.68"}], "reason": "多退"}
    problem = check_problem(await post(client, f"{path}/refund", too_much), 409, "refund_beyond_decision")
    assert problem["lines"] == [{"line": 1, "left": "36.67"}]
    request = await moved(client, request, "refund", STAFF | {"lines": [{"line": 1, "amount": "36.67"}]})
    assert (request["refunded"], request["deadlines"][1]["state"]) == ("66.67", "met")


async def test_what_comes_back_wrong_goes_to_the_customer_again_and_nothing_is_due(client: AsyncClient) -> None:
    purchase = await bought(client, quantity=1)
    form = {"purchase_id": purchase} | DEFECT
    request = await way_to(client, await submitted(client, form), *TO_RECEIPT)
    other = {"line": 1, "quantity": 1, "spec_matches": False, "found": "型号为 E-44"}
    request = await moved(client, request, "receive", received(other))
    request = await moved(client, request, "reinspect", INSPECTED | {"result": "failed"})
    decision = request["lines"][0]["decisions"][-1]
    assert (decision["cause"], "inspection_conflict" in decision["answer"]["flags"]) == ("reinspect", True)
    request = await way_to(client, request, "return-to-customer")
    assert (request["lines"][0]["refund_limit"], request["deadlines"][1]["state"]) == ("0.00", "dropped")
    request = await moved(client, request, "complete", STAFF)
    await submitted(client, form)  # the unit is free again


# A way to each status, and the line's facts it needs.
WAYS: dict[ReturnStatus, tuple[str, ...]] = {
    ReturnStatus.SUBMITTED: (),
    ReturnStatus.REVIEWED: ("review",),
    ReturnStatus.INSPECTED: ("review", "inspect"),
    ReturnStatus.APPROVED: ("review", "inspect", "approve"),
    ReturnStatus.AWAITING_GOODS: TO_RECEIPT,
    ReturnStatus.RECEIVED: (*TO_RECEIPT, "receive"),
    ReturnStatus.REINSPECTED: TO_GOODS,
    ReturnStatus.DISPOSED: (*TO_GOODS, "restock"),
    ReturnStatus.SETTLED: (*TO_GOODS, "restock", "refund"),
    ReturnStatus.COMPLETED: (*TO_GOODS, "return-to-customer", "complete"),
    ReturnStatus.REFUSED: ("review", "refuse"),
    ReturnStatus.CANCELLED: ("cancel",),
}


@pytest.mark.parametrize("status", ReturnStatus)
async def test_in_each_status_every_other_move_is_refused_and_changes_nothing(
    client: AsyncClient, status: ReturnStatus
) -> None:
    form = {"product_name": "环氧树脂", "quantity": 2, "reason": "no_reason", "facts": {"price_paid": "10.00"}}
    request = await way_to(client, await submitted(client, form), *WAYS[status])
    assert request["status"] == status
    for move in set(ReturnMove) - set(allowed_moves(status)):
        answer = await post(client, f"returns/{request['number']}/{move}", RETURN_MOVES[move])
        problem = check_problem(answer, 409, "invalid_transition")
        assert (problem["return_status"], problem["allowed"]) == (status, list(allowed_moves(status))), move
    assert (await client.get(f"/v1/returns/{request['number']}")).json() == request


async def test_registered_staff_of_another_department_may_not_inspect(client: AsyncClient) -> None:
    request = await way_to(client, await submitted(client, {"purchase_id": await bought(client)} | DEFECT), "review")
    [inspect] = [move for move in request["next_moves"] if move["move"] == "inspect"]
    assert inspect == {
        "move": "inspect", "department": "quality_control", "role": None, "needs": ["result", "finding"],
    }  # fmt: skip
    for staff_no, department in (("2001", "after_sales"), ("5001", "quality_control")):
        await done(
            client, "staff", {"business_line": CHEMICALS, "staff_no": staff_no, "departments": [department]}
        )  # fmt: skip
    answer = await post(client, f"returns/{request['number']}/inspect", INSPECTED | STAFF)
    assert check_problem(answer, 422, "validation_failed")["errors"][0]["pointer"] == "#/staff_no"
    assert (await moved(client, request, "inspect", INSPECTED))["status"] == "inspected"


async def test_a_repeat_under_one_key_answers_the_same_and_an_old_version_is_refused(client: AsyncClient) -> None:
    body = {"business_line": CHEMICALS, "lines": [{"purchase_id": await bought(client, quantity=1)} | DEFECT]}
    key = {"Idempotency-Key": "return-1234"}
    first, again = [await post(client, "returns", body, **key) for _ in range(2)]
    assert (first.status_code, again.content) == (201, first.content)
    path = f"returns/{first.json()['number']}"
    refused = await post(client, f"{path}/review", STAFF, **{"If-Match": '"7.general"'})
    check_problem(refused, 412, "version_mismatch")
    reviewed = await post(client, f"{path}/review", STAFF, **{"If-Match": first.headers["etag"]})
    assert (reviewed.status_code, reviewed.headers["etag"]) == (200, '"2.general"')


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"purchase_id": "pur_" + "0" * 32}, "#/lines/0/purchase_id"),
        ({"purchase_id": "D-1"}, "#/lines/0/purchase_id"),
        ({"product_name": None}, "#/lines/0/product_name"),
        ({"facts": {"quantity_requested": 9}}, "#/lines/0/facts"),
        ({"quantity": 0}, "#/lines/0/quantity"),
        ({"facts": {"reinspection": "passed"}}, "#/lines/0/facts"),
        ({"facts": {"requested_at": "2026-11-24"}}, "#/lines/0/facts/requested_at"),
    ],
)
async def test_a_form_that_cannot_be_right_is_refused_by_its_field(
    client: AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    body = {"business_line": CHEMICALS, "lines": [{"product_name": "环氧树脂", "reason": "quality"} | change]}
    problem = check_problem(await post(client, "returns", body), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize(("tier", "seen"), [(Tier.SENSITIVE, True), (Tier.GENERAL, False), (Tier.PUBLIC, None)])
async def test_what_people_wrote_is_shown_by_tier_and_full_views_are_on_record(
    client: AsyncClient, make_client: MakeClient, db: Database, tier: Tier, seen: bool | None
) -> None:
    form = {"purchase_id": await bought(client)} | DEFECT | {"problem": "请打 13800001234 联系"}
    request = await submitted(client, form)
    await moved(client, request, "cancel", STAFF | {"reason": "客户 13800001234 撤回"})
    reader = await make_client(tier=tier)
    shown = (await reader.get(f"/v1/returns/{request['number']}")).json()
    texts = [shown["lines"][0]["problem"], shown["timeline"][-1]["text"]]
    assert [None if text is None else "13800001234" in text for text in texts] == [seen, seen]
    async with db.begin() as session:
        looks = (await session.scalars(select(AccessLog))).all()
    assert [look.subject for look in looks] == ([f"returns/{request['id']}"] if seen else [])


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    purchase = await bought(client)
    ticket = await take(client, business_line=CHEMICALS)
    request = await submitted(client, {"purchase_id": purchase} | DEFECT, ticket=ticket["number"])
    other = await make_client(lines=("tableware",))
    for reference in (request["number"], request["id"]):
        check_problem(await other.get(f"/v1/returns/{reference}"), 404, "not_found")
        for move in ReturnMove:
            check_problem(await post(other, f"returns/{reference}/{move}", RETURN_MOVES[move]), 404, "not_found")
    assert (await other.get("/v1/returns")).json()["items"] == []
    for wanted in ({"business_line": CHEMICALS}, {"ticket": ticket["number"]}, {"purchase": purchase}):
        check_problem(await other.get("/v1/returns", params=wanted), 404, "not_found")
    for body in ({"lines": [{"purchase_id": purchase} | DEFECT]}, {"lines": [CONSUMER], "ticket": ticket["id"]}):
        check_problem(await post(other, "returns", body), 422, "validation_failed")
    check_problem(await post(other, "surveys", {"return_number": request["number"]}), 404, "not_found")


async def test_the_customer_of_its_ticket_is_asked_once_it_is_over(client: AsyncClient) -> None:
    ticket = await take(client, business_line=CHEMICALS)
    form = {"purchase_id": await bought(client)} | DEFECT
    request = await submitted(client, form, ticket=ticket["number"])
    survey = {"return_number": request["number"]}
    check_problem(await post(client, "surveys", survey), 409, "survey_too_early")
    await way_to(client, request, "cancel")
    check_problem(await post(client, "surveys", survey), 409, "survey_too_early")  # the ticket goes on
    await done(client, f"tickets/{ticket['number']}/resolve", {"staff_no": "2001"})
    assert (await done(client, "surveys", survey))["url"]
    alone = await way_to(client, await submitted(client, form), "cancel")
    problem = check_problem(
        await post(client, "surveys", {"return_number": alone["number"]}), 409, "customer_not_asked"
    )
    assert problem["reason"] == "no_ticket"


async def test_lists_are_filtered_by_status_ticket_purchase_and_what_is_late(
    client: AsyncClient, clock: FakeClock
) -> None:
    ticket = await take(client, business_line=CHEMICALS)
    purchase = await bought(client)
    first = await submitted(client, {"purchase_id": purchase} | WRONG_CHOICE, ticket=ticket["id"])
    clock.advance(seconds=1)
    second = await way_to(client, await submitted(client, {"purchase_id": purchase} | WRONG_CHOICE), "review")

    async def found(**wanted: str) -> list[str]:
        answer = await client.get("/v1/returns", params=wanted)
        assert answer.status_code == 200, answer.text
        return [item["number"] for item in answer.json()["items"]]

    assert await found() == [second["number"], first["number"]]
    assert await found(status="submitted,refused") == [first["number"]]
    assert await found(ticket=ticket["number"]) == [first["number"]]
    assert await found(purchase=purchase) == [second["number"], first["number"]]
    assert await found(overdue="true") == []
    clock.advance(days=16)
    await way_to(client, second, "refuse")
    assert await found(overdue="true") == [first["number"]]
    assert await found(overdue="false") == [second["number"]]
    check_problem(await client.get("/v1/returns", params={"ticket": "AS-1"}), 404, "not_found")
