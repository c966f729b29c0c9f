"""R23: a new key takes over while the service runs: no read fails, and in the end the new key opens everything."""

import asyncio
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidTag

from app.core.crypto import KeyRing, KeyRingInvalid
from app.core.personal import Tier
from app.services.policy_book import PolicyBook
from app.services.resealing import BATCH, SEALED, reseal
from tests.builders import a_ticket
from tests.conftest import SECRET_KEYS, Databases
from tests.http.operations import A_PICTURE
from tests.http.service import Service, open_service, put_in_channel, take

PERSON = {
    "name": "司马相如",
    "phone": "+8613912345678",
    "email": "sima@example.com",
    "address": "成都市青羊区文君街7号",
}
TICKETS = BATCH // 10


async def fill(service: Service) -> str:
    """Leave something sealed in every column; return the key."""
    client = await service.client(tier=Tier.SENSITIVE)
    for number in range(TICKETS):
        await take(client, customer=PERSON, external_ref=f"ref-{number}")
    line = {"business_line": "tableware"}
    assert (await client.post("/v1/customers", json={**line, **PERSON})).is_success
    await put_in_channel(client, "https://oapi.dingtalk.com/robot/send?access_token=x", kind="dingtalk", secret="SECx")
    hook = {"url": "https://crm.test/hook", "business_lines": ["tableware"]}
    assert (await client.post("/v1/webhook-endpoints", json=hook)).is_success
    asked = {
        **line,
        "kind": "periodic",
        "customers": [{"name": PERSON["name"], "phone": "13900001111", "external_id": "c-1"}],
    }
    campaign = await client.post("/v1/survey-campaigns", json=asked)
    assert campaign.is_success, campaign.text
    [ticket] = (await client.get("/v1/tickets", params={"limit": 1})).json()["items"]
    named = {"Content-Disposition": "attachment; filename=a.png"}
    photo = f"/v1/tickets/{ticket['id']}/attachments"
    assert (await client.post(photo, params={"kind": "photo"}, content=A_PICTURE, headers=named)).is_success
    keyed = await client.post("/v1/tickets", json=a_ticket(customer=PERSON), headers={"Idempotency-Key": "before-it"})
    assert keyed.is_success
    return client.headers["authorization"].removeprefix("Bearer ")


async def marks(service: Service) -> dict[str, set[str]]:
    """Under which keys each sealed column stands."""
    found = {}
    for place in SEALED:
        table, column = place.split(".")
        rows = await service.sql(
            f"SELECT convert_from(substr({column}, 1, position('\\x00'::bytea in {column}) - 1), 'UTF8')"
            f" FROM {table} WHERE {column} IS NOT NULL"
        )
        found[place] = {row[0] for row in rows}
    return found


async def read_all_the_while(client: httpx.AsyncClient, done: asyncio.Event) -> tuple[int, list[str]]:
    """Read and search until told to stop; return how often, and what went wrong."""
    asked, failed = 0, []
    while not done.is_set() or asked < 20:
        listed = await client.get("/v1/tickets", params={"limit": 50})
        found = await client.post("/v1/tickets/search", json={"phone": PERSON["phone"]})
        on_file = await client.post("/v1/customers/search", json={"phone": PERSON["phone"]})
        asked += 1
        for response, expected in ((listed, TICKETS + 1), (found, TICKETS + 1), (on_file, 1)):
            items: list[dict[str, Any]] = response.json().get("items", [])
            names = [item.get("customer", item)["name"] for item in items]
            if response.status_code != 200 or names != [PERSON["name"]] * expected:
                failed.append(f"{response.status_code} {names}")
    return asked, failed


async def test_R23_a_new_key_takes_over_without_a_failed_read(
    databases: Databases, book: PolicyBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, new = await databases.clone(), KeyRing.new_entry("new")
    async with open_service(url, book) as before:
        key = await fill(before)
        assert set().union(*(await marks(before)).values()) == {"test"}
        assert all((await marks(before)).values())
    monkeypatch.setattr("app.services.resealing.BATCH", 3)  # many batches, with reads between them
    both = f"{new},{SECRET_KEYS}"
    async with open_service(url, book, secret_keys=both) as service:
        client, done = await service.client(key), asyncio.Event()
        reader = asyncio.create_task(read_all_the_while(client, done))
        first = await reseal(service.db, KeyRing.read(None, both))
        done.set()
        asked, failed = await reader
        again = await reseal(service.db, KeyRing.read(None, both))
        assert set().union(*(await marks(service)).values()) == {"new"}
    assert (asked >= 20, failed) == (True, [])
    assert first == dict.fromkeys(SEALED, 1) | {"ticket.customer_sealed": TICKETS + 1}
    assert again == dict.fromkeys(SEALED, 0)


async def test_R23_after_it_the_new_key_alone_opens_and_finds_everything(
    databases: Databases, book: PolicyBook
) -> None:
    url, new = await databases.clone(), KeyRing.new_entry("new")
    async with open_service(url, book) as before:
        key = await fill(before)
        await reseal(before.db, KeyRing.read(None, f"{new},{SECRET_KEYS}"))
    async with open_service(url, book, secret_keys=new) as after:
        client = await after.client(key)
        done = asyncio.Event()
        done.set()
        assert (await read_all_the_while(client, done))[1] == []
        [channel] = (await client.get("/v1/notice-channels")).json()["items"]
        same = {
            "business_line": "tableware", "roles": ["*"], "kind": "dingtalk",
            "address": "https://oapi.dingtalk.com/robot/send?access_token=x",
        }  # fmt: skip
        assert channel["signed"] is True
        assert (await client.post("/v1/notice-channels", json=same)).status_code == 409  # found by its new hash


async def test_R23_a_key_that_is_not_in_the_ring_changes_nothing(databases: Databases, book: PolicyBook) -> None:
    async with open_service(await databases.clone(), book) as service:
        await fill(service)
        before = await service.sql("SELECT customer_sealed FROM ticket ORDER BY id")
        with pytest.raises(KeyRingInvalid, match="'test' is not in the ring"):
            await reseal(service.db, KeyRing.read(None, KeyRing.new_entry("new")))
        assert await service.sql("SELECT customer_sealed FROM ticket ORDER BY id") == before


async def test_R23_two_people_swapped_in_the_table_do_not_open(databases: Databases, book: PolicyBook) -> None:
    ring = KeyRing.read(None, SECRET_KEYS)
    async with open_service(await databases.clone(), book) as service:
        await fill(service)
        rows = await service.sql("SELECT id, customer_sealed FROM ticket ORDER BY id LIMIT 2")
        with pytest.raises(InvalidTag):
            ring.open(rows[1]["customer_sealed"], place="ticket.customer_sealed", row=rows[0]["id"])
