"""Policies over HTTP: reading editions, checking drafts, registering a company's own."""

import asyncio
import json
import random
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import select

from app.core.db import Database
from app.core.ids import new_id
from app.core.outbox import Event, seal_events
from app.core.settings import Settings
from app.main import create_app
from app.models.business_lines import BusinessLine
from app.models.policies import PolicyEdition
from app.services.policy_book import PolicyBook
from app.services.policy_documents import toml_text
from tests.builders import a_ticket
from tests.conftest import FakeClock, MakeClient

TODAY = date(2026, 11, 22)
TOMORROW = date(2026, 11, 23)


@pytest.fixture
def shipped(book: PolicyBook) -> str:
    return book.get("tableware", "1").text


def an_edition(
    text: str, *, name: str = "tableware", version: str = "2", effective_from: date = TODAY, hours: int = 1
) -> dict[str, str]:
    """The tableware edition under another name, version and date, answering emergencies within other hours."""
    return {
        "document": text.replace('name = "tableware"', f'name = "{name}"')
        .replace('version = "1"', f'version = "{version}"')
        .replace("effective_from = 2026-01-01", f"effective_from = {effective_from}")
        .replace("value = 2, unit", f"value = {hours}, unit", 1)
    }


async def events_of(db: Database, subject: str) -> list[Event]:
    async with db.begin() as session:
        found = await session.scalars(select(Event).where(Event.subject == subject).order_by(Event.sequence))
        return list(found)


async def add_line(db: Database, app: FastAPI, name: str, policy: str) -> None:
    async with db.begin() as session:
        session.add(BusinessLine(id=new_id(), name=name, policy=policy, created_at=datetime.now(UTC)))
    await app.state.kit.directory.refresh()


async def test_every_shipped_policy_is_listed_with_the_callers_lines_under_it(make_client: MakeClient) -> None:
    client = await make_client(lines=("tableware",))
    answer = (await client.get("/v1/policies")).json()
    assert (answer["next_cursor"], answer["has_more"]) == (None, False)
    listed = {item["name"]: item for item in answer["items"]}
    assert sorted(listed) == [
        "bath_appliances", "chemicals", "components", "general", "home_furnishing", "mall", "statute", "tableware"
    ]  # fmt: skip
    assert listed["tableware"]["business_lines"] == ["tableware"]
    assert listed["chemicals"]["business_lines"] == []
    [edition] = listed["tableware"]["editions"]
    assert edition.pop("sha256")
    assert edition == {"version": "1", "effective_from": "2026-01-01", "origin": "shipped", "in_force": True}


async def test_an_edition_is_read_with_basis_and_clause_and_its_digest_as_etag(
    client: AsyncClient, book: PolicyBook
) -> None:
    response = await client.get("/v1/policies/bath_appliances")
    policy = book.get("bath_appliances", "1")
    assert response.headers["etag"] == f'"{policy.sha256}"'
    document = response.json()
    assert document["edition"]["hotline"]["rings"] == {"value": 3, "basis": "policy", "clause": "4.4.2(1)"}
    assert document["warnings"][0].keys() == {"level", "path", "clause", "message"}
    assert len(document["warnings"]) == len(policy.warnings)
    again = await client.get("/v1/policies/bath_appliances", headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nobody", 404, "not_found"),
        ("tableware?version=9", 404, "not_found"),
        ("tableware?on=2025-12-31", 404, "not_found"),
        ("tableware?on=2026-01-01", 200, None),
        ("tableware?version=1", 200, None),
        ("tableware?on=2026-01-01&version=1", 422, "validation_failed"),
        ("tableware?on=yesterday", 422, "validation_failed"),
        ("tableware?edition=1", 400, "unknown_parameter"),
        ("%00", 404, "not_found"),
    ],
)
async def test_what_is_asked_for_is_found_or_refused(
    client: AsyncClient, path: str, status: int, code: str | None
) -> None:
    response = await client.get(f"/v1/policies/{path}")
    assert (response.status_code, response.json().get("code")) == (status, code)


