"""Whether goods may come back, asked over HTTP."""

from typing import Any

import httpx
import pytest
from httpx import AsyncClient

from app.schemas.returns import EligibilityOut
from tests.http.problems import check_problem
from tests.http.service import Service

PATH = "/v1/returns/eligibility"
FACTS = {
    "buyer_type": "consumer",
    "purchase_channel": "online",
    "product_category": "stationery",
    "reason": "no_reason",
    "condition": "unused",
    "delivered_at": "2026-11-18T10:15:00+08:00",
}


def body(line: str = "statute", **facts: Any) -> dict[str, Any]:
    return {"business_line": line, "facts": FACTS | facts}


async def ask(client: AsyncClient, line: str = "statute", **facts: Any) -> dict[str, Any]:
    response = await client.post(PATH, json=body(line, **facts))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_an_answer_names_its_rules_its_policy_and_its_moment(client: AsyncClient) -> None:
    answer = await ask(client, "tableware")
    assert (answer["outcome"], answer["remedies"], answer["freight_payer"]) == ("eligible", ["return"], "customer")
    assert answer["deadline"] == "2026-11-25"
    assert answer["policy"] == {"name": "tableware", "version": "1"}
    assert answer["decided_at"].startswith("2026-11-22T")
    first = answer["basis"][0]
    assert (first["rule"], first["source"], first["law"], first["article"]) == (
        "CPL-25-1", "law", "消费者权益保护法", "25(1)",
    )  # fmt: skip
    assert all(rule["reason"]["zh"] and rule["reason"]["en"] for rule in answer["basis"])


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"price_paid": "10.50", "payment": {"coupon": "2.00"}, "returned_goods_received_at": "2026-11-20"},
        {"reason": "quality", "quality_defect": "claimed", "warranty_months": 12},
        {"delivered_at": None},
        {"purchase_channel": "store"},
    ],
)  # fmt: skip
async def test_what_is_sent_is_what_is_documented(client: AsyncClient, facts: dict[str, Any]) -> None:
    response = await client.post(PATH, json=body(**facts))
    documented = EligibilityOut.model_validate_json(response.content)
    assert documented.model_dump(mode="json", exclude_none=True) == response.json()


async def test_what_is_left_out_is_usual_and_the_core_is_asked_for(client: AsyncClient) -> None:
    answer = (await client.post(PATH, json={"business_line": "statute"})).status_code
    assert answer == 200
    nothing = (await client.post(PATH, json={"business_line": "statute", "facts": {}})).json()
    assert nothing["outcome"] == "needs_facts"
    assert set(nothing["missing_facts"]) == FACTS.keys()
    assert "deadline" not in nothing


async def test_asked_now_means_now_in_shanghai(client: AsyncClient) -> None:
    # The tests' clock stands at noon of 22 November 2026 in Shanghai, a Sunday; the 14th was a Saturday.
    assert (await ask(client, delivered_at="2026-11-16"))["outcome"] == "eligible"
    assert (await ask(client, delivered_at="2026-11-12"))["outcome"] == "not_eligible"


async def test_a_null_fact_is_unknown(client: AsyncClient) -> None:
    answer = await ask(client, custom_made=None)
    assert (answer["outcome"], answer["missing_facts"]) == ("needs_facts", ["custom_made"])


async def test_money_is_taken_as_text_or_number_and_given_as_text(client: AsyncClient) -> None:
    for price in ("299.00", "299", 299, 299.0):
        assert (await ask(client, price_paid=price))["refund_amount"] == "299.00"


async def test_the_policy_of_the_line_decides_beside_the_law(client: AsyncClient) -> None:
    asked = {"buyer_type": "business", "purchase_channel": "b2b_contract", "reason": "customer_mis_selection"}
    under_law = await ask(client, **asked)
    by_consent = await ask(client, "chemicals", **asked, purchase_date="2026-11-10")
    assert (under_law["outcome"], by_consent["outcome"]) == ("not_eligible", "negotiable")
    assert by_consent["basis"][0]["source"] == "company"
    assert by_consent["basis"][0]["article"] == "六.1②"


