"""R22: what each tier is shown of each personal field, wherever it is read; the table is the promise."""

import json
from typing import Any

import httpx
import pytest

from app.core.outbox import seal_events
from app.core.personal import Tier
from tests.http.operations import BODIES
from tests.http.problems import check_problem
from tests.http.service import Service, take

PERSON = {
    "name": "张建国", "phone": "+8613800001234", "email": "zhang.jianguo@example.com",
    "address": "浙江省杭州市西湖区文三路1号2幢303室", "external_id": "crm-0815",
}  # fmt: skip
TEXT = "张建国来电：碗裂了，请打13787654321或写zhang.jianguo@example.com，卡号6222021234567890123"
MASKED = "张建国来电：碗裂了，请打137****4321或写z************@example.com，卡号622************0123"
WITHOUT_NAME = MASKED.replace("张建国", "张**")

# field → what is shown to sensitive, general, public
PERSONAL: dict[str, tuple[str | None, ...]] = {
    "name": ("张建国", "张**", None),
    "phone": ("+8613800001234", "138****1234", None),
    "email": ("zhang.jianguo@example.com", "z***@example.com", None),
    "address": ("浙江省杭州市西湖区文三路1号2幢303室", "浙江省杭州市西湖区***", None),
    "external_id": ("crm-0815", "crm-0815", None),
}
# The description masks the name of its own customer too; other texts do not know whom they are about.
TEXTS: dict[str, tuple[str | None, ...]] = {
    "description": (TEXT, WITHOUT_NAME, None),
    "comment": (TEXT, MASKED, None),
    "survey comment": (TEXT, MASKED, None),
    "CAPA problem": (TEXT, MASKED, None),
    "finding of an inspection": (TEXT, MASKED, None),
    "defect of goods": (TEXT, MASKED, None),
    "demand in a report": (TEXT, WITHOUT_NAME, None),
}
TIERS = (Tier.SENSITIVE, Tier.GENERAL, Tier.PUBLIC)
LINE = {"business_line": "components"}


@pytest.fixture(scope="module")
async def viewers(service: Service) -> dict[Tier, httpx.AsyncClient]:
    return {tier: await service.client(tier=tier) for tier in TIERS}


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(f"/v1/{path}", json=body)
    assert response.is_success, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.fixture(scope="module")
async def things(service: Service) -> dict[str, str]:
    """Where everything stands that holds the person or the text."""
    client = await service.client(tier=Tier.SENSITIVE)
    told = {"description": TEXT, "product": {"model": "C-7", "batch": "GOLD"}, "kind": "complaint"}
    ticket = await take(client, **LINE, customer=PERSON, severity="serious", **told)  # which opens a report
    url = f"tickets/{ticket['id']}"
    await made(client, f"{url}/comments", {"text": TEXT})
    asked = {"staff_no": "1101", "demand": TEXT}
    assert (await client.patch(f"/v1/{url}/report", json=asked, headers={"If-Match": "*"})).is_success
    inspected = BODIES["POST /v1/tickets/{ticket}/inspections"] | {"finding": TEXT}
    await made(client, f"{url}/inspections", inspected)
    done = await take(client, customer={"phone": "13900001111"})
    await made(client, f"tickets/{done['id']}/resolve", {})
    survey = await made(client, "surveys", {"ticket_number": done["number"]})
    await made(client, f"surveys/{survey['id']}/answers", {"scores": {"overall": 2}, "comment": TEXT})
    capa = await made(client, "capas", BODIES["POST /v1/capas"] | {"problem": TEXT})
    goods = await made(client, "nonconformities", BODIES["POST /v1/nonconformities"] | {"defect": TEXT})
    customer = await made(client, "customers", {**LINE, **PERSON})
    return {
        "ticket": url, "customer": f"customers/{customer['id']}", "survey": f"surveys/{survey['id']}",
        "capa": f"capas/{capa['id']}", "goods": f"nonconformities/{goods['id']}",
    }  # fmt: skip


