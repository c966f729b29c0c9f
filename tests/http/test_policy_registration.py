"""A company's own edition: who may register it, what is refused, and from when it is in force."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

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
from tests.builders import a_ticket
from tests.conftest import FakeClock, MakeClient
from tests.http.policies import TODAY, an_edition

TOMORROW = date(2026, 11, 23)


@pytest.fixture
def shipped(book: PolicyBook) -> str:
    return book.get("tableware", "1").text


async def events_of(db: Database, subject: str) -> list[Event]:
    async with db.begin() as session:
        found = await session.scalars(select(Event).where(Event.subject == subject).order_by(Event.sequence))
        return list(found)


async def add_line(db: Database, app: FastAPI, name: str, policy: str) -> None:
    async with db.begin() as session:
        session.add(BusinessLine(id=new_id(), name=name, policy=policy, created_at=datetime.now(UTC)))
    await app.state.kit.directory.refresh()


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