async def test_the_policy_may_be_said_again_but_not_otherwise(client: AsyncClient) -> None:
    await ask(client, policy="none")
    await ask(client, "chemicals", policy="chemicals")
    response = await client.post(PATH, json=body("general", policy="chemicals"))
    problem = check_problem(response, 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "#/facts/policy"


@pytest.mark.parametrize(
    ("facts", "pointer", "code"),
    [
        ({"colour": "red"}, "#/facts/colour", "unknown_field"),
        ({"custom_made": "no"}, "#/facts/custom_made", "not_a_boolean"),
        ({"custom_made": 0}, "#/facts/custom_made", "not_a_boolean"),
        ({"purchase_channel": "carrier_pigeon"}, "#/facts/purchase_channel", "unknown_value"),
        ({"repair_count": "2"}, "#/facts/repair_count", "not_an_integer"),
        ({"repair_count": -1}, "#/facts/repair_count", "too_small"),
        ({"delivered_at": "18.11.2026"}, "#/facts/delivered_at", "not_a_date"),
        ({"delivered_at": "2026-02-30"}, "#/facts/delivered_at", "not_a_date"),
        ({"delivered_at": 20261118}, "#/facts/delivered_at", "not_a_time"),
        ({"purchase_date": "2026-11-18T00:00:00Z"}, "#/facts/purchase_date", "not_a_date"),
        ({"price_paid": "12.345"}, "#/facts/price_paid", "not_money"),
        ({"price_paid": -1}, "#/facts/price_paid", "not_money"),
        ({"price_paid": True}, "#/facts/price_paid", "not_money"),
        ({"price_paid": 1e300}, "#/facts/price_paid", "not_money"),
        ({"depreciation_daily_rate": "2"}, "#/facts/depreciation_daily_rate", "wrong_format"),
        ({"business_hours_end": "5 pm"}, "#/facts/business_hours_end", "wrong_format"),
        ({"merchant_promise": {"no_reason_days": 7, "smile": True}}, "#/facts/merchant_promise/smile", "unknown_field"),
        ({"bundle": {"items": [], "threshold": 1, "discount": 1, "returning": []}}, "#/facts/bundle/items", "too_few"),
    ],
)  # fmt: skip
async def test_a_fact_that_is_not_right_is_refused(
    client: AsyncClient, facts: dict[str, Any], pointer: str, code: str
) -> None:
    response = await client.post(PATH, json=body(**facts))
    problem = check_problem(response, 422, "validation_failed")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, code)]


async def test_a_time_needs_its_offset(client: AsyncClient) -> None:
    response = await client.post(PATH, json=body(delivered_at="2026-11-18T10:15:00"))
    check_problem(response, 422, "timezone_required")


async def test_without_a_body_one_is_asked_for(client: AsyncClient) -> None:
    check_problem(await client.post(PATH), 422, "validation_failed")


async def test_a_purchase_that_is_not_on_file_is_not_found(client: AsyncClient) -> None:
    response = await client.post(PATH, json=body() | {"purchase_id": "pur_" + "0" * 32})
    check_problem(response, 404, "not_found")


async def test_a_foreign_line_is_not_found(service: Service) -> None:
    client = await service.client(scopes=("returns:check",), lines=("tableware",))
    assert (await client.post(PATH, json=body("tableware"))).status_code == 200
    assert (await client.post(PATH, json={"facts": FACTS})).status_code == 200
    check_problem(await client.post(PATH, json=body("chemicals")), 404, "not_found")


async def test_nothing_is_stored(client: AsyncClient, service: Service) -> None:
    tables = await service.sql("SELECT relname FROM pg_stat_user_tables ORDER BY relname")
    names = [row["relname"] for row in tables]
    before = [(await service.sql(f'SELECT count(*) FROM "{name}"'))[0][0] for name in names]
    await ask(client)
    assert [(await service.sql(f'SELECT count(*) FROM "{name}"'))[0][0] for name in names] == before


async def test_the_scope_is_asked_for(service: Service) -> None:
    client: httpx.AsyncClient = await service.client(scopes=("tickets:read",))
    problem = check_problem(await client.post(PATH, json=body()), 403, "insufficient_scope")
    assert problem["required_scope"] == "returns:check"
