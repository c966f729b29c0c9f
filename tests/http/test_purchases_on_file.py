"""Returns decided on the purchase on file: what the file knows, what it leaves open, and who may ask about it."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from tests.conftest import MakeClient
from tests.http.problems import check_problem
from tests.http.test_archive import LINE, add, change

CHECK = "/v1/returns/eligibility"
ON_FILE = {
    "order_no": "D-1", "product_name": "餐盘", "quantity": 4, "unit_price": "19.90", "purchased_on": "2026-11-15",
    "channel": "online", "buyer_type": "consumer", "delivered_at": "2026-11-18T10:00:00+08:00", "region": "CN-ZJ",
}  # fmt: skip
SAID = {"reason": "no_reason", "condition": "unused"}


async def check(client: AsyncClient, purchase: dict[str, Any], **facts: Any) -> dict[str, Any]:
    response = await client.post(CHECK, json={"purchase_id": purchase["id"], "facts": SAID | facts})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_the_file_supplies_what_it_knows_and_only_the_rest_is_asked_for(client: AsyncClient) -> None:
    item = await add(client, "catalogue-items", sku="P-1", name="餐盘", category="tableware")
    bought = await add(client, "purchases", **ON_FILE, catalogue_item_id=item["id"])
    answer = await check(client, bought, quantity_requested=3)
    assert (answer["outcome"], answer["deadline"], answer["returnable_quantity"]) == ("eligible", "2026-11-25", 4)
    assert answer["refund_amount"] == "59.70"  # the price on file is that of one
    assert "overruled_facts" not in answer
    nothing = await client.post(CHECK, json={"purchase_id": bought["id"]})
    assert nothing.json()["missing_facts"] == ["reason", "condition"]


async def test_the_caller_is_heard_where_the_file_is_silent_alone(client: AsyncClient) -> None:
    bought = await add(client, "purchases", **ON_FILE)
    said = {
        "delivered_at": "2026-11-21", "price_paid": "99.00", "purchase_channel": "online",
        "product_category": "tableware", "region": None, "quantity_purchased": 4,
    }  # fmt: skip
    answer = await check(client, bought, **said)
    assert (answer["deadline"], answer["refund_amount"]) == ("2026-11-25", "19.90")
    assert sorted(answer["overruled_facts"]) == ["delivered_at", "price_paid"]
    # The day without the hour contradicts nothing.
    assert "overruled_facts" not in await check(client, bought, delivered_at="2026-11-18", product_category="tableware")
    unknown = await add(client, "purchases", order_no="D-2", product_name="餐盘")
    assert (await check(client, unknown, **ON_FILE_AS_FACTS))["deadline"] == "2026-11-24"


ON_FILE_AS_FACTS = {
    "buyer_type": "consumer", "purchase_channel": "online", "product_category": "tableware",
    "delivered_at": "2026-11-17",
}  # fmt: skip


async def test_what_has_not_come_yet_is_no_fact(client: AsyncClient) -> None:
    tomorrow = {"delivered_at": "2026-11-23T10:00:00+08:00", "purchased_on": "2026-11-01"}
    bought = await add(client, "purchases", **ON_FILE | tomorrow)
    answer = await check(client, bought, product_category="tableware")
    assert (answer["outcome"], answer["missing_facts"]) == ("needs_facts", ["delivered_at"])


async def test_an_exclusion_of_the_product_needs_the_confirmation_on_file(client: AsyncClient) -> None:
    item = await add(
        client, "catalogue-items", sku="P-1", name="净水滤芯", category="filter",
        exclusion="safety_or_quality_after_unsealing",
    )  # fmt: skip
    opened = {"packaging_opened": True}
    for method, outcome in (("per_purchase_explicit", "not_eligible"), ("default_checked", "eligible")):
        bought = await add(
            client, "purchases", **ON_FILE | {"order_no": method}, catalogue_item_id=item["id"],
            confirmation_method=method,
        )  # fmt: skip
        # The caller cannot confirm, or deny, what the shop has on record.
        answer = await check(client, bought, **opened, confirmation_method="none", nonreturnable_ground="none")
        assert answer["outcome"] == outcome, method
        assert set(answer["overruled_facts"]) == {"confirmation_method", "nonreturnable_ground"}
    made = await add(
        client, "catalogue-items", sku="P-2", name="刻字餐盘", category="tableware", exclusion="custom_made"
    )
    bought = await add(client, "purchases", **ON_FILE, catalogue_item_id=made["id"])
    assert (await check(client, bought))["outcome"] == "not_eligible"


async def test_a_gift_that_is_kept_costs_the_price_on_file(client: AsyncClient) -> None:
    gift = {"description": "杯垫", "labelled_price": "5.00"}
    bought = await add(client, "purchases", **ON_FILE, gift=gift)
    known = {"product_category": "tableware"}
    assert (await check(client, bought, **known))["refund_amount"] == "19.90"
    kept = await check(client, bought, **known, gift={"returned": False, "labelled_price": "1.00"})
    assert (kept["refund_amount"], kept["overruled_facts"]) == ("14.90", ["gift"])


async def test_a_bundle_is_settled_by_what_comes_back_and_never_guessed(client: AsyncClient) -> None:
    items = [{"id": "plate", "price": "60.00"}, {"id": "bowl", "price": "50.00"}]
    bought = await add(
        client, "purchases", **ON_FILE, bundle={"items": items, "threshold": "100.00", "discount": "20.00"}
    )
    known = {"product_category": "tableware"}
    assert "refund_amount" not in await check(client, bought, **known)
    said = {"items": items, "threshold": "100.00", "discount": "0.00", "returning": ["plate"]}
    answer = await check(client, bought, **known, bundle=said)
    assert (answer["refund_amount"], answer["overruled_facts"]) == ("40.00", ["bundle"])


async def test_the_card_and_its_extension_say_how_long_repairs_are_free(client: AsyncClient) -> None:
    bought = await add(client, "purchases", **ON_FILE | {"delivered_at": "2025-10-20T10:00:00+08:00"})
    card = await add(client, "warranty-cards", purchase_id=bought["id"], months=12)
    broken = {"reason": "quality", "quality_defect": "confirmed_by_qc", "product_category": "tableware", "region": "CN"}
    late = await check(client, bought, **broken)
    assert (late["remedies"], late["warranty_end"]) == (["paid_repair"], "2026-10-20")
    extension = {"reason": "延保服务", "until": "2027-01-31"}
    assert (await client.post(f"/v1/warranty-cards/{card['id']}/extensions", json=extension)).status_code == 200
    extended = await check(client, bought, **broken, warranty_months=1)
    assert ("repair" in extended["remedies"], extended["warranty_end"]) == (True, "2027-01-31")
    assert "warranty_months" in extended["overruled_facts"]
    await change(client, f"warranty-cards/{card['id']}", replaced_on="2026-11-20")
    assert (await check(client, bought, **broken))["warranty_end"] == "2027-11-22"  # the 20th is a Saturday


async def test_both_answers_about_a_guarantee_name_the_same_day(client: AsyncClient) -> None:
    broken = {"reason": "quality", "quality_defect": "confirmed_by_qc", "product_category": "tableware"}
    for number, (months, days) in enumerate(((12, 0), (13, 3), (15, 0), (24, 11))):
        order = {"order_no": f"D-{number}", "delivered_at": "2025-12-31T23:30:00+08:00", "region": None}
        bought = await add(client, "purchases", **ON_FILE | order)
        card = await add(client, "warranty-cards", purchase_id=bought["id"], months=months)
        await change(client, f"warranty-cards/{card['id']}", repair_days=days)
        asked = (await client.post("/v1/warranty/check", json={"purchase_id": bought["id"]})).json()
        assert asked["until"] == (await check(client, bought, **broken))["warranty_end"]


async def test_the_line_is_that_of_the_purchase(client: AsyncClient, make_client: MakeClient) -> None:
    bought = await add(client, "purchases", **ON_FILE)
    body = {"purchase_id": bought["id"], "facts": SAID}
    assert (await client.post(CHECK, json=body)).json()["policy"]["name"] == LINE
    theirs = await make_client(lines=("chemicals",))
    unknown = {"purchase_id": "pur_" + "0" * 32}
    for caller, asked in (
        (theirs, body), (client, body | {"business_line": "chemicals"}), (client, body | unknown),
        (client, body | {"purchase_id": "x"}),
    ):  # fmt: skip
        check_problem(await caller.post(CHECK, json=asked), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"order_no": "D-1"}, "#/proof"), ({"proof": {"phone_last4": "1234"}}, "#/order_no"),
        ({"order_no": "D-1", "proof": {"phone_last4": "1234"}, "purchase_id": "pur_1"}, "#/purchase_id"),
        ({"order_no": "D-1", "proof": {"phone_last4": "12345"}}, "#/proof/phone_last4"),
        ({"order_no": "D-1", "proof": {}}, "#/proof"),
    ],
)  # fmt: skip
async def test_an_order_comes_with_one_proof(client: AsyncClient, body: dict[str, Any], pointer: str) -> None:
    problem = check_problem(await client.post(CHECK, json={"business_line": LINE} | body), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def order_of(client: AsyncClient) -> dict[str, Any]:
    customer = await add(client, "customers", name="王芳", phone="13800001234", address="浙江省杭州市西湖区文三路1号")
    return await add(client, "purchases", **ON_FILE, customer_id=customer["id"], gift={"labelled_price": "5.00"})


async def by_order(client: AsyncClient, order_no: str, proof: dict[str, str], **facts: Any) -> Any:
    body = {"business_line": LINE, "order_no": order_no, "proof": proof, "facts": SAID | facts}
    return await client.post(CHECK, json=body)


async def test_R20_an_order_is_answered_without_what_was_paid_or_who_paid_it(client: AsyncClient) -> None:
    await order_of(client)
    proofs: list[dict[str, str]] = [{"phone_last4": "1234"}]
    token = await client.post("/v1/order-tokens", json={"business_line": LINE, "order_no": "D-1"})
    proofs.append({"order_token": token.json()["order_token"]})
    for proof in proofs:
        answer = (await by_order(client, "D-1", proof, product_category="tableware")).json()
        assert (answer["outcome"], answer["deadline"]) == ("eligible", "2026-11-25")
        assert "refund_amount" not in answer
        told = (await by_order(client, "D-1", proof, product_category="tableware", price_paid="1.00")).json()
        assert told["refund_amount"] == "1.00"  # the caller's own word, neither taken up nor denied
        assert "overruled_facts" not in told
        assert not [word for word in ("王芳", "13800001234", "文三路", "19.90") if word in str(told)]


async def test_R20_an_unknown_order_and_a_wrong_proof_look_the_same(client: AsyncClient) -> None:
    await order_of(client)
    answers = [
        await by_order(client, number, proof)
        for number, proof in (
            ("D-1", {"phone_last4": "9999"}), ("D-9", {"phone_last4": "1234"}), ("D-1", {"order_token": "AAAA"}),
            ("D-9", {"order_token": "AAAA"}),
        )
    ]  # fmt: skip
    bodies, headers, own = [], [], ("x-request-id", "ratelimit")
    for answer in answers:
        check_problem(answer, 404, "not_found")
        bodies.append(answer.json() | {"request_id": ""})
        headers.append({name: value for name, value in answer.headers.items() if name not in own})
    assert [body for body in bodies if body != bodies[0]] == []
    assert [header for header in headers if header != headers[0]] == []


async def test_R20_ten_wrong_guesses_a_day_are_all_however_many_come_at_once(client: AsyncClient) -> None:
    await order_of(client)
    guesses = [by_order(client, "D-1", {"phone_last4": f"{guess:04}"}) for guess in range(20)]
    assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {404}
    check_problem(await by_order(client, "D-1", {"phone_last4": "1234"}), 404, "not_found")
    token = (await client.post("/v1/order-tokens", json={"business_line": LINE, "order_no": "D-1"})).json()
    assert (await by_order(client, "D-1", {"order_token": token["order_token"]})).status_code == 200


async def test_right_proofs_count_as_no_failures(client: AsyncClient) -> None:
    await order_of(client)
    for _ in range(12):
        assert (await by_order(client, "D-1", {"phone_last4": "1234"})).status_code == 200


async def test_any_price_on_file_can_be_told(client: AsyncClient) -> None:
    bought = await add(client, "purchases", **ON_FILE | {"unit_price": "9999999999.99", "quantity": 1_000_000_000})
    answer = await check(client, bought, product_category="tableware", quantity_requested=1_000_000_000)
    assert answer["refund_amount"] == "9999999999990000000.00"
