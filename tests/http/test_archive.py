"""The customer archive: customers by tier, products, purchases, and one view of everything on file."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import select, text

from app.core.db import Database
from app.core.personal import Tier
from app.models.access_log import AccessLog
from tests.conftest import MakeClient
from tests.http.problems import check_problem
from tests.http.test_tickets import take

LINE = "tableware"
PERSON = {
    "name": "司马相如", "phone": "13912345678", "email": "sima@example.com", "address": "四川省成都市青羊区文君街7号",
}  # fmt: skip


async def add(client: AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    line = {} if path == "warranty-cards" else {"business_line": LINE}
    response = await client.post(f"/v1/{path}", json=line | body)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def change(client: AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    tag = (await client.get(f"/v1/{path}")).headers["etag"]
    response = await client.patch(f"/v1/{path}", json=body, headers={"If-Match": tag})
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


@pytest.mark.parametrize(
    ("tier", "shown"),
    [
        (Tier.SENSITIVE, ("司马相如", "+8613912345678", "sima@example.com", "四川省成都市青羊区文君街7号", "crm-1")),
        (Tier.GENERAL, ("司***", "139****5678", "s***@example.com", "四川省成都市青羊区***", "crm-1")),
        (Tier.PUBLIC, (None, None, None, None, None)),
    ],
)
async def test_a_customer_is_shown_by_tier_everywhere_and_full_views_are_on_record(
    client: AsyncClient, make_client: MakeClient, db: Database, tier: Tier, shown: tuple[str | None, ...]
) -> None:
    made = await add(client, "customers", **PERSON, external_id="crm-1", consents=["surveys", "care"])
    reader = await make_client(tier=tier)
    path = f"/v1/customers/{made['id']}"
    answers = [
        (await reader.get(path)).json(),
        (await reader.get("/v1/customers")).json()["items"][0],
        (await reader.post("/v1/customers/search", json={"phone": "139 1234 5678"})).json()["items"][0],
        (await reader.get(f"{path}/history")).json()["customer"],
    ]
    for answer in answers:
        assert tuple(answer[name] for name in ("name", "phone", "email", "address", "external_id")) == shown
        assert answer["consents"] == ["care", "surveys"]
    async with db.begin() as session:
        looks = (await session.scalars(select(AccessLog))).all()
        stored = (await session.execute(text("SELECT c::text FROM customer c"))).scalars().all()
    assert len(looks) == (len(answers) if tier is Tier.SENSITIVE else 0)
    assert {look.subject for look in looks} <= {f"customers/{made['id']}"}
    assert not [word for row in stored for word in ("司马", "13912345678", "sima@", "文君街") if word in row]


async def test_customers_are_found_by_each_criterion_and_all_given_must_hold(client: AsyncClient) -> None:
    made = await add(client, "customers", **PERSON, external_id="crm-1")
    await add(client, "customers", name="卓文君", phone="13912345679")
    for criteria, found in (
        ({"name": "司马 相如"}, True), ({"email": "SIMA@example.com"}, True), ({"external_id": "crm-1"}, True),
        ({"phone": "13912345678", "name": "卓文君"}, False), ({"phone": "13900000000"}, False),
    ):  # fmt: skip
        items = (await client.post("/v1/customers/search", json=criteria)).json()["items"]
        assert [item["id"] for item in items] == ([made["id"]] if found else []), criteria


async def test_a_change_of_contact_is_found_by_the_new_one_and_leaves_the_rest(client: AsyncClient) -> None:
    made = await add(client, "customers", **PERSON)
    changed = await change(client, f"customers/{made['id']}", phone="13700000001", tier="vip")
    assert (changed["phone"], changed["email"], changed["tier"]) == ("137****0001", "s***@example.com", "vip")
    for phone, count in (("13700000001", 1), (PERSON["phone"], 0)):
        found = (await client.post("/v1/customers/search", json={"phone": phone})).json()["items"]
        assert len(found) == count
    path = f"/v1/customers/{made['id']}"
    nothing = {"phone": None, "email": None}
    check_problem(await client.patch(path, json=nothing, headers={"If-Match": "*"}), 422, "validation_failed")
    check_problem(
        await client.patch(path, json={"tier": "x"}, headers={"If-Match": '"1.general"'}), 412, "version_mismatch"
    )
    check_problem(await client.patch(path, json={"tier": "x"}), 428, "if_match_required")


async def test_one_external_id_is_one_customer_also_for_callers_at_once(client: AsyncClient) -> None:
    body = {"business_line": LINE, "external_id": "crm-7", "name": "王芳"}
    answers = await asyncio.gather(*(client.post("/v1/customers", json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    check_problem(await client.post("/v1/customers", json=body), 409, "record_exists")


async def test_a_purchase_is_on_file_once_with_its_product_and_customer(client: AsyncClient) -> None:
    customer = await add(client, "customers", **PERSON)
    item = await add(client, "catalogue-items", sku="P-1", name="餐盘", model="26cm", warranty_months=12)
    order = {"order_no": "D-1", "customer_id": customer["id"], "catalogue_item_id": item["id"], "unit_price": "299.90"}
    made = await add(client, "purchases", **order, serial_no="SN-1", batch="B-1", gift={"labelled_price": "9.90"})
    assert (made["product_name"], made["unit_price"], made["gift"]) == (
        "餐盘", "299.90", {"description": None, "labelled_price": "9.90"},
    )  # fmt: skip
    again = await client.post("/v1/purchases", json={"business_line": LINE, **order, "serial_no": "SN-1"})
    check_problem(again, 409, "record_exists")
    await add(client, "purchases", **order, serial_no="SN-2")  # each of its goods with a number is a purchase
    await add(client, "purchases", **order)
    check_problem(await client.post("/v1/purchases", json={"business_line": LINE, **order}), 409, "record_exists")
    found = (await client.post("/v1/purchases/search", json={"order_no": "D-1", "serial_no": "SN-1"})).json()["items"]
    assert [row["id"] for row in found] == [made["id"]]
    listed = (await client.get("/v1/purchases", params={"customer": customer["id"]})).json()["items"]
    assert len(listed) == 3
    changed = await change(
        client, f"purchases/{made['id']}", unit_price="199", installed_at="2026-11-02T10:00:00+08:00"
    )
    assert (changed["unit_price"], changed["installed_at"], changed["batch"]) == (
        "199.00", "2026-11-02T02:00:00.000Z", "B-1",
    )  # fmt: skip


async def test_the_history_of_a_customer_holds_tickets_and_purchases_of_the_line(
    client: AsyncClient, make_client: MakeClient
) -> None:
    customer = await add(client, "customers", **PERSON, external_id="crm-1")
    mine = [
        await take(client, customer={"phone": PERSON["phone"]}),
        await take(client, customer={"external_id": "crm-1"}),
    ]
    await take(client, customer={"phone": "13700000009"})
    await take(client, business_line="chemicals", customer={"phone": PERSON["phone"]})
    bought = await add(client, "purchases", order_no="D-1", product_name="餐盘", customer_id=customer["id"])
    await add(client, "purchases", order_no="D-2", product_name="餐盘")
    history = (await client.get(f"/v1/customers/{customer['id']}/history")).json()
    assert {row["number"] for row in history["tickets"]} == {ticket["number"] for ticket in mine}
    assert [row["id"] for row in history["purchases"]] == [bought["id"]]
    assert history["return_requests"] == []


async def test_the_history_of_a_customer_holds_the_returns_of_purchases_and_tickets(client: AsyncClient) -> None:
    customer = await add(client, "customers", **PERSON)
    ticket = await take(client, customer={"phone": PERSON["phone"]})
    mine = await add(client, "purchases", order_no="D-1", product_name="餐盘", customer_id=customer["id"])
    other = await add(client, "purchases", order_no="D-2", product_name="餐盘", quantity=2)
    forms: list[dict[str, Any]] = [{"ticket": ticket["number"]}, {}, {}]
    made = []
    for form, purchase in zip(forms, (other, mine, other), strict=True):
        line = {"purchase_id": purchase["id"], "reason": "no_reason"}
        made.append(await add(client, "returns", lines=[line], **form))
    history = (await client.get(f"/v1/customers/{customer['id']}/history")).json()
    assert {row["number"] for row in history["return_requests"]} == {made[0]["number"], made[1]["number"]}
    assert {row["status"] for row in history["return_requests"]} == {"submitted"}


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    customer = await add(client, "customers", **PERSON)
    item = await add(client, "catalogue-items", sku="P-1", name="餐盘")
    purchase = await add(client, "purchases", order_no="D-1", product_name="餐盘", serial_no="SN-1")
    card = (await client.post("/v1/warranty-cards", json={"purchase_id": purchase["id"], "months": 12})).json()
    theirs = await make_client(lines=("chemicals",))
    ours = {"customers": customer, "catalogue-items": item, "purchases": purchase, "warranty-cards": card}
    for kind, record in ours.items():
        assert (await theirs.get(f"/v1/{kind}")).json()["items"] == []
        prefix = record["id"][:4]
        for name in (record["id"], prefix + "0" * 32, "x"):
            check_problem(await theirs.get(f"/v1/{kind}/{name}"), 404, "not_found")
            changed = await theirs.patch(f"/v1/{kind}/{name}", json={}, headers={"If-Match": "*"})
            check_problem(changed, 404, "not_found")
    check_problem(await theirs.get(f"/v1/customers/{customer['id']}/history"), 404, "not_found")
    check_problem(await theirs.get("/v1/purchases", params={"customer": customer["id"]}), 404, "not_found")
    extension = {"reason": "延保服务", "until": "2030-01-01"}
    check_problem(await theirs.post(f"/v1/warranty-cards/{card['id']}/extensions", json=extension), 404, "not_found")
    check_problem(
        await theirs.post("/v1/warranty-cards", json={"purchase_id": purchase["id"], "months": 1}), 404, "not_found"
    )
    for body in ({"purchase_id": purchase["id"]}, {"serial_no": "SN-1"}):
        check_problem(await theirs.post("/v1/warranty/check", json=body), 404, "not_found")
    for path, body in (("customers", {"phone": PERSON["phone"]}), ("purchases", {"order_no": "D-1"})):
        assert (await theirs.post(f"/v1/{path}/search", json=body)).json()["items"] == []
    for name, record in (("customer_id", customer), ("catalogue_item_id", item)):
        named = {"order_no": "D-9", "product_name": "溶剂", name: record["id"]}
        refused = check_problem(await theirs.post("/v1/purchases", json=named), 422, "validation_failed")
        assert refused["errors"][0]["pointer"] == f"#/{name}"
    # The same numbers elsewhere are others.
    await add(theirs, "purchases", business_line="chemicals", order_no="D-1", product_name="溶剂", serial_no="SN-1")


CSV = "订单号,行号,产品名称,数量,单价,购买日期,客户号,姓名,手机号\n"


async def bring(client: AsyncClient, *rows: str) -> dict[str, Any]:
    response = await client.post("/v1/purchases/import", json={"business_line": LINE, "csv": CSV + "\n".join(rows)})
    assert response.status_code == 200, response.text
    report: dict[str, Any] = response.json()
    return report


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[name] for name in ("lines", "imported", "already_there", "bad_lines"))


ROWS = (
    "D-1,1,餐盘,2,¥299.00,2026/3/8,,王芳,13800001234",
    "D-1,2,筷子,1,9.9,2026/3/8,,王芳,138 0000 1234",
    "D-2,1,餐盘,1,299,2026年3月9日,crm-9,李雷,13800005678",
    "D-3,1,餐盘,许多,299,2026-03-09,,某人,13700000000",
)


async def test_a_file_is_taken_once_and_its_bad_lines_are_named_without_a_word_of_them(client: AsyncClient) -> None:
    first = await bring(client, *ROWS)
    assert counts(first) == (4, 3, 0, 1)
    [bad] = first["bad"]
    assert (bad["line"], bad["column"], bad["code"]) == (5, "数量", "not_an_integer")
    assert not [word for word in ("许多", "某人", "13700000000") if word in str(first)]
    assert counts(await bring(client, *ROWS)) == (4, 0, 3, 1)
    assert len((await client.get("/v1/customers")).json()["items"]) == 2  # nobody of the bad line
    found = (await client.post("/v1/purchases/search", json={"order_no": "D-1"})).json()["items"]
    assert {(row["order_line"], row["unit_price"]) for row in found} == {(1, "299.00"), (2, "9.90")}
    assert len({row["customer_id"] for row in found}) == 1


async def test_imports_at_once_make_nothing_double(client: AsyncClient) -> None:
    reports = await asyncio.gather(*(bring(client, *ROWS) for _ in range(5)))
    assert sum(report["imported"] for report in reports) == 3
    assert len((await client.get("/v1/purchases")).json()["items"]) == 3
    assert len((await client.get("/v1/customers")).json()["items"]) == 2
