"""Periodic and loyalty surveys: many customers asked at one time, drawn by lot."""

import shutil
from hashlib import sha256
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.services.policy_book import SHIPPED, PolicyBook
from tests.conftest import FakeClock, MakeClient
from tests.http.problems import check_problem
from tests.http.service import take
from tests.http.test_surveys import Round, ask, finish, phone, surveys, told

__all__ = ["ask", "phone"]  # fixtures
CAMPAIGNS = "/v1/survey-campaigns"
SHARE = 40


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PolicyBook:
    """The shipped editions, but that of chemicals asks a share of its customers."""
    folder = tmp_path_factory.mktemp("policies") / "policies"
    shutil.copytree(SHIPPED, folder)
    edition = folder / "chemicals" / "edition_1.toml"
    shipped = edition.read_text(encoding="utf-8")
    assert shipped.count("campaign_percent = { value = 100") == 1
    changed = shipped.replace("campaign_percent = { value = 100", f"campaign_percent = {{ value = {SHARE}")
    edition.write_text(changed, "utf-8")
    return PolicyBook.load(folder)


def listed(n: int, first: int = 0) -> list[dict[str, str]]:
    return [{"external_id": f"crm-{place}", "phone": f"138{place:08d}"} for place in range(first, first + n)]


async def open_campaign(client: AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post(CAMPAIGNS, json={"business_line": "tableware", "kind": "periodic"} | body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    assert (await client.get(answer.headers["location"])).json() == shown
    return shown


async def test_a_customer_without_a_ticket_is_asked_followed_up_and_asked_again(
    client: AsyncClient, phone: AsyncClient, ask: Round, seal: Round
) -> None:
    opened = await open_campaign(client, customers=[{"name": "王芳", "phone": "13800001234", "external_id": "crm-1"}])
    assert (opened["customers"], opened["drawn"], opened["states"]) == (1, 1, {"queued": 1})
    await ask()
    [invited] = await told(client, seal, "survey.invited")
    assert (invited["kind"], invited["customer_external_id"], invited["ticket_id"]) == ("periodic", "crm-1", None)
    page = (await phone.get(invited["url"])).text
    assert "How are we doing?" in page
    assert 'name="resolved"' not in page
    assert (await phone.post(invited["url"], data={"overall": "1", "comment": "Too slow"})).status_code == 303

    [survey] = await surveys(client, campaign=opened["id"])
    assert (survey["ticket"], survey["department"], survey["dissatisfied"]) == (None, None, True)
    follow_up = (await client.get(f"/v1/tickets/{survey['follow_up']['id']}")).json()
    assert (follow_up["kind"], follow_up["follow_up_of"]) == ("complaint", None)
    assert follow_up["customer"]["external_id"] == "crm-1"
    assert "Too slow" in follow_up["description"]
    for move in ("resolve", "accept", "close"):
        await client.post(f"/v1/tickets/{follow_up['id']}/{move}", json={"staff_no": "1102"})
    await ask()
    again = (await told(client, seal, "survey.invited"))[-1]
    assert (await phone.post(again["url"], data={"overall": "5"})).status_code == 303
    last = (await surveys(client))[0]
    assert (last["kind"], last["follow_up_of"], last["satisfied"]) == ("service", survey["id"], True)
    periodic = (await client.get("/v1/satisfaction", params={"kind": "periodic"})).json()
    assert (periodic["total"]["n"], periodic["total"]["mean"]) == (1, 1.0)
    by_kind = (await client.get("/v1/satisfaction", params={"group_by": "kind"})).json()
    assert {row["key"]: row["mean"] for row in by_kind["rows"]} == {"periodic": 1.0, "service": 5.0}


async def test_a_loyalty_survey_asks_whether_they_would_recommend_the_company(
    client: AsyncClient, phone: AsyncClient, ask: Round, seal: Round
) -> None:
    await open_campaign(client, kind="loyalty", customers=listed(1))
    await ask()
    [invited] = await told(client, seal, "survey.invited")
    assert 'name="nps"' in (await phone.get(invited["url"])).text


async def test_who_is_drawn_follows_from_seed_and_share_alone(client: AsyncClient, app: FastAPI) -> None:
    first = await open_campaign(client, business_line="chemicals", customers=listed(60), seed="autumn")
    again = await open_campaign(client, business_line="chemicals", customers=listed(60), seed="autumn")
    other = await open_campaign(client, business_line="chemicals", customers=listed(60), seed="winter")
    assert (first["percent"], first["customers"]) == (SHARE, 60)

    async def drawn(campaign: dict[str, Any]) -> set[str]:
        found = (await client.get("/v1/surveys", params={"campaign": campaign["id"], "limit": 200})).json()["items"]
        for survey in found:
            place = int(survey["customer_external_id"].removeprefix("crm-"))
            hashed = app.state.kit.keyring.lookup("phone", f"+86138{place:08d}")
            digest = sha256(campaign["seed"].encode() + b"\0" + hashed).digest()
            assert survey["lot"] == int.from_bytes(digest[:8]) % 100
            assert (survey["skipped_because"] == "not_drawn") is (survey["lot"] >= SHARE)
        return {survey["customer_external_id"] for survey in found if survey["state"] == "queued"}

    assert await drawn(first) == await drawn(again) != await drawn(other)
    assert len(await drawn(first)) == first["drawn"] == first["states"]["queued"]
    assert 0 < first["drawn"] < 60


async def test_nobody_is_asked_twice_in_the_period_by_however_many_campaigns(
    client: AsyncClient, ask: Round, clock: FakeClock
) -> None:
    await finish(client, customer={"phone": "13800000000", "external_id": "crm-0"})
    await ask()
    opened = await open_campaign(client, customers=[*listed(2), {"phone": "13800000001", "external_id": "crm-x"}])
    assert opened["customers"] == 2  # the third is the second by another name
    await ask()
    found = {survey["customer_external_id"]: survey for survey in await surveys(client, campaign=opened["id"])}
    assert found["crm-0"]["skipped_because"] == "asked_recently"
    assert found["crm-1"]["state"] == "invited"
    clock.advance(days=30)
    later = await open_campaign(client, customers=listed(2))
    await ask()
    assert {survey["state"] for survey in await surveys(client, campaign=later["id"])} == {"invited"}


async def test_who_opts_out_while_it_waits_is_not_asked(client: AsyncClient, ask: Round, clock: FakeClock) -> None:
    opened = await open_campaign(client, customers=listed(2), send_at="2026-11-25T03:00:00Z")
    assert await ask() == 0
    answer = await client.post("/v1/surveys/opt-outs", json={"business_line": "tableware", "external_id": "crm-1"})
    assert answer.status_code == 201
    clock.advance(days=3)
    assert await ask() == 2
    found = {survey["customer_external_id"]: survey for survey in await surveys(client, campaign=opened["id"])}
    assert (found["crm-0"]["state"], found["crm-1"]["skipped_because"]) == ("invited", "opted_out")


async def test_customers_with_tickets_are_asked_once_each(client: AsyncClient) -> None:
    for external_id in ("crm-1", "crm-1", "crm-2", None):
        phone_of = {"crm-1": "13800000001", "crm-2": "13800000002", None: "13800000003"}[external_id]
        await take(client, customer={"phone": phone_of, "external_id": external_id})
    await take(client, business_line="chemicals", customer={"external_id": "crm-9"})
    opened = await open_campaign(client, tickets_since="2026-11-01")
    found = await surveys(client, campaign=opened["id"])
    assert {survey["customer_external_id"] for survey in found} == {"crm-1", "crm-2"}  # the CRM does not know the last
    assert (await open_campaign(client, tickets_since="2026-12-01"))["customers"] == 0


async def test_a_repeat_with_its_key_asks_nobody_again(client: AsyncClient) -> None:
    body = {"business_line": "tableware", "kind": "periodic", "customers": listed(2)}
    sent = [await client.post(CAMPAIGNS, json=body, headers={"Idempotency-Key": "autumn-01"}) for _ in range(2)]
    assert sent[0].json() == sent[1].json()
    assert len(await surveys(client)) == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#"),
        ({"customers": listed(1), "tickets_since": "2026-11-01"}, "#"),
        ({"customers": []}, "#/customers"),
        ({"customers": listed(1001)}, "#/customers"),
        ({"customers": [{"name": "王芳"}]}, "#/customers/0"),
        ({"customers": [*listed(1), {"phone": "13800001234"}]}, "#/customers/1/external_id"),
        ({"customers": listed(1), "kind": "service"}, "#/kind"),
        ({"customers": listed(1), "seed": "a b"}, "#/seed"),
    ],
)
async def test_what_cannot_be_asked_is_refused(client: AsyncClient, body: dict[str, Any], pointer: str) -> None:
    answer = await client.post(CAMPAIGNS, json={"business_line": "tableware", "kind": "periodic"} | body)
    assert check_problem(answer, 422, "validation_failed")["errors"][0]["pointer"] == pointer
    assert await surveys(client) == []


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient) -> None:
    theirs = await open_campaign(client, business_line="chemicals", customers=listed(1))
    us = await make_client(lines=("tableware",))
    for unknown in (theirs["id"], "cmp_" + "0" * 32, "x"):
        check_problem(await us.get(f"{CAMPAIGNS}/{unknown}"), 404, "not_found")
    assert (await us.get(CAMPAIGNS)).json()["items"] == []
    assert await surveys(us, campaign=theirs["id"]) == []
    check_problem(await us.get(CAMPAIGNS, params={"business_line": "chemicals"}), 404, "not_found")
    refused = await us.post(CAMPAIGNS, json={"business_line": "chemicals", "kind": "loyalty", "customers": listed(1)})
    check_problem(refused, 404, "not_found")
