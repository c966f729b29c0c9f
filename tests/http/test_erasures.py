"""R26: a person is erased everywhere, once nothing of theirs is open, and what stays leads to nobody."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.core.blobs import Blobs, FilesUnavailable
from app.core.db import Database
from app.core.personal import Tier
from app.services.audit.verifying import verify_audit
from app.services.erasures.erasing import erase_next
from app.services.erasures.ledger import BEGINNING
from app.services.erasures.places import ERASED
from app.services.policy_book import PolicyBook
from app.services.rules.erasures import OPEN_MATTERS, TRANSACTION_RECORDS
from app.services.upkeep import seal_audit_trail
from tests.builders import a_ticket
from tests.conftest import Databases, FakeClock, MakeClient
from tests.files import picture
from tests.http.filling import copy_ticket
from tests.http.problems import check_problem
from tests.http.samples import make_samples
from tests.http.service import Service, open_service, take
from tests.http.test_canaries import IN_TEXT, columns, hits, plant

Erase = Callable[[], Awaitable[None]]
LINE = "tableware"
PERSON = {"name": "慕容白", "phone": "+8613912345678", "email": "murong.bai@example.com", "external_id": "crm-77"}
MANY = 250  # more than a piece
HIDDEN = ["慕容白", "13912345678", "murong.bai", "crm-77"]
# Where what people wrote stays: it is about goods and processes of many matters.
STAYS = {"capa", "capa_task", "nonconformity", "quality_alert"}
GOODS = re.compile(r'"id":"(cap|ncf|qal)_')


@pytest.fixture
def erase(app: FastAPI, db: Database, clock: FakeClock) -> Erase:
    """Do the worker's rounds until nothing is left to erase."""

    async def rounds() -> None:
        kit = app.state.kit
        while await erase_next(db, kit.keyring, kit.blobs, clock()):
            pass

    return rounds


async def work(service: Service) -> None:
    kit = service.app.state.kit
    while await erase_next(service.db, kit.keyring, kit.blobs, service.clock()):
        pass


async def ask(client: AsyncClient, **body: Any) -> dict[str, Any]:
    given = {"business_line": LINE, "ground": "requested", "identity_verified": True, "reference": "DSR-1"} | body
    answer = await client.post("/v1/erasures", json=given)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/erasures/{answer.json()['id']}"
    asked: dict[str, Any] = answer.json()
    return asked


async def finish(client: AsyncClient, **changes: Any) -> dict[str, Any]:
    """Take a ticket of the person to its end."""
    ticket = await take(client, **{"customer": PERSON, "description": f"碗裂了，找{IN_TEXT}"} | changes)
    for move in ("resolve", "accept", "close"):
        answer = await client.post(
            f"/v1/tickets/{ticket['id']}/{move}", json={"staff_no": "1101", "note": "慕容白满意"}
        )
        assert answer.status_code == 200, answer.text
    return ticket