async def test_each_operation_needs_its_scope(make_client: MakeClient, shipped: str) -> None:
    reader = await make_client(scopes=("policies:read",))
    assert (await reader.post("/v1/policies/check", json=an_edition(shipped))).status_code == 200
    refused = await reader.post("/v1/policies", json=an_edition(shipped))
    assert (refused.status_code, refused.json()["required_scope"]) == (403, "policies:write")
    writer = await make_client(scopes=("policies:write",))
    for response in (await writer.get("/v1/policies"), await writer.get("/v1/policies/mall")):
        assert (response.status_code, response.json()["required_scope"]) == (403, "policies:read")


async def test_every_shipped_edition_can_be_read_and_sent_back(client: AsyncClient, book: PolicyBook) -> None:
    for name in book.names():
        edition = (await client.get(f"/v1/policies/{name}")).json()["edition"]
        answer = (await client.post("/v1/policies/check", json={"edition": edition})).json()
        assert answer["valid"], answer
        assert answer["edition"]["name"] == name
        assert tomllib.loads(toml_text(edition)) == edition


async def test_a_draft_below_the_law_is_told_the_article(client: AsyncClient, book: PolicyBook) -> None:
    text = book.get("statute", "1").text.replace("within_days = { value = 7", "within_days = { value = 6")
    response = await client.post("/v1/policies/check", json={"document": text})
    answer = response.json()
    assert (response.status_code, answer["valid"], answer["edition"]) == (200, False, None)
    found = {finding["path"]: finding for finding in answer["findings"]}
    assert "第二十五条" in found["returns.no_reason.within_days"]["message"]["zh"]
    assert "article 25" in found["returns.no_reason.within_days"]["message"]["en"]
    assert found["returns.no_reason.within_days"]["clause"] == "消费者权益保护法 第二十五条"


@pytest.mark.parametrize("body", [{}, {"document": "a = 1", "edition": {}}, {"document": None}])
async def test_exactly_one_form_is_sent(client: AsyncClient, body: dict[str, Any]) -> None:
    for path in ("/v1/policies", "/v1/policies/check"):
        response = await client.post(path, json=body)
        assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "one_of")


