"""R26: a person is erased everywhere, once nothing of theirs is open, and what stays leads to nobody."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.core.db import Database
from app.core.personal import Tier
from app.services.erasures.erasing import erase_next
from app.services.policy_book import PolicyBook
from tests.conftest import Databases, FakeClock
from tests.http.samples import make_samples
from tests.http.service import Service, open_service, take
from tests.http.test_canaries import IN_TEXT, columns, hits, plant

Erase = Callable[[], Awaitable[None]]
LINE = "tableware"
PERSON = {"name": "慕容白", "phone": "+8613912345678", "email": "murong.bai@example.com", "external_id": "crm-77"}
HIDDEN = ["慕容白", "13912345678", "murong.bai", "crm-77"]
# Where what people wrote stays: it is about goods and processes of many matters.
STAYS = {"capa", "capa_task", "nonconformity", "quality_alert", "attachment"}


@pytest.fixture
def erase(app: FastAPI, db: Database, clock: FakeClock) -> Erase:
    """Do the worker's rounds until nothing is left to erase."""

    async def rounds() -> None:
        kit = app.state.kit
        while await erase_next(db, kit.keyring, kit.blobs, clock()):
            pass

    return rounds


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
        while await erase_next(service.db, ring, service.app.state.kit.blobs, service.clock()):
            pass
        assert (await shown(writer, asked))["state"] == "done"
        left = {place for place, _ in hits(await everywhere(service), [IN_TEXT])}
        assert {place for place in left if place.partition(".")[0] not in STAYS} == set()
