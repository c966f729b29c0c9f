"""Warranty cards, the question whether something is under guarantee, and charges on a ticket."""

from typing import Any

from httpx import AsyncClient

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


async def test_what_nobody_knows_is_asked_for(client: AsyncClient) -> None:
    unknown = await ask(client, business_line="tableware", facts={"warranty_months": 12})
    assert (unknown["covered"], unknown["missing_facts"]) == (None, ["delivered_at"])
    check_problem(await client.post("/v1/warranty/check", json={}), 422, "validation_failed")


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
    path, body = (
        f"/v1/tickets/{ticket['number']}/charges",
        {"item": "visit", "amount": "50.00", "accepted_at": "2026-11-22T11:00:00+08:00"},
    )
    refused = check_problem(await client.post(path, json=body), 422, "charge_under_guarantee")
    assert refused["clause"] == "售后服务规章制度 第十一条"
    other = await take(client, business_line="general")
    beyond = await client.post(f"/v1/tickets/{other['number']}/charges", json=body)
    assert check_problem(beyond, 422, "charge_beyond_list")["clause"] == "售后服务规章制度 第十一条"
    check_problem(await client.post(path, json=body | {"amount": "0"}), 422, "validation_failed")
