"""Staff behind a CRM's key are named, in the timeline and in the log of who saw what."""

import httpx
import pytest

from app.core.personal import Tier
from app.services.scopes import Scope
from tests.http.problems import check_problem
from tests.http.service import Service, take

LI, WANG = {"X-Staff-No": "1107"}, {"X-Staff-No": "1108"}


@pytest.fixture
async def crm(service: Service) -> httpx.AsyncClient:
    return await service.client(tier=Tier.SENSITIVE)


async def entries(client: httpx.AsyncClient, number: str) -> dict[str, dict[str, object]]:
    items = (await client.get(f"/v1/tickets/{number}/timeline")).json()["items"]
    return {item["kind"]: item for item in items}


async def test_who_is_at_work_stands_in_the_timeline(crm: httpx.AsyncClient) -> None:
    number = (await take(crm))["number"]
    assert (await crm.post(f"/v1/tickets/{number}/acknowledge", json={}, headers=LI)).status_code == 200
    assert (await entries(crm, number))["acknowledge"]["staff_no"] == "1107"


async def test_somebody_who_enters_what_another_did_is_named_beside_them(crm: httpx.AsyncClient) -> None:
    number = (await take(crm))["number"]
    body = {"text": "客户来电催办", "staff_no": "2001"}
    assert (await crm.post(f"/v1/tickets/{number}/comments", json=body, headers=WANG)).status_code == 201
    comment = (await entries(crm, number))["comment"]
    assert (comment["staff_no"], comment["data"]["entered_by"]) == ("2001", "1108")  # type: ignore[index]


async def test_what_a_customer_said_is_not_put_to_the_staff_member_who_typed_it(crm: httpx.AsyncClient) -> None:
    number = (await take(crm))["number"]
    body = {"text": "还是漏水", "author": "customer"}
    assert (await crm.post(f"/v1/tickets/{number}/comments", json=body, headers=LI)).status_code == 201
    assert (await entries(crm, number))["comment"]["staff_no"] is None


async def test_who_looked_at_a_customer_stands_in_the_access_log(service: Service, crm: httpx.AsyncClient) -> None:
    ticket = await take(crm)
    assert (await crm.get(f"/v1/tickets/{ticket['number']}", headers=WANG)).status_code == 200
    rows = await service.sql("SELECT staff_no FROM access_log WHERE subject = $1", f"tickets/{ticket['id']}")
    assert [row["staff_no"] for row in rows][-1] == "1108"


async def test_a_key_without_the_right_may_name_nobody(service: Service) -> None:
    plain = await service.client(scopes=(Scope.TICKETS_READ,))
    assert (await plain.get("/v1/tickets")).status_code == 200
    refused = await plain.get("/v1/tickets", headers=LI)
    check_problem(refused, 403, "insufficient_scope")
    assert refused.json()["required_scope"] == "staff:act"
    entitled = await service.client(scopes=(Scope.TICKETS_READ, Scope.STAFF_ACT))
    assert (await entitled.get("/v1/tickets", headers=LI)).status_code == 200


@pytest.mark.parametrize("named", ["", "李 工", "1" * 33, "1107;DROP", "11\u0660"])
async def test_what_is_no_staff_number_is_refused(crm: httpx.AsyncClient, named: str) -> None:
    response = await crm.get("/v1/tickets", headers=[(b"X-Staff-No", named.encode())])
    check_problem(response, 422, "validation_failed")
    assert response.json()["errors"][0]["header"] == "X-Staff-No"
