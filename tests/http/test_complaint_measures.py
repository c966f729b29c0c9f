"""Measures of the handling report that fall due: announced once, in order, by the time of their ticket."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.core.db import Database
from app.core.settings import Settings
from app.services import upkeep
from tests.conftest import FakeClock
from tests.http.complaint_reports import (
    MEASURES,
    complain,
    done,
    propose,
    report_of,
    settle,
    step,
    timeline,
    told,
)
from tests.http.problems import check_problem
from tests.http.test_ticket_moves import move


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sandbox": True})  # so that a ticket may live by a test clock


@pytest.fixture
def announce(app: FastAPI, db: Database, clock: FakeClock) -> Callable[[], Awaitable[int]]:
    """Do the worker's round on measures; return how many announcements it took."""

    async def round_() -> int:
        return await upkeep.announce_measures(db, await app.state.kit.directory.known(), clock())

    return round_


async def test_a_measure_is_announced_when_due_and_when_late_each_once(
    client: AsyncClient, clock: FakeClock, announce: Any, seal: Any
) -> None:
    ticket = await complain(client)
    await settle(client, ticket)  # due on the 25th
    clock.advance(days=2, hours=11, minutes=59)
    assert await announce() == 0
    clock.advance(minutes=1)
    assert await announce() == len(MEASURES)
    assert await announce() == 0
    await done(client, ticket, "/measures/done", department="production", staff_no="7203")
    clock.advance(days=1)
    assert await announce() == len(MEASURES) - 1
    clock.advance(days=30)
    assert await announce() == 0
    states = {row["department"]: row["state"] for row in (await report_of(client, ticket))["measures"]}
    assert (states["production"], states["research_institute"]) == ("done", "late")
    counted = [event["type"] for event in await told(client, seal, "report.measure")]
    assert counted == ["report.measure_due"] * 3 + ["report.measure_late"] * 2
    late = [entry["data"]["department"] for entry in await timeline(client, ticket) if "late" in entry["kind"]]
    assert sorted(late) == ["research_institute", "technical_application_centre"]


async def test_after_downtime_notices_come_in_order_and_a_new_date_begins_anew(
    client: AsyncClient, clock: FakeClock, announce: Any, seal: Any
) -> None:
    ticket = await complain(client)
    await propose(client, ticket, "production")
    clock.advance(days=5)
    assert await announce() == 2
    body = {"department": "production", "text": "复检", "owner_staff_no": "7203", "due_on": "2026-11-30"}
    assert (await done(client, ticket, "/measures", **body))["measures"][0]["state"] == "planned"
    clock.advance(days=3)
    assert await announce() == 1
    types = [event["type"].removeprefix("report.measure_") for event in await told(client, seal, "report.measure_")]
    assert types == ["due", "late", "due"]


async def test_a_cancelled_tickets_measures_are_not_announced(
    client: AsyncClient, clock: FakeClock, announce: Any
) -> None:
    ticket = await complain(client)
    await propose(client, ticket, "production")
    await move(client, ticket, "cancel")
    clock.advance(days=5)
    assert await announce() == 0
    assert await announce() == 0


async def test_a_measure_is_marked_done_by_its_department_and_not_ahead_of_time(client: AsyncClient) -> None:
    ticket = await complain(client)
    await propose(client, ticket, "production")
    missing = await step(client, ticket, "/measures/done", department="research_institute", staff_no="1")
    assert check_problem(missing, 422, "validation_failed")["errors"][0]["code"] == "not_asked"
    ahead = await step(client, ticket, "/measures/done", department="production", staff_no="1", done_on="2026-11-23")
    assert check_problem(ahead, 422, "validation_failed")["errors"][0]["pointer"] == "#/done_on"
    report = await done(client, ticket, "/measures/done", department="production", staff_no="7203")
    [row] = report["measures"]
    assert (row["state"], row["done_on"], row["done_by"]) == ("done", "2026-11-22", "7203")
    report = await propose(client, ticket, "production", "又改了")  # a revised measure is not done
    assert report["measures"][0]["state"] == "planned"


async def test_a_measure_of_a_ticket_with_a_test_clock_is_announced_by_that(
    client: AsyncClient, clock: FakeClock, announce: Any
) -> None:
    body = {"business_line": "components", "now": "2026-11-22T04:00:00Z"}
    test_clock = (await client.post("/v1/test-clocks", json=body)).json()
    ticket = await complain(client, test_clock=test_clock["id"])
    await propose(client, ticket, "production")  # due on the 25th
    clock.advance(days=30)
    assert await announce() == 0
    await client.post(f"/v1/test-clocks/{test_clock['id']}/advance", json={"by_seconds": 3 * 86_400})
    assert await announce() == 1
    assert (await report_of(client, ticket))["measures"][0]["state"] == "due"
