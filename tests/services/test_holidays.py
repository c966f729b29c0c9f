"""Holidays that change under open deadlines: what they touch is counted again, once, and nothing else."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import select, update

from app.core.db import Database
from app.core.ids import id_from
from app.core.metrics import WORKER_ERRORS
from app.core.settings import Settings
from app.models.tickets import Ticket, TicketCommitment
from app.services.directory import Known
from app.services.holidays import follow_holidays
from app.services.policy_book import SHIPPED, PolicyBook
from app.services.tickets.clocks import running
from app.services.upkeep import recount
from tests.conftest import FakeClock
from tests.http.test_ticket_moves import commitment, move
from tests.http.test_tickets import take


@pytest.fixture(scope="session")
def announced(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Known]:
    """Return what a release knows in which Monday is off, Saturday is worked, or 2027 is confirmed as it stands."""
    texts = {
        "monday": ("2026-10-07,\n", "2026-10-07, 2026-11-23,\n"),
        "saturday": ("2026-10-10,\n", "2026-10-10, 2026-11-28,\n"),
        "2027": (
            "year = 2027\nconfirmed = false\n",
            'year = 2027\nconfirmed = true\nnotice = "国办发明电"\n',
        ),
    }
    made: dict[str, Known] = {}

    def known(names: str) -> Known:
        if names not in made:
            folder = Path(shutil.copytree(SHIPPED, tmp_path_factory.mktemp("policies") / "policies"))
            file = folder / "law/holidays.toml"
            text = file.read_text(encoding="utf-8")
            for name in names.split():
                assert text.count(texts[name][0]) == 1
                text = text.replace(*texts[name])
            file.write_text(text, encoding="utf-8")
            made[names] = Known(PolicyBook.load(folder))
        return made[names]

    return known


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sandbox": True})


@pytest.fixture
async def before(app: FastAPI, db: Database, clock: FakeClock) -> Known:
    """What this application knows; a worker of its release has been at work."""
    known: Known = await app.state.kit.directory.known()
    assert await recount(db, known, clock()) == 0
    return known


async def all_of(db: Database, known: Known, clock: FakeClock) -> int:
    """Do a worker's rounds until there is nothing to do; return how many tickets it looked at."""
    total = 0
    while looked_at := await recount(db, known, clock()):
        total += looked_at
    return total


async def shown(client: AsyncClient, ticket: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = (await client.get(f"/v1/tickets/{ticket['number']}")).json()
    return document


async def email_due(client: AsyncClient, ticket: dict[str, Any]) -> str:
    due: str = commitment(await shown(client, ticket), "email_reply")["due_at"]
    return due


async def noted(client: AsyncClient, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await client.get(f"/v1/tickets/{ticket['number']}/timeline")).json()["items"])[1:]


async def test_what_is_touched_follows_and_says_so_and_nothing_else_moves(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known], seal: Any
) -> None:
    touched = await take(client, channel="email")
    plain = await take(client)
    past = await take(client, channel="email", opened_at="2026-11-16T09:00:00+08:00")
    done = await take(client, channel="email")
    await move(client, done, "resolve")
    old, new = "2026-11-23T08:30:00.000Z", "2026-11-24T08:30:00.000Z"
    assert await email_due(client, touched) == old
    assert await all_of(db, before, clock) == 0
    assert await all_of(db, announced("monday"), clock) == 1
    after = await shown(client, touched)
    deadline = commitment(after, "email_reply")
    assert (deadline["due_at"], deadline["state"], after["version"]) == (new, "running", 2)
    assert "2026-11-24 16:30 前邮件回复" in after["promise"]["zh"]
    told = {
        "cause": "holidays",
        "deadlines": [{"commitment_id": deadline["id"], "milestone": "email_reply", "before": old, "due_at": new}],
    }
    [entry] = await noted(client, touched)
    assert (entry["kind"], entry["author"], entry["visibility"]) == ("changed", "system", "internal")
    assert entry["data"] == told
    await seal()
    [event] = (await client.get("/v1/events", params={"types": "ticket.changed"})).json()["items"]
    assert event["data"].items() >= (told | {"changed": ["commitments"]}).items()
    for ticket in (plain, past):
        assert (await shown(client, ticket))["version"] == 1
    async with db.begin() as session:
        timer = await session.scalar(
            select(TicketCommitment.next_fire_at).where(TicketCommitment.due_at == datetime.fromisoformat(new))
        )
    assert timer == datetime.fromisoformat("2026-11-24T12:30+08:00")  # half the eight hours of Tuesday


async def test_a_ticket_on_a_test_clock_learns_of_it_in_its_own_time(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known]
) -> None:
    made = await client.post("/v1/test-clocks", json={"business_line": "tableware", "now": "2026-11-21T04:00:00Z"})
    ticket = await take(client, channel="email", test_clock=made.json()["id"])
    clock.advance(days=2)
    assert await all_of(db, announced("monday"), clock) == 1
    after = await shown(client, ticket)
    assert (after["version"], after["updated_at"]) == (2, "2026-11-21T04:00:00.000Z")
    assert "2026-11-24 16:30 前邮件回复" in after["promise"]["zh"]
    [entry] = await noted(client, ticket)
    assert entry["at"] == "2026-11-21T04:00:00.000Z"