async def shown(client: AsyncClient, asked: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(f"/v1/erasures/{asked['id']}")
    assert answer.status_code == 200, answer.text
    erasure: dict[str, Any] = answer.json()
    return erasure


async def everywhere(service: Service) -> dict[str, str]:
    """Return every column, and what is sealed in the ones that are."""
    stored = await columns(service)
    for table, column in (("ticket", "customer_sealed"), ("customer", "contact_sealed"), ("survey", "contact_sealed"),
                          ("idempotency_record", "answer")):  # fmt: skip
        for row in await service.sql(f"SELECT id, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL"):
            place = f"{table}.{column}"
            opened = service.app.state.kit.keyring.open(row["sealed"], place=place, row=row["id"])
            if not GOODS.search(str(opened)):
                stored[place] += str(opened)
    return stored


async def test_R26_what_was_planted_through_every_write_is_gone(databases: Databases, book: PolicyBook) -> None:
    async with open_service(await databases.clone(), book) as service:
        writer = await service.client(tier=Tier.SENSITIVE)
        samples = await make_samples(service, writer)
        await plant(writer, samples)
        ring = service.app.state.kit.keyring
        theirs = ring.lookup("phone", PERSON["phone"])
        # All of it becomes one person's, whose matters are over.
        await service.sql("UPDATE ticket SET phone_hash = $1, customer_external_id = NULL, status = 'closed'", theirs)
        await service.sql("UPDATE customer SET phone_hash = $1, external_id = NULL", theirs)
        await service.sql("UPDATE survey SET customer_hashes = ARRAY[$1::bytea], customer_external_id = NULL", theirs)
        await service.sql("UPDATE purchase SET customer_id = (SELECT id FROM customer LIMIT 1)")
        await service.sql("UPDATE return_request SET ticket_id = (SELECT id FROM ticket LIMIT 1), status = 'cancelled'")
        await service.sql(
            "UPDATE ticket SET business_line_id = (SELECT id FROM business_line WHERE name = 'tableware')"
        )
        before = await everywhere(service)
        assert len(hits(before, [IN_TEXT])) > 20
        asked = await ask(writer, phone=PERSON["phone"])
        await work(service)
        assert (await shown(writer, asked))["state"] == "done"
        left = {place for place, _ in hits(await everywhere(service), [IN_TEXT])}
        assert {place for place in left if place.partition(".")[0] not in STAYS} == set()


async def buy(client: AsyncClient, customer: str, order_no: str, day: str) -> str:
    bought = {"business_line": LINE, "customer_id": customer, "product_name": "餐盘", "serial_no": "S-1"}
    answer = await client.post("/v1/purchases", json=bought | {"order_no": order_no, "purchased_on": day})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@dataclass
class Life:
    """What a person leaves in the service: the ids of it, and their survey's link."""

    ticket: dict[str, Any]
    customer: str
    old: str
    new: str
    survey: str


async def live(service: Service, client: AsyncClient) -> Life:
    """Have a person buy, complain, send a photo, be looked at and asked, and wish to be asked no more."""
    customer = (await client.post("/v1/customers", json={"business_line": LINE, **PERSON})).json()["id"]
    old, new = await buy(client, customer, "D-1", "2023-11-22"), await buy(client, customer, "D-2", "2026-11-20")
    ticket = await finish(client, product={"name": "餐盘", "order_no": "D-2"})
    sent = await client.post(
        f"/v1/tickets/{ticket['id']}/attachments", params={"kind": "photo"}, content=picture(),
        headers={"Content-Disposition": 'attachment; filename="photo.jpg"', "Idempotency-Key": "photo-of-bai"},
    )  # fmt: skip
    assert sent.status_code == 201, sent.text
    look = {"purpose": "回电慕容白", "fields": ["phone"]}
    assert (await client.post(f"/v1/tickets/{ticket['id']}/reveal", json=look)).status_code == 200
    survey = (await client.post("/v1/surveys", json={"ticket_number": ticket["number"]})).json()["url"]
    assert (await service.anonymous().get(survey)).status_code == 200
    await client.post("/v1/surveys/opt-outs", json={"business_line": LINE, "phone": PERSON["phone"]})
    while await seal_audit_trail(service.db):
        pass
    return Life(ticket, customer, old, new, survey)


async def test_R26_what_stays_of_a_person_leads_to_nobody(service: Service) -> None:
    client = await service.client(tier=Tier.SENSITIVE)
    life = await live(service, client)
    asked = await ask(client, phone=PERSON["phone"], staff_no="9001")
    assert (asked["state"], asked["due_at"]) == ("accepted", "2026-12-07T04:00:00.000Z")
    await work(service)

    done = await shown(client, asked)
    counts = {name: done["counts"][name] for name in ("tickets", "attachments", "customers", "purchases", "surveys")}
    assert (done["state"], counts) == (
        "done", {"tickets": 1, "attachments": 1, "customers": 1, "purchases": 2, "surveys": 1}
    )  # fmt: skip
    assert done["kept"] == {"purchases": 1, "until": "2029-11-20", "law": TRANSACTION_RECORDS.document()}
    assert hits(await everywhere(service), HIDDEN) == set()
    await check_what_stays(service, client, life)
    await check_records(service, client, life, asked)

    service.clock.now = datetime(2029, 11, 20, 4, 0, tzinfo=UTC)
    await work(service)
    [kept] = await service.sql("SELECT count(*) AS n FROM purchase WHERE order_no = 'D-2' OR serial_no IS NOT NULL")
    assert kept["n"] == 0


async def check_what_stays(service: Service, client: AsyncClient, life: Life) -> None:
    ticket = life.ticket
    after = (await client.get(f"/v1/tickets/{ticket['id']}")).json()
    assert after["description"] == ERASED
    assert [after[name] for name in ("status", "opened_at", "number")] == [
        "closed", ticket["opened_at"], ticket["number"],
    ]  # fmt: skip
    assert [one["due_at"] for one in after["commitments"]] == [one["due_at"] for one in ticket["commitments"]]
    check_problem(await client.get(f"/v1/customers/{life.customer}"), 404, "not_found")
    assert (await client.get(f"/v1/purchases/{life.new}")).json()["order_no"] == "D-2"
    assert (await client.get(f"/v1/purchases/{life.old}")).json()["order_no"].startswith("erased-")
    assert (await service.anonymous().get(life.survey)).status_code == 404
    [opted] = await service.sql("SELECT count(*) AS n FROM survey_opt_out")
    assert opted["n"] == 1  # not to be asked still holds


async def check_records(service: Service, client: AsyncClient, life: Life, asked: dict[str, Any]) -> None:
    async with service.db.read() as session:
        assert (await verify_audit(session)).findings == []
    [entry] = [one for one in await timeline(client, life.ticket) if one["kind"] == "personal_data_erased"]
    assert entry["data"] == {"erasure_id": asked["id"]}
    [told] = await service.sql("SELECT data FROM event WHERE type = 'person.erased'")
    assert asked["id"] in told["data"]
    [row] = (await client.get("/v1/access-log", params={"subject": f"erasures/{asked['id']}"})).json()["items"]
    assert (row["fields"], row["purpose"]) == (["erasure"], "requested")


async def timeline(client: AsyncClient, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
    return items


async def test_an_open_matter_bars_the_erasure_until_it_is_over(client: AsyncClient, erase: Erase) -> None:
    ticket = await take(client, customer=PERSON)
    body = {"business_line": LINE, "phone": PERSON["phone"], "ground": "requested", "identity_verified": True}
    key = {"Idempotency-Key": "erase-bai-1"}
    refused = await client.post("/v1/erasures", json=body, headers=key)
    check_problem(refused, 409, "person_has_open_matters")
    assert refused.json()["tickets"] == [ticket["number"]]
    assert refused.json()["law"] == OPEN_MATTERS.document()
    cancelled = await client.post(f"/v1/tickets/{ticket['id']}/cancel", json={"staff_no": "1101", "note": "客户撤回"})
    assert cancelled.status_code == 200, cancelled.text
    first, again = [await client.post("/v1/erasures", json=body, headers=key) for _ in range(2)]
    assert (first.status_code, again.json()) == (202, first.json())
    await erase()
    assert (await shown(client, first.json()))["counts"]["tickets"] == 1
    assert (await shown(client, await ask(client, phone=PERSON["phone"])))["counts"]["tickets"] == 0


async def test_a_shared_telephone_takes_nobody_else_along(client: AsyncClient, erase: Erase) -> None:
    mine = await finish(client)
    hers = await finish(client, customer=PERSON | {"external_id": "crm-78", "name": "慕容青"})
    unnamed = await finish(client, customer={"phone": PERSON["phone"]})
    body = {"business_line": LINE, "phone": PERSON["phone"], "ground": "requested", "identity_verified": True}
    check_problem(await client.post("/v1/erasures", json=body), 409, "person_ambiguous")
    await ask(client, external_id="crm-77", phone=PERSON["phone"])
    await erase()
    told = {one["id"]: await client.get(f"/v1/tickets/{one['id']}") for one in (mine, hers, unnamed)}
    assert [answer.json()["description"] == ERASED for answer in told.values()] == [True, False, True]


async def test_what_comes_in_after_the_request_is_another_matter(
    client: AsyncClient, erase: Erase, clock: FakeClock
) -> None:
    await finish(client)
    await ask(client, external_id="crm-77")
    clock.advance(seconds=1)
    later = await finish(client)
    await erase()
    assert (await client.get(f"/v1/tickets/{later['id']}")).json()["description"] != ERASED


async def test_a_repeated_request_whose_answer_showed_the_person_is_told_so(
    client: AsyncClient, make_client: MakeClient, erase: Erase
) -> None:
    other = await make_client(tier=Tier.SENSITIVE)
    body, key = a_ticket(customer=PERSON), {"Idempotency-Key": "call-of-bai-1"}
    ticket = (await other.post("/v1/tickets", json=body, headers=key)).json()
    await client.post(f"/v1/tickets/{ticket['id']}/cancel", json={"staff_no": "1101", "note": "客户撤回"})
    await ask(client, external_id="crm-77")
    await erase()
    again = await other.post("/v1/tickets", json=body, headers=key)
    assert (again.status_code, again.json()["code"]) == (410, "person_erased")
    assert "慕容" not in again.text


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"phone": "13912345678", "ground": "requested", "identity_verified": False}, "#/identity_verified"),
        ({"phone": "13912345678", "ground": "requested"}, "#/identity_verified"),
        ({"ground": "requested", "identity_verified": True}, "#"),
        ({"phone": "13912345678", "ground": "because", "identity_verified": True}, "#/ground"),
    ],
)
async def test_an_erasure_says_who_why_and_that_it_is_they(
    client: AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    refused = await client.post("/v1/erasures", json={"business_line": LINE} | body)
    check_problem(refused, 422, "validation_failed")
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_what_is_another_lines_does_not_exist(client: AsyncClient, make_client: MakeClient, erase: Erase) -> None:
    ticket = await finish(client)
    asked = await ask(client, external_id="nobody")
    foreign = await make_client(lines=("chemicals",))
    for name in (asked["id"], "era_" + "0" * 32, "x"):
        check_problem(await foreign.get(f"/v1/erasures/{name}"), 404, "not_found")
    assert (await foreign.get("/v1/erasures")).json()["items"] == []
    check_problem(await foreign.get("/v1/erasures", params={"business_line": LINE}), 404, "not_found")
    body = {"external_id": "crm-77", "ground": "requested", "identity_verified": True}
    check_problem(await foreign.post("/v1/erasures", json=body | {"business_line": LINE}), 404, "not_found")
    assert (await foreign.post("/v1/erasures", json=body)).status_code == 202
    await erase()
    assert (await client.get(f"/v1/tickets/{ticket['id']}")).json()["description"] != ERASED


async def test_R26_many_tickets_go_in_pieces_and_what_broke_off_goes_on(databases: Databases, book: PolicyBook) -> None:
    url = await databases.clone()
    async with open_service(url, book) as service:
        client = await service.client()
        ticket = await finish(client)
        await copy_ticket(url, ticket, copies=MANY)
        asked = await ask(client, external_id="crm-77")
        kit = service.app.state.kit
        assert await erase_next(service.db, kit.keyring, kit.blobs, service.clock()) == 1
        half = await shown(client, asked)
        assert (half["state"], half["counts"]["tickets"]) == ("running", 200)
        assert await kit.blobs.names(BEGINNING) == [f"{BEGINNING}{asked['id'].removeprefix('era_')}"]
        await work(service)
        done = await shown(client, asked)
        assert (done["state"], done["counts"]["tickets"]) == ("done", MANY + 1)
        assert hits(await everywhere(service), [*HIDDEN, IN_TEXT]) == set()


async def test_nothing_is_erased_before_it_stands_in_the_ledger(service: Service, tmp_path: Path) -> None:
    client = await service.client()
    ticket = await finish(client, customer={"external_id": "crm-79"}, description="碗裂了")
    asked = await ask(client, external_id="crm-79")
    (tmp_path / "file").touch()
    with pytest.raises(FilesUnavailable):
        await erase_next(service.db, service.app.state.kit.keyring, Blobs(str(tmp_path / "file")), service.clock())
    assert (await shown(client, asked))["state"] == "accepted"
    assert (await client.get(f"/v1/tickets/{ticket['id']}")).json()["description"] == "碗裂了"
    await work(service)
    assert (await shown(client, asked))["state"] == "done"