HOSTILE = {
    "empty": "",
    "no_toml": "{",
    "deep": "a = " + "[" * 40_000,
    "deep_tables": "a = " + "{ a = " * 15_000,
    "long_key": ".".join(["a"] * 49_000) + " = 1",
    "long_number": "a = " + "9" * 90_000,
    "many": "a = [" + "1," * 49_000 + "]",
    "many_tables": "[[a]]\n" * 16_000,
    "dates": "[edition]\neffective_from = 2026-02-30",
    "times": "edition = 2026-01-01T00:00:00Z\ncalendar = 07:32:00",
    "special": "a = inf\nb = nan\n'' = 1\n'a.b' = {}",
    "words": 'a = "{zh} %s \\u0000 \\U0001F600"',
    "surrogate": 'a = "\\uD800"',
    "control": "a = 1\x7f\x01",
    "byte_order": "\ufeffa = 1",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_answered(client: AsyncClient, name: str) -> None:
    response = await client.post("/v1/policies/check", json={"document": HOSTILE[name]})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert not answer["valid"]
    assert answer["findings"]
    assert len(response.content) < 200_000


async def test_what_is_too_large_or_no_text_is_refused_before_it_is_read(client: AsyncClient) -> None:
    too_long = await client.post("/v1/policies/check", json={"document": "#" * 100_001})
    assert (too_long.status_code, too_long.json()["errors"][0]["code"]) == (422, "too_long")
    too_large = await client.post("/v1/policies/check", json={"document": "#" * 1_100_000})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")
    nul = await client.post("/v1/policies/check", json={"document": "a = 1\x00"})
    assert (nul.status_code, nul.json()["code"]) == (400, "malformed_json")
    number = await client.post("/v1/policies/check", json={"document": 5})
    assert (number.status_code, number.json()["code"]) == (422, "validation_failed")


async def test_a_long_list_is_refused_before_it_is_compared(client: AsyncClient, shipped: str) -> None:
    route = '{ name = "r", department = "sales", basis = "policy", clause = "x" },\n'
    body = {"document": shipped.replace("routes = [\n", "routes = [\n" + route * 70)}
    answer = (await client.post("/v1/policies/check", json=body)).json()
    assert [finding["path"] for finding in answer["findings"]] == ["routing.routes"]


async def test_any_value_anywhere_is_answered(client: AsyncClient, book: PolicyBook) -> None:
    """Shipped editions, each with one value put in the wrong place, as JSON."""
    chance = random.Random(7)
    values: list[Any] = [None, "", "x", -1, 2**53 - 1, 1e308, True, [], {}, [[]], {"": None}, ["24:00", "24:00"], "{0}"]
    editions = [json.loads(json.dumps(tomllib.loads(book.get(n, "1").text), default=str)) for n in book.names()]
    for _ in range(120):
        edition = json.loads(json.dumps(chance.choice(editions)))
        node: Any = edition
        while isinstance(node, dict | list) and node:
            place: Any = chance.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if chance.random() < 0.3 or not isinstance(node[place], dict | list):
                node[place] = chance.choice(values)
                break
            node = node[place]
        response = await client.post("/v1/policies/check", json={"edition": edition})
        assert response.status_code == 200, response.text


async def test_an_own_edition_is_registered_and_announced(
    client: AsyncClient, db: Database, shipped: str, clock: FakeClock
) -> None:
    response = await client.post("/v1/policies", json=an_edition(shipped, effective_from=TOMORROW))
    assert response.status_code == 201, response.text
    registered = response.json()
    assert response.headers["location"] == "/v1/policies/tableware?version=2"
    assert response.headers["etag"] == f'"{registered["sha256"]}"'
    assert (registered["name"], registered["version"], registered["origin"]) == ("tableware", "2", "database")
    read = await client.get(response.headers["location"])
    assert read.json()["sha256"] == registered["sha256"]
    [event] = await events_of(db, "policies/tableware")
    assert (event.type, event.sequence) == ("policy.activated", 1)
    assert event.data == {"policy": "tableware", "version": "2", "effective_from": "2026-11-23"}
    assert (event.occurred_at, event.request_id) == (clock(), response.headers["x-request-id"])
    async with db.begin() as session:
        await seal_events(session)
    feed = (await client.get("/v1/events?types=policy.activated")).json()["items"]
    assert [(item["subject"], item["source"]) for item in feed] == [
        ("policies/tableware", "/business-lines/tableware")
    ]  # fmt: skip


async def test_an_edition_sent_as_json_is_kept_as_the_text_of_a_file(
    client: AsyncClient, db: Database, book: PolicyBook
) -> None:
    edition = (await client.get("/v1/policies/home_furnishing")).json()["edition"]
    edition["edition"] |= {"version": "2026-a", "effective_from": "2026-12-01", "note": None}
    edition["calendar"]["date_hours"] = {
        "2027-01-02": {"value": [["09:00", "12:00"]], "basis": "policy", "clause": '附 "一"\\\x7f'}
    }
    response = await client.post("/v1/policies", json={"edition": edition})
    assert response.status_code == 201, response.text
    async with db.begin() as session:
        kept = (await session.scalars(select(PolicyEdition.document))).one()
    del edition["edition"]["note"]
    assert tomllib.loads(kept) == edition
    read = (await client.get("/v1/policies/home_furnishing?on=2026-12-01")).json()
    assert read["edition"] == edition


async def test_the_same_document_again_gets_the_first_answer_and_another_is_refused(
    client: AsyncClient, db: Database, shipped: str, clock: FakeClock
) -> None:
    first = await client.post("/v1/policies", json=an_edition(shipped))
    clock.advance(days=3)
    again = await client.post("/v1/policies", json=an_edition(shipped))
    assert (again.status_code, again.json()) == (200, first.json())
    other = await client.post("/v1/policies", json=an_edition(shipped, hours=3, effective_from=date(2026, 12, 1)))
    assert (other.status_code, other.json()["code"]) == (409, "edition_exists")
    taken = await client.post("/v1/policies", json=an_edition(shipped, version="1"))
    assert (taken.status_code, taken.json()["code"]) == (409, "edition_exists")
    as_shipped = await client.post("/v1/policies", json={"document": shipped})
    assert (as_shipped.status_code, as_shipped.json()["version"]) == (200, "1")
    assert len(await events_of(db, "policies/tableware")) == 1


async def test_a_retry_key_gets_the_same_bytes(client: AsyncClient, db: Database, shipped: str) -> None:
    key = {"Idempotency-Key": "edition-2-of-tableware"}
    first = await client.post("/v1/policies", json=an_edition(shipped), headers=key)
    again = await client.post("/v1/policies", json=an_edition(shipped), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert len(await events_of(db, "policies/tableware")) == 1


async def test_two_at_once_with_one_version_make_one_edition(client: AsyncClient, db: Database, shipped: str) -> None:
    bodies = [an_edition(shipped, hours=hours) for hours in (1, 3, 4, 5)]
    answers = await asyncio.gather(*(client.post("/v1/policies", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    several = [an_edition(shipped, version=f"v{place}", effective_from=TOMORROW) for place in range(4)]
    assert {a.status_code for a in await asyncio.gather(*(client.post("/v1/policies", json=b) for b in several))} == {
        201
    }
    assert [event.sequence for event in await events_of(db, "policies/tableware")] == [1, 2, 3, 4, 5]
    async with db.begin() as session:
        instants = list(await session.scalars(select(PolicyEdition.registered_at)))
    assert len(set(instants)) == 5  # one standing clock, and still an order


async def test_a_document_that_fails_the_check_is_refused_with_places(client: AsyncClient, shipped: str) -> None:
    broken = an_edition(shipped.replace('department = "technical"', 'department = "nobody"', 1))
    response = await client.post("/v1/policies", json=broken)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "policy_invalid")
    [error] = problem["errors"]
    assert (error["pointer"], error["code"]) == ("#/document", "invalid")
    assert error["detail"] == "routing.routes[1].department: nobody is not in [departments] (第九条)"
    edition = json.loads(json.dumps(tomllib.loads(broken["document"]), default=str))
    as_json = (await client.post("/v1/policies", json={"edition": edition})).json()
    assert as_json["errors"][0]["pointer"] == "#/edition/routing/routes/1/department"


async def test_an_edition_may_not_begin_in_the_past_of_its_zone(
    client: AsyncClient, shipped: str, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
    late = await client.post("/v1/policies", json=an_edition(shipped, effective_from=TODAY - timedelta(days=1)))
    assert (late.status_code, late.json()["errors"][0]["code"]) == (422, "in_the_past")
    clock.advance(seconds=1)
    late = await client.post("/v1/policies", json=an_edition(shipped, effective_from=TODAY))
    assert (late.status_code, late.json()["code"]) == (422, "policy_invalid")
    assert (await client.post("/v1/policies", json=an_edition(shipped, effective_from=TOMORROW))).status_code == 201


async def test_only_who_sees_all_lines_under_a_policy_may_change_it(
    make_client: MakeClient, app: FastAPI, db: Database, shipped: str
) -> None:
    await add_line(db, app, "tableware_export", "tableware")
    bodies = {name: an_edition(shipped, name=name) for name in ("tableware", "chemicals", "brand_new")}
    one, both = await make_client(lines=("tableware",)), await make_client(lines=("tableware", "tableware_export"))
    shared = await one.post("/v1/policies", json=bodies["tableware"])
    assert (shared.status_code, shared.json()["code"]) == (403, "policy_shared")
    foreign = await both.post("/v1/policies", json=bodies["chemicals"])
    unused = await both.post("/v1/policies", json=bodies["brand_new"])
    for refused in (foreign, unused):
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert foreign.json()["detail"] == unused.json()["detail"]
    assert (await both.post("/v1/policies", json=bodies["tableware"])).status_code == 201
    everywhere = await make_client()
    assert (await everywhere.post("/v1/policies", json=bodies["brand_new"])).status_code == 201
    events = await events_of(db, "policies/tableware")
    assert [event.sequence for event in events] == [1, 2]
    assert len({event.business_line_id for event in events}) == 2
    assert await events_of(db, "policies/brand_new") == []


async def test_registered_editions_show_only_to_lines_under_their_policy(
    make_client: MakeClient, app: FastAPI, db: Database, shipped: str
) -> None:
    everywhere, mall = await make_client(), await make_client(lines=("mall",))
    for body in (an_edition(shipped), an_edition(shipped, name="brand_new")):
        assert (await everywhere.post("/v1/policies", json=body)).status_code == 201
    assert (await mall.get("/v1/policies/brand_new")).status_code == 404
    assert (await mall.get("/v1/policies/tableware?version=2")).status_code == 404
    assert (await mall.get("/v1/policies/tableware")).json()["version"] == "1"
    listed = {item["name"]: item for item in (await mall.get("/v1/policies")).json()["items"]}
    assert "brand_new" not in listed
    assert [edition["version"] for edition in listed["tableware"]["editions"]] == ["1"]
    await add_line(db, app, "novelty", "brand_new")
    novelty = await make_client(lines=("novelty",))
    assert (await novelty.get("/v1/policies/brand_new")).json()["version"] == "2"
    [own] = [item for item in (await novelty.get("/v1/policies")).json()["items"] if item["name"] == "brand_new"]
    assert own["business_lines"] == ["novelty"]


async def hours_promised(client: AsyncClient, **facts: str) -> int:
    """The hours within which an emergency is first answered."""
    body = {"business_line": "tableware", "kind": "complaint", "urgency": "emergency"} | facts
    answer = (await client.post("/v1/sla/preview", json=body)).json()
    [target] = [c["target"] for c in answer["commitments"] if c["milestone"] == "first_response"]
    hours: int = target["value"]
    return hours


async def test_a_ticket_keeps_its_edition_and_the_next_one_gets_the_new(
    client: AsyncClient, shipped: str, clock: FakeClock
) -> None:
    before = (await client.post("/v1/tickets", json=a_ticket(urgency="emergency"))).json()
    clock.advance(minutes=1)
    assert (await client.post("/v1/policies", json=an_edition(shipped))).status_code == 201
    after = (await client.post("/v1/tickets", json=a_ticket(urgency="emergency"))).json()
    assert [ticket["policy"]["version"] for ticket in (before, after)] == ["1", "2"]
    changed = await client.patch(
        f"/v1/tickets/{before['number']}", json={"urgency": "general"}, headers={"If-Match": "*"}
    )
    assert changed.json()["policy"]["version"] == "1"
    dues = {c["milestone"]: c["due_at"] for c in after["commitments"]}
    assert dues["first_response"] == "2026-11-22T05:01:00.000Z"


async def test_an_edition_for_tomorrow_begins_at_local_midnight(
    client: AsyncClient, shipped: str, clock: FakeClock
) -> None:
    assert (await client.post("/v1/policies", json=an_edition(shipped, effective_from=TOMORROW))).status_code == 201
    clock.now = datetime(2026, 11, 22, 15, 59, 59, 999000, tzinfo=UTC)
    assert await hours_promised(client) == 2
    assert (await client.get("/v1/policies/tableware")).json()["version"] == "1"
    clock.now = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
    assert await hours_promised(client) == 1
    assert (await client.get("/v1/policies/tableware")).json()["version"] == "2"
    assert await hours_promised(client, opened_at="2026-11-22T23:59:59+08:00") == 2
    [policy] = [p for p in (await client.get("/v1/policies")).json()["items"] if p["name"] == "tableware"]
    assert [edition["in_force"] for edition in policy["editions"]] == [False, True]


async def test_of_two_editions_for_one_day_the_last_registered_counts(client: AsyncClient, shipped: str) -> None:
    for version, hours in (("z", 4), ("a", 3), ("m", 1)):
        body = an_edition(shipped, version=version, hours=hours)
        assert (await client.post("/v1/policies", json=body)).status_code == 201
    assert await hours_promised(client) == 1


@asynccontextmanager
async def another_process(settings: Settings, clock: FakeClock, book: PolicyBook) -> AsyncIterator[FastAPI]:
    """A second application on the same database, with knowledge of its own."""
    app = create_app(settings, clock=clock, book=book)
    async with app.router.lifespan_context(app):
        yield app


async def test_every_process_follows_within_five_seconds(
    client: AsyncClient, settings: Settings, clock: FakeClock, book: PolicyBook, shipped: str
) -> None:
    async with another_process(settings, clock, book) as other:
        transport = httpx.ASGITransport(other, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://test", headers=client.headers) as there:
            assert await hours_promised(there) == 2
            assert (await client.post("/v1/policies", json=an_edition(shipped))).status_code == 201
            assert await hours_promised(client) == 1
            await asyncio.sleep(2.1)
            assert await hours_promised(there) == 1
            assert (await there.get("/v1/policies/tableware")).json()["version"] == "2"
