"""What is decided on return requests: consent, goodwill, refusals, new facts, and the same again from the record."""

from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import select

from app.core.db import Database
from app.models.return_requests import ReturnDecisionRow
from app.services.return_requests.deciding import replayed
from tests.conftest import FakeClock
from tests.http.problems import check_problem
from tests.returns_way import (
    CONSUMER,
    DEFECT,
    INSPECTED,
    STAFF,
    TO_RECEIPT,
    WRONG_CHOICE,
    bought,
    moved,
    post,
    received,
    submitted,
    way_to,
)


async def test_a_contested_refund_needs_its_reason(client: AsyncClient) -> None:
    request = await submitted(client, {"purchase_id": await bought(client), "quantity": 1} | DEFECT)
    request = await way_to(client, request, *TO_RECEIPT)
    request = await moved(client, request, "receive", received({"line": 1, "quantity": 1}))
    request = await moved(client, request, "reinspect", INSPECTED | {"result": "failed"})
    request = await way_to(client, request, "restock")
    paid = STAFF | {"lines": [{"line": 1, "amount": "299.90"}]}
    check_problem(await post(client, f"returns/{request['number']}/refund", paid), 422, "validation_failed")
    assert (await moved(client, request, "refund", paid | {"reason": "以首次检验为准"}))["refunded"] == "299.90"


async def test_consent_needs_a_reason_goodwill_its_word_and_a_right_is_not_refused(client: AsyncClient) -> None:
    purchase = await bought(client)
    asked = await way_to(client, await submitted(client, {"purchase_id": purchase} | WRONG_CHOICE), "review")
    assert asked["lines"][0]["outcome"] == "negotiable"
    path = f"returns/{asked['number']}/approve"
    check_problem(await post(client, path, STAFF), 422, "validation_failed")
    approved = await moved(client, asked, "approve", STAFF | {"reason": "未开封，可再售"})
    assert (approved["goodwill"], "运费由您承担" in approved["message"]["zh"]) == (False, True)
    damaged = WRONG_CHOICE | {"facts": {"condition": "damaged_by_customer", "product_category": "chemical"}}
    lost = await way_to(client, await submitted(client, {"purchase_id": purchase} | damaged), "review")
    assert lost["lines"][0]["outcome"] == "not_eligible"
    path = f"returns/{lost['number']}/approve"
    problem = check_problem(await post(client, path, STAFF | {"reason": "老客户"}), 409, "goodwill_required")
    assert problem["lines"] == [{"line": 1, "outcome": "not_eligible"}]
    check_problem(await post(client, path, STAFF | {"goodwill": True}), 422, "validation_failed")
    assert (await moved(client, lost, "approve", STAFF | {"goodwill": True, "reason": "老客户"}))["goodwill"]
    right = await way_to(client, await submitted(client, CONSUMER, business_line="tableware"), "review")
    refusal = STAFF | {"reason": "不想退"}
    problem = check_problem(await post(client, f"returns/{right['number']}/refuse", refusal), 409, _BARRED)
    assert problem["because"] == "right_stands"
    claimed = await way_to(client, await submitted(client, {"purchase_id": purchase} | DEFECT), "review")
    problem = check_problem(await post(client, f"returns/{claimed['number']}/refuse", refusal), 409, _BARRED)
    assert problem["because"] == "inspection_due"
    request = await moved(client, claimed, "inspect", INSPECTED | {"result": "failed", "finding": "含量合格"})
    request = await moved(client, request, "refuse", refusal)
    assert (request["status"], request["timeline"][-1]["text"]) == ("refused", "不想退")
    assert request["lines"][0]["decisions"][-1]["answer"]["basis"][0]["reason"]["zh"] in request["message"]["zh"]


_BARRED = "refusal_not_allowed"


async def test_another_remedy_than_was_asked_for_needs_a_reason(client: AsyncClient) -> None:
    form = CONSUMER | {"remedy": "return"}
    request = await way_to(client, await submitted(client, form, business_line="tableware"), "review")
    assert request["lines"][0]["decisions"][0]["answer"]["remedies"] == ["return"]
    exchange = STAFF | {"lines": [{"line": 1, "remedy": "exchange"}]}
    path = f"returns/{request['number']}/approve"
    check_problem(await post(client, path, exchange | {"reason": "客户同意"}), 409, "goodwill_required")
    check_problem(await post(client, path, exchange | {"goodwill": True}), 422, "validation_failed")
    agreed = await moved(client, request, "approve", exchange | {"goodwill": True, "reason": "客户同意"})
    assert (agreed["lines"][0]["remedy"], agreed["goodwill"]) == ("exchange", True)


async def test_new_facts_are_decided_anew_beside_the_old_and_no_others_are(client: AsyncClient) -> None:
    purchase = await bought(client)
    request = await submitted(client, {"purchase_id": purchase, "reason": "customer_mis_selection"})
    assert request["lines"][0]["outcome"] == "needs_facts"
    new = STAFF | {"line": 1, "facts": {"condition": "unused"}, "reason": "客户补充"}
    again = await moved(client, request, "redecide", new)
    first, second = again["lines"][0]["decisions"]
    assert first == request["lines"][0]["decisions"][0]
    assert (second["cause"], second["answer"]["outcome"], second["facts"]["condition"]) == (
        "redecide", "negotiable", "unused",
    )  # fmt: skip
    path = f"returns/{request['number']}/redecide"
    check_problem(await post(client, path, new), 409, "no_new_facts")
    on_file = new | {"facts": {"buyer_type": "consumer"}}
    check_problem(await post(client, path, on_file), 409, "no_new_facts")  # the file wins
    check_problem(await post(client, path, new | {"facts": {"quantity_requested": 4}}), 422, "validation_failed")
    check_problem(await post(client, path, new | {"line": 2}), 422, "validation_failed")


async def test_R28_every_decision_on_record_comes_out_the_same_again(
    client: AsyncClient, app: FastAPI, db: Database, clock: FakeClock
) -> None:
    purchase = await bought(client, gift={"labelled_price": "9.90"})
    form = {"purchase_id": purchase, "quantity": 2} | DEFECT
    request = await way_to(client, await submitted(client, form, CONSUMER | {"facts": {"bundle": _BUNDLE}}), "review")
    clock.advance(days=20)
    await moved(client, request, "inspect", INSPECTED | {"facts": {"misuse_found": False, "condition": "used"}})
    await submitted(client, CONSUMER, business_line="tableware")
    known = await app.state.kit.directory.known()
    async with db.begin() as session:
        rows = (await session.scalars(select(ReturnDecisionRow))).all()
    assert len(rows) == 5
    assert all(replayed(known, row) for row in rows)
    rows[0].facts = rows[0].facts | {"quantity_purchased": 1}
    assert not replayed(known, rows[0])


_BUNDLE = {
    "items": [{"id": "a", "price": "60.00"}, {"id": "b", "price": "50.00"}], "threshold": "100.00",
    "discount": "10.00", "returning": ["a"],
}  # fmt: skip
