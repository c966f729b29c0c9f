"""Warranty cards, the question whether something is under guarantee, and charges on a ticket."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.services.policy_book import PolicyBook
from tests.http.policies import an_edition
from tests.http.problems import check_problem
from tests.http.test_archive import add, change
from tests.http.test_tickets import take

DELIVERED = {"delivered_at": "2025-11-30T10:00:00+08:00"}


async def ask(client: AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post("/v1/warranty/check", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_card_takes_the_longer_term_of_the_catalogue_and_keeps_it(client: AsyncClient) -> None:
    terms = {"warranty_months": 6, "three_guarantee_months": 12, "part_months": {"main_part": 36}}
    item = await add(client, "catalogue-items", sku="P-1", name="洗碗机", **terms)
    bought = await add(
        client,
        "purchases",
        order_no="D-1",
        product_name="洗碗机",
        serial_no="SN-1",
        catalogue_item_id=item["id"],
        **DELIVERED,
    )
    card = await add(client, "warranty-cards", purchase_id=bought["id"])
    await change(client, f"catalogue-items/{item['id']}", warranty_months=1, part_months={})
    assert (card["months"], card["part_months"]) == (12, {"main_part": 36})
    found = await ask(client, serial_no="SN-1")
    assert (found["covered"], found["until"], found["quotation"]) == (True, "2026-11-30", [])
    part = await ask(client, purchase_id=bought["id"], facts={"part": "main_part"})
    assert part["until"] == "2028-11-30"
    misused = await ask(client, purchase_id=bought["id"], facts={"misuse_found": True})
    assert (misused["covered"], misused["decisions"][0]["rule"]) == (False, "3G-17")
    again = await client.post("/v1/warranty-cards", json={"purchase_id": bought["id"]})
    check_problem(again, 409, "record_exists")


async def test_extensions_repairs_and_an_exchange_move_the_end(client: AsyncClient) -> None:
    bought = await add(client, "purchases", order_no="D-1", product_name="洗碗机", **DELIVERED)
    refused = await client.post("/v1/warranty-cards", json={"purchase_id": bought["id"]})
    assert check_problem(refused, 422, "validation_failed")["errors"][0]["pointer"] == "#/months"
    card = await add(client, "warranty-cards", purchase_id=bought["id"], months=12)
    path = f"warranty-cards/{card['id']}"
    await change(client, path, repair_days=7)
    assert (await ask(client, purchase_id=bought["id"]))["until"] == "2026-12-07"
    extension = {"reason": "延保服务", "until": "2027-05-31", "staff_no": "1101"}
    extended = (await client.post(f"/v1/{path}/extensions", json=extension)).json()
    assert [row["until"] for row in extended["extensions"]] == ["2027-05-31"]
    assert (await ask(client, purchase_id=bought["id"]))["until"] == "2027-05-31"
    await change(client, path, replaced_on="2026-11-20", repair_days=0)
    assert (await ask(client, purchase_id=bought["id"]))["until"] == "2027-11-22"


@pytest.mark.parametrize(
    ("starts_on", "replaced_on", "until"),
    [
        (None, None, "2026-11-30"),
        ("2025-12-10", None, "2026-12-10"),
        ("2025-10-10", None, "2026-11-30"),  # less than the law gives
        ("2025-12-10", "2026-01-15", "2027-01-15"),
    ],
)
async def test_both_checks_run_from_the_day_on_file_whatever_the_caller_says(
    client: AsyncClient, starts_on: str | None, replaced_on: str | None, until: str
) -> None:
    bought = await add(
        client, "purchases", order_no="D-1", product_name="洗碗机", channel="online", buyer_type="consumer", **DELIVERED
    )
    card = await add(client, "warranty-cards", purchase_id=bought["id"], months=12, starts_on=starts_on)
    await change(client, f"warranty-cards/{card['id']}", replaced_on=replaced_on)
    said = {"replaced_on": "2026-11-22"} if replaced_on else {}
    assert (await ask(client, purchase_id=bought["id"], facts=said))["until"] == until
    facts = {
        "reason": "quality", "quality_defect": "confirmed_by_qc", "region": "CN",
        "product_category": "tableware",
    }  # fmt: skip
    answer = await client.post("/v1/returns/eligibility", json={"purchase_id": bought["id"], "facts": facts})
    assert answer.json()["warranty_end"] == until


async def test_what_nobody_knows_is_asked_for(client: AsyncClient) -> None:
    unknown = await ask(client, business_line="tableware", facts={"warranty_months": 12})
    assert (unknown["covered"], unknown["missing_facts"]) == (None, ["delivered_at"])
    check_problem(await client.post("/v1/warranty/check", json={}), 422, "validation_failed")


PAID = {"item": "visit", "amount": "50.00", "accepted_at": "2026-11-22T11:00:00+08:00", "staff_no": "1101"}
PRICES = """
[[warranty.price_list]]
name = "visit"
title = { zh = "上门费", en = "visit" }
price = "50.00"
basis = "policy"
clause = "附件三"
"""


@pytest.fixture
async def client_of_shop(client: AsyncClient, book: PolicyBook) -> AsyncClient:
    """A client of a line whose company has a price list in its edition."""
    edition = an_edition(book.editions("tableware")[0].text)
    response = await client.post("/v1/policies", json={"document": edition["document"] + PRICES})
    assert response.status_code == 201, response.text
    return client


async def test_outside_the_guarantee_the_price_list_is_quoted_and_charged(client_of_shop: AsyncClient) -> None:
    client = client_of_shop
    bought = await add(
        client, "purchases", order_no="D-1", product_name="洗碗机", serial_no="SN-1",
        delivered_at="2024-11-30T10:00:00+08:00",
    )  # fmt: skip
    await add(client, "warranty-cards", purchase_id=bought["id"], months=12)
    found = await ask(client, serial_no="SN-1")
    assert (found["covered"], found["until"], found["free"]) == (False, "2025-12-01", [])  # the 30th was a Sunday
    assert found["quotation"] == [
        {"item": "visit", "title": {"zh": "上门费", "en": "visit"}, "price": "50.00", "clause": "附件三"}
    ]
    assert [(row["rule"], row["basis"], bool(row["clause"])) for row in found["decisions"]] == [
        ("REG-18-1", "statute", True)
    ]
    ticket = await take(client, product={"serial_no": "SN-1"})
    path = f"/v1/tickets/{ticket['number']}/charges"
    beyond = check_problem(await client.post(path, json=PAID | {"amount": "50.01"}), 422, "charge_beyond_list")
    assert (beyond["most"], beyond["clause"]) == ("50.00", "价格法 第十三条")
    unlisted = check_problem(await client.post(path, json=PAID | {"item": "parts"}), 422, "charge_beyond_list")
    assert unlisted["most"] is None
    early = await client.post(path, json=PAID | {"accepted_at": "2026-11-22T12:00:01+08:00"})
    assert check_problem(early, 422, "validation_failed")["errors"][0]["pointer"] == "#/accepted_at"
    charged = await client.post(path, json=PAID)
    assert charged.status_code == 201, charged.text
    row = charged.json()
    assert (row["amount"], row["listed_price"], row["clause"], row["basis"], row["under_guarantee"]) == (
        "50.00", "50.00", "附件三", "policy", False,
    )  # fmt: skip
    assert row["accepted_at"] == "2026-11-22T03:00:00.000Z"
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert [row["accepted_at"] in str(entry) for entry in timeline if "附件三" in str(entry)] == [True]
    check_problem(await client.post(path, json=PAID), 409, "record_exists")


async def test_a_fault_the_guarantee_does_not_cover_may_be_charged(client_of_shop: AsyncClient) -> None:
    client = client_of_shop
    bought = await add(client, "purchases", order_no="D-1", product_name="洗碗机", serial_no="SN-1", **DELIVERED)
    await add(client, "warranty-cards", purchase_id=bought["id"], months=12)
    ticket = await take(client, product={"order_no": "D-1"})
    path = f"/v1/tickets/{ticket['number']}/charges"
    check_problem(await client.post(path, json=PAID), 422, "charge_under_guarantee")
    charged = await client.post(path, json=PAID | {"excluded": "misuse_found"})
    assert (charged.status_code, charged.json()["under_guarantee"]) == (201, False)
    timeline = (await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"]
    assert ["misuse_found" in str(entry) for entry in timeline if "附件三" in str(entry)] == [True]


async def test_nothing_is_charged_under_guarantee_nor_beyond_the_list(client: AsyncClient) -> None:
    bought = await add(
        client,
        "purchases",
        business_line="general",
        order_no="D-1",
        product_name="洗碗机",
        serial_no="SN-1",
        **DELIVERED,
    )
    await add(client, "warranty-cards", purchase_id=bought["id"], months=12)
    ticket = await take(client, business_line="general", product={"serial_no": "SN-1"})
    path, body = f"/v1/tickets/{ticket['number']}/charges", PAID
    refused = check_problem(await client.post(path, json=body), 422, "charge_under_guarantee")
    assert refused["clause"] == "售后服务规章制度 第十一条"
    other = await take(client, business_line="general")
    beyond = await client.post(f"/v1/tickets/{other['number']}/charges", json=body)
    assert check_problem(beyond, 422, "charge_beyond_list")["clause"] == "售后服务规章制度 第十一条"
    check_problem(await client.post(path, json=body | {"amount": "0"}), 422, "validation_failed")
