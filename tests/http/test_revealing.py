"""R24: personal data in full for a purpose, on record before anybody sees it, and the record itself."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core.personal import Tier
from app.services.scopes import Scope
from app.services.upkeep import purge
from tests.http.problems import check_problem
from tests.http.service import Service, take

PERSON = {
    "name": "欧阳修远", "phone": "+8613912345678", "email": "ouyang@example.com",
    "address": "江西省吉安市吉州区沙溪路9号",
}  # fmt: skip
ASKED = {"purpose": "回电核对地址", "fields": ["phone", "address"]}
REVEAL, READ = (Scope.PERSONAL_REVEAL,), (Scope.ACCESS_LOG_READ,)


@pytest.fixture(scope="module")
async def places(caller: httpx.AsyncClient) -> dict[str, str]:
    """The addresses of what belongs to the person: a ticket, and the customer on file."""
    ticket = await take(caller, customer=PERSON)
    on_file = await caller.post("/v1/customers", json={"business_line": "tableware", **PERSON})
    assert on_file.status_code == 201, on_file.text
    return {"ticket": f"tickets/{ticket['id']}", "customer": f"customers/{on_file.json()['id']}"}


@pytest.fixture(scope="module")
async def revealer(service: Service) -> httpx.AsyncClient:
    return await service.client(scopes=(*REVEAL, Scope.STAFF_ACT))


@pytest.fixture(scope="module")
async def auditor(service: Service) -> httpx.AsyncClient:
    return await service.client(scopes=READ)


async def looks(auditor: httpx.AsyncClient, **wanted: str) -> list[dict[str, Any]]:
    response = await auditor.get("/v1/access-log", params=wanted)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


@pytest.mark.parametrize("what", ["ticket", "customer"])
async def test_R24_a_reveal_shows_what_is_asked_for_and_is_on_record(
    service: Service, revealer: httpx.AsyncClient, auditor: httpx.AsyncClient, places: dict[str, str], what: str
) -> None:
    headers = {"X-Request-Id": f"reveal-{what}", "X-Staff-No": "1101"}
    shown = await revealer.post(f"/v1/{places[what]}/reveal", json=ASKED, headers=headers)
    assert shown.status_code == 200, shown.text
    assert shown.headers["cache-control"] == "no-store"
    values = {name: PERSON[name] for name in ("phone", "address")}
    assert shown.json() == {"subject": places[what], "values": values}
    [look] = [one for one in await looks(auditor, subject=places[what]) if one["request_id"] == f"reveal-{what}"]
    [[key]] = await service.sql(
        "SELECT id FROM api_key WHERE key_hash = sha256(convert_to($1, 'UTF8'))",
        revealer.headers["authorization"].removeprefix("Bearer "),
    )
    assert look.pop("id").startswith("acc_")
    assert look == {
        "business_line": "tableware", "key_id": f"key_{key.hex}", "staff_no": "1101", "subject": places[what],
        "fields": ["address", "phone"], "purpose": ASKED["purpose"], "request_id": f"reveal-{what}",
        "at": look["at"],
    }  # fmt: skip


async def test_R24_each_reveal_is_one_row_and_a_refused_one_none(
    service: Service, revealer: httpx.AsyncClient, places: dict[str, str]
) -> None:
    count = "SELECT count(*) FROM access_log WHERE purpose IS NOT NULL"
    [[before]] = await service.sql(count)
    url = f"/v1/{places['ticket']}/reveal"
    for body, status in (
        (ASKED, 200),
        (ASKED, 200),
        ({"fields": ["phone"]}, 422),
        ({"purpose": " ", "fields": ["phone"]}, 422),
        ({"purpose": "回电", "fields": []}, 422),
        ({"purpose": "回电", "fields": ["description"]}, 422),
    ):
        assert (await revealer.post(url, json=body)).status_code == status, body
    [[after]] = await service.sql(count)
    assert after - before == 2


@pytest.mark.parametrize("what", ["ticket", "customer"])
async def test_R24_what_cannot_be_put_on_record_is_not_revealed(
    service: Service, revealer: httpx.AsyncClient, places: dict[str, str], what: str
) -> None:
    await service.sql("ALTER TABLE access_log ADD CONSTRAINT broken CHECK (false) NOT VALID")
    try:
        response = await revealer.post(f"/v1/{places[what]}/reveal", json=ASKED)
    finally:
        await service.sql("ALTER TABLE access_log DROP CONSTRAINT broken")
    assert check_problem(response, 503, "access_log_unavailable")["retryable"] is True
    assert not [value for value in PERSON.values() if value in response.text]


@pytest.mark.parametrize(
    ("tier", "scopes", "status"),
    [
        (Tier.GENERAL, REVEAL, 200),
        (Tier.SENSITIVE, REVEAL, 200),
        (Tier.PUBLIC, REVEAL, 403),
        (Tier.GENERAL, (Scope.TICKETS_READ, Scope.TICKETS_WRITE, Scope.ARCHIVE_READ), 403),
    ],
)
async def test_who_may_reveal(
    service: Service, places: dict[str, str], tier: Tier, scopes: tuple[str, ...], status: int
) -> None:
    client = await service.client(tier=tier, scopes=scopes)
    for place in places.values():
        response = await client.post(f"/v1/{place}/reveal", json=ASKED)
        assert response.status_code == status
        if status == 403:
            check_problem(response, 403, "insufficient_scope")
            assert PERSON["phone"] not in response.text


async def test_the_log_never_holds_the_values_even_if_the_purpose_does(
    revealer: httpx.AsyncClient, auditor: httpx.AsyncClient, places: dict[str, str]
) -> None:
    purpose = f"给{PERSON['name']}回电 139 1234 5678，寄往{PERSON['address']}"
    body = {"purpose": purpose, "fields": ["phone"]}
    response = await revealer.post(f"/v1/{places['ticket']}/reveal", json=body, headers={"X-Request-Id": "told-all"})
    assert response.status_code == 200
    [look] = [one for one in await looks(auditor) if one["request_id"] == "told-all"]
    assert look["purpose"] == f"给****回电 139******5678，寄往{'*' * len(PERSON['address'])}"


async def test_what_is_not_known_is_null(caller: httpx.AsyncClient, revealer: httpx.AsyncClient) -> None:
    ticket = await take(caller, customer={"phone": "13912345678"})
    body = {"purpose": "核对", "fields": ["email", "email", "phone"]}
    shown = await revealer.post(f"/v1/tickets/{ticket['number']}/reveal", json=body)
    assert shown.json()["values"] == {"email": None, "phone": "+8613912345678"}


async def test_the_log_is_found_by_who_what_and_when(
    service: Service, revealer: httpx.AsyncClient, auditor: httpx.AsyncClient, places: dict[str, str]
) -> None:
    service.clock.advance(seconds=3600)
    at = f"{service.clock():%Y-%m-%dT%H:%M:%S}Z"
    await revealer.post(f"/v1/{places['ticket']}/reveal", json=ASKED, headers={"X-Staff-No": "lookup-1"})
    [mine] = await looks(auditor, staff_no="lookup-1")
    assert mine["subject"] == places["ticket"]
    assert mine in await looks(auditor, key_id=mine["key_id"], at_gte=at)
    assert mine not in await looks(auditor, at_lt=at)
    assert mine not in await looks(auditor, key_id="key_" + "0" * 32)
    assert mine not in await looks(auditor, subject=places["customer"])
    assert mine not in await looks(auditor, business_line="tableware", subject="tickets/tkt_x")


async def test_R24_nothing_purges_the_log(service: Service, caller: httpx.AsyncClient) -> None:
    [[before]] = await service.sql("SELECT count(*) FROM access_log")
    assert before > 0
    await purge(service.db, now=service.clock() + timedelta(days=3 * 366))
    assert await service.sql("SELECT count(*) FROM access_log") == [(before,)]


async def test_what_is_another_lines_does_not_exist(service: Service, places: dict[str, str]) -> None:
    client = await service.client(lines=("chemicals",), scopes=(*REVEAL, *READ))
    for place, none in (("ticket", "tickets/tkt_"), ("customer", "customers/cus_")):
        foreign = await client.post(f"/v1/{places[place]}/reveal", json=ASKED)
        unknown = await client.post(f"/v1/{none}{'0' * 32}/reveal", json=ASKED)
        for response in (foreign, unknown):
            check_problem(response, 404, "not_found")
        assert foreign.json()["title"] == unknown.json()["title"]
    assert await looks(client) == []
    check_problem(await client.get("/v1/access-log", params={"business_line": "tableware"}), 404, "not_found")