async def read(client: httpx.AsyncClient, path: str) -> Any:
    response = await client.get(f"/v1/{path}")
    assert response.status_code == 200, response.text
    return response.json()


async def people(client: httpx.AsyncClient, things: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The person, in every place that shows one."""
    criteria = {**LINE, "phone": PERSON["phone"]}
    changed = await client.patch(f"/v1/{things['ticket']}", json={"reason": "核实"}, headers={"If-Match": "*"})
    return {
        "ticket": (await read(client, things["ticket"]))["customer"],
        "list of tickets": (await read(client, "tickets?business_line=components"))["items"][0]["customer"],
        "search for tickets": (await made(client, "tickets/search", criteria))["items"][0]["customer"],
        "answer to a change": changed.json()["customer"],
        "customer": await read(client, things["customer"]),
        "list of customers": (await read(client, "customers?business_line=components"))["items"][0],
        "search for customers": (await made(client, "customers/search", criteria))["items"][0],
        "history": (await read(client, f"{things['customer']}/history"))["customer"],
        "holders of a batch": (await read(client, "complaints/batches/holders?batch=GOLD"))["items"][0]["customer"],
    }


@pytest.mark.parametrize("tier", TIERS)
async def test_R22_each_tier_is_shown_each_field_as_the_table_says(
    viewers: dict[Tier, httpx.AsyncClient], things: dict[str, str], tier: Tier
) -> None:
    for place, shown in (await people(viewers[tier], things)).items():
        expected = {name: row[TIERS.index(tier)] for name, row in PERSONAL.items()}
        assert {name: shown[name] for name in PERSONAL} == expected, place


async def texts(client: httpx.AsyncClient, things: dict[str, str]) -> dict[str, Any]:
    timeline = (await read(client, f"{things['ticket']}/timeline"))["items"]
    report = await read(client, f"{things['ticket']}/report")
    return {
        "description": (await read(client, things["ticket"]))["description"],
        "comment": next(entry for entry in timeline if entry["kind"] == "comment")["text"],
        "survey comment": (await read(client, things["survey"]))["comment"],
        "CAPA problem": (await read(client, things["capa"]))["problem"],
        "finding of an inspection": (await read(client, f"{things['ticket']}/inspections"))["items"][0]["finding"],
        "defect of goods": (await read(client, things["goods"]))["defect"],
        "demand in a report": report["facts"]["demand"],
    }


@pytest.mark.parametrize("tier", TIERS)
async def test_R22_each_tier_is_shown_each_text_as_the_table_says(
    viewers: dict[Tier, httpx.AsyncClient], things: dict[str, str], tier: Tier
) -> None:
    expected = {name: row[TIERS.index(tier)] for name, row in TEXTS.items()}
    assert await texts(viewers[tier], things) == expected


@pytest.mark.parametrize("tier", TIERS)
async def test_R22_events_problems_and_the_returns_check_show_nothing_of_a_person_to_anybody(
    service: Service, viewers: dict[Tier, httpx.AsyncClient], things: dict[str, str], tier: Tier
) -> None:
    client = viewers[tier]
    async with service.db.begin() as session:
        await seal_events(session)
    feed = await read(client, "events?limit=200")
    assert feed["items"]  # what a webhook carries is the same, see `event_body`
    wrong = await client.post("/v1/tickets", json={**LINE, "customer": {**PERSON, "phone": "1380000123x"}})
    facts = {"buyer_type": "consumer", "problem_description": TEXT}
    check = await client.post("/v1/returns/eligibility", json={"business_line": "tableware", "facts": facts})
    unknown = await client.post("/v1/customers", json={**LINE, **PERSON, "nickname": PERSON["name"]})
    check_problem(wrong, 422, "validation_failed")
    check_problem(unknown, 422, "validation_failed")
    assert check.status_code == 200, check.text
    said = json.dumps(feed, ensure_ascii=False) + wrong.text + unknown.text + check.text
    values = [*PERSON.values(), "13800001234", "13787654321", "6222021234567890123"]
    assert [value for value in values if value in said] == []
