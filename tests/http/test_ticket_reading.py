"""Reading tickets: one, a list, a search; conditional requests and pages."""

import json
from typing import Any

import pytest
from httpx import AsyncClient

from app.core.db import Database
from app.core.personal import Tier
from app.schemas.tickets import TicketList, TicketOut
from app.services.search_index import index_pending
from tests.conftest import FakeClock, MakeClient
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take


async def numbers(client: AsyncClient, **query: Any) -> list[str]:
    response = await client.get("/v1/tickets", params=query)
    assert response.status_code == 200, response.text
    return [item["number"] for item in response.json()["items"]]


async def search(client: AsyncClient, **criteria: Any) -> list[str]:
    response = await client.post("/v1/tickets/search", json=criteria)
    assert response.status_code == 200, response.text
    return [item["number"] for item in response.json()["items"]]


async def test_a_ticket_is_read_by_number_or_id_and_not_sent_twice(client: AsyncClient) -> None:
    ticket = await take(client)
    by_number = await client.get(f"/v1/tickets/{ticket['number']}")
    by_id = await client.get(f"/v1/tickets/{ticket['id']}")
    assert by_number.content == by_id.content
    assert by_number.json() == ticket
    assert (by_number.headers["etag"], by_number.headers["vary"]) == ('"1.general"', "Authorization")
    held = await client.get(f"/v1/tickets/{ticket['number']}", headers={"If-None-Match": '"1.general"'})
    assert (held.status_code, held.content) == (304, b"")
    await move(client, ticket, "acknowledge")
    fresh = await client.get(f"/v1/tickets/{ticket['number']}", headers={"If-None-Match": '"1.general"'})
    assert fresh.status_code == 200


async def test_a_list_is_filtered_and_sorted(client: AsyncClient, clock: FakeClock) -> None:
    first = await take(client)
    clock.advance(hours=1)
    second = await take(client, kind="repair", urgency="emergency", business_line="mall", external_ref="crm-77")
    await move(client, first, "acknowledge")
    one, two = first["number"], second["number"]
    assert await numbers(client) == [two, one]
    assert await numbers(client, sort="opened_at") == [one, two]
    assert await numbers(client, status="acknowledged,closed") == [one]
    assert await numbers(client, kind="repair") == [two]
    assert await numbers(client, business_line="mall") == [two]
    assert await numbers(client, external_ref="crm-77") == [two]
    assert await numbers(client, opened_at_gte="2026-11-22T04:30:00Z") == [two]
    assert await numbers(client, opened_at_lt="2026-11-22T04:30:00Z") == [one]
    assert await numbers(client, overdue="true") == []
    clock.advance(hours=23)
    assert await numbers(client, overdue="true") == [two]
    assert await numbers(client, overdue="false") == [one]


async def test_a_walk_through_pages_misses_and_repeats_nothing(client: AsyncClient) -> None:
    taken = [(await take(client))["number"] for _ in range(7)]  # all at one instant: the id breaks the tie
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3, "include": "total"}
    while True:
        response = await client.get("/v1/tickets", params=query)
        page = response.json()
        seen += [item["number"] for item in page["items"]]
        assert (page["total"], page["total_is_capped"]) == (7, False)
        if not page["has_more"]:
            assert page["next_cursor"] is None
            break
        assert 'rel="next"' in response.headers["link"]
        query["cursor"] = page["next_cursor"]
        seen_before = await take(client) if len(seen) == 3 else None  # what is new meanwhile does not disturb
        if seen_before:
            query.pop("include")
            query["include"] = "total"
            break
    rest = await client.get("/v1/tickets", params={"limit": 200, "cursor": query["cursor"], "include": "total"})
    assert seen + [item["number"] for item in rest.json()["items"]] == taken[::-1]


@pytest.mark.parametrize("indexed", [False, True], ids=["before the worker came round", "after"])
async def test_a_ticket_is_found_by_what_is_known_of_it(client: AsyncClient, db: Database, indexed: bool) -> None:
    customer = {"name": "欧阳 修", "phone": "0571-8888 1234", "email": "Ou@Example.com", "external_id": "crm-5"}
    product = {"order_no": "DD-1", "batch": "B-2026", "model": "X1"}
    wanted = await take(client, customer=customer, product=product, description="浴霸的灯泡闪烁不停，Model X1")
    await take(client, description="另一张工单：颜色发错了")
    if indexed:
        async with db.begin() as session:
            assert await index_pending(session) == 2
    number = [wanted["number"]]
    for criteria in (
        {"phone": "+8657188881234"},
        {"phone": "057188881234"},
        {"email": "ou@example.com"},
        {"name": "欧阳修"},
        {"external_id": "crm-5"},
        {"order_no": "DD-1"},
        {"batch": "B-2026"},
        {"model": "X1"},
        {"text": "灯泡闪烁"},
        {"text": "x1"},
        {"text": "闪烁", "batch": "B-2026", "business_line": "tableware"},
        {"number": wanted["number"]},
    ):
        assert await search(client, **criteria) == number, criteria
    assert await search(client, text="闪烁", batch="B-1") == []
    assert await search(client, phone="13911112222") == []


async def test_a_search_needs_a_criterion(client: AsyncClient) -> None:
    refused = await client.post("/v1/tickets/search", json={"limit": 10})
    assert refused.status_code == 422


@pytest.mark.parametrize("tier", Tier)
async def test_a_ticket_is_shown_alike_everywhere_and_as_it_is_documented(
    make_client: MakeClient, clock: FakeClock, tier: Tier
) -> None:
    client = await make_client(tier=tier)
    call = {"call_id": "c-1", "agent_no": "A7", "menu": "转 13900002222"}
    product = {"name": "餐盘", "quantity": 12, "delivered_on": "2026-11-18", "serial_no": "13900003333"}
    taken = await take(client, call=call, product=product, region="CN-ZJ", seller="王 13900004444", kind=None)
    clock.advance(seconds=1.234)
    await move(client, taken, "acknowledge")
    waiting = await client.post(f"/v1/tickets/{taken['number']}/wait", json={"reason": "请补充"})
    clock.advance(hours=30)
    read = (await client.get(f"/v1/tickets/{taken['number']}")).json()
    listed = (await client.get("/v1/tickets", params={"include": "total"})).json()
    found = (await client.post("/v1/tickets/search", json={"number": taken["number"]})).json()
    assert listed["items"] == found["items"] == [read]
    assert listed | {"total": None, "total_is_capped": None} == found
    for shown in (taken, waiting.json(), read):
        assert shown == json.loads(TicketOut.model_validate(shown).model_dump_json(by_alias=True))
    assert found == json.loads(TicketList.model_validate(found).model_dump_json(by_alias=True))
    assert {step["state"] for step in read["commitments"]} == {"met", "paused"}
