"""Serials that processes take ahead of one sequence: each is given out once, whoever asks, and however many at once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import Sequence, event

from app.core.db import Database
from app.core.serials import Serials
from app.core.settings import Settings
from app.models.tickets import TICKET_NUMBER

SHARE = 7


@pytest.fixture
async def one(settings: Settings) -> AsyncIterator[Database]:
    """A database over a single connection."""
    db = Database(settings.model_copy(update={"pool_size": 1}))
    yield db
    await db.dispose()


async def test_those_who_ask_at_once_get_a_number_each_with_none_left_out(one: Database) -> None:
    serials = Serials(TICKET_NUMBER, share=SHARE)
    given = await asyncio.gather(*(serials.next(one) for _ in range(5 * SHARE)))
    assert sorted(given) == list(range(1, 5 * SHARE + 1))


async def test_processes_take_blocks_of_their_own(one: Database) -> None:
    processes = [Serials(TICKET_NUMBER, share=SHARE) for _ in range(2)]
    given = [await processes[turn % 2].next(one) for turn in range(2 * SHARE)]
    assert sorted(given) == list(range(1, 2 * SHARE + 1))


async def test_those_who_wait_fail_together(one: Database) -> None:
    serials, asked = Serials(Sequence("nowhere"), share=SHARE), 0

    def count(*_: object) -> None:
        nonlocal asked
        asked += 1

    event.listen(one.engine.sync_engine, "checkout", count)
    told = await asyncio.gather(*(serials.next(one) for _ in range(5)), return_exceptions=True)
    assert {type(each) for each in told} == {asyncpg.UndefinedTableError}
    assert asked == 1


async def test_who_is_cancelled_takes_no_numbers_from_the_others(one: Database) -> None:
    serials = Serials(TICKET_NUMBER, share=SHARE)
    waiting = [asyncio.create_task(serials.next(one)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert [await other for other in waiting[1:]] == [1, 2]


async def test_a_number_that_could_not_be_had_holds_up_no_later_one(one: Database, database_url: str) -> None:
    serials = Serials(Sequence("made_later"), share=SHARE)
    with pytest.raises(asyncpg.UndefinedTableError):
        await serials.next(one)
    owner = await asyncpg.connect(database_url.replace("postgresql+asyncpg", "postgresql"))
    await owner.execute("CREATE SEQUENCE made_later; GRANT USAGE ON SEQUENCE made_later TO PUBLIC")
    await owner.close()
    assert await serials.next(one) == 1