async def test_what_was_used_and_paused_is_kept(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known]
) -> None:
    clock.now = datetime.fromisoformat("2026-11-20T16:30+08:00")  # a Friday, an hour before closing
    ticket = await take(client, channel="email")
    waiting = await take(client, channel="email")
    for each in (ticket, waiting):
        await move(client, each, "start")
    clock.now = datetime.fromisoformat("2026-11-23T09:00+08:00")
    for each in (ticket, waiting):
        await move(client, each, "wait")
    clock.now = datetime.fromisoformat("2026-11-24T10:00+08:00")
    resumed = commitment(await move(client, ticket, "resume"), "email_reply")
    # 1.5 h used and 9 − 0.5 + 1.5 h paused
    assert (resumed["used_seconds"], resumed["paused_seconds"]) == (5400, 36_000)
    assert resumed["due_at"] == "2026-11-24T08:30:00.000Z"
    assert await all_of(db, announced("monday"), clock) == 2
    after = commitment(await shown(client, ticket), "email_reply")
    assert after["due_at"] == "2026-11-24T09:00:00.000Z"  # Friday's hour is used, and seven go on from Tuesday 10:00
    async with db.begin() as session:
        row = await session.get_one(TicketCommitment, id_from("cmt", after["id"]))
    time = announced("monday").edition("tableware", "1").time
    used, paused = running(row).used_seconds(clock(), time), running(row).paused_seconds(clock(), time)
    assert (used, paused) == (3600, 5400)  # Monday is closed: of the pause only Tuesday's part counts
    still = commitment(await shown(client, waiting), "email_reply")
    assert (still["state"], still["due_at"]) == ("paused", "2026-11-24T07:30:00.000Z")


async def test_a_year_that_is_confirmed_as_it_was_is_noted_without_a_word(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known], seal: Any
) -> None:
    clock.now = datetime.fromisoformat("2026-12-31T16:30+08:00")
    ticket = await take(client, channel="email")
    assert commitment(ticket, "email_reply")["calendar_confirmed"] is False
    assert await all_of(db, announced("2027"), clock) == 1
    after = await shown(client, ticket)
    deadline = commitment(after, "email_reply")
    assert deadline["calendar_confirmed"] is True
    assert deadline["due_at"] == commitment(ticket, "email_reply")["due_at"]
    assert (after["version"], await noted(client, ticket)) == (1, [])


async def test_workers_at_once_do_it_once_and_one_that_dies_has_done_nothing(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known]
) -> None:
    tickets = [await take(client, channel="email") for _ in range(12)]
    known = announced("monday")

    with pytest.raises(RuntimeError):
        await _die(db, known, clock)
    await asyncio.gather(*(all_of(db, known, clock) for _ in range(4)))
    await all_of(db, known, clock)
    for ticket in tickets:
        assert (await shown(client, ticket))["version"] == 2
        assert len(await noted(client, ticket)) == 1


async def _die(db: Database, known: Known, clock: FakeClock) -> None:
    async with db.begin() as session:
        assert await follow_holidays(session, known, now=clock()) == 12
        raise RuntimeError("killed")


async def test_a_ticket_that_cannot_be_counted_stops_no_other(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known]
) -> None:
    bad, good = await take(client, channel="email"), await take(client, channel="email")
    async with db.begin() as session:
        await session.execute(update(Ticket).where(Ticket.number == bad["number"]).values(policy_version="lost"))
    failures = WORKER_ERRORS.labels("follow holidays")
    failed = failures._value.get()
    assert await all_of(db, announced("monday"), clock) == 2
    assert failures._value.get() == failed + 1
    assert await email_due(client, good) == "2026-11-24T08:30:00.000Z"


async def test_an_older_release_beside_a_newer_one_changes_nothing_back(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known]
) -> None:
    ticket = await take(client, channel="email")
    new = announced("monday")
    for _ in range(40):
        await all_of(db, new, clock)
        assert await all_of(db, before, clock) == 0
        clock.advance(minutes=1)
    assert len(await noted(client, ticket)) == 1
    late = await take(client, channel="email")  # by a process of the older release
    assert await email_due(client, late) == "2026-11-23T08:30:00.000Z"
    clock.advance(minutes=30)
    assert await all_of(db, new, clock) == 2  # the second pass, when the release is over
    assert await email_due(client, late) == "2026-11-24T08:30:00.000Z"
    assert (len(await noted(client, ticket)), len(await noted(client, late))) == (1, 1)
    clock.advance(hours=2)
    assert await all_of(db, new, clock) == 0


async def test_a_release_that_is_taken_back_takes_its_holidays_with_it(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known]
) -> None:
    ticket = await take(client, channel="email")
    assert await all_of(db, announced("monday"), clock) == 1
    clock.advance(minutes=14)
    assert await all_of(db, before, clock) == 0
    clock.advance(minutes=1)
    assert await all_of(db, before, clock) == 1
    assert await email_due(client, ticket) == "2026-11-23T08:30:00.000Z"


async def test_a_change_before_the_last_one_was_seen_to_is_not_forgotten(
    client: AsyncClient, db: Database, clock: FakeClock, before: Known, announced: Callable[[str], Known]
) -> None:
    monday = await take(client, channel="email")
    clock.now = datetime.fromisoformat("2026-11-27T16:30+08:00")  # Friday
    weekend = await take(client, channel="email")
    first = announced("monday")
    async with db.begin() as session:  # adopted, and then its worker went away before it had come to any ticket
        await session.execute(update(Ticket).values(policy_version="lost"))
    assert await recount(db, first, clock()) == 1
    async with db.begin() as session:
        await session.execute(update(Ticket).values(policy_version="1"))
    assert await all_of(db, announced("monday saturday"), clock) == 2
    assert await email_due(client, monday) == "2026-11-24T08:30:00.000Z"
    assert await email_due(client, weekend) == "2026-11-28T07:30:00.000Z"
