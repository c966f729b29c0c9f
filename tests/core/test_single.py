"""A statement that is sent alone: under the caller's lines only, and on a connection that is fit for it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import bindparam, func, insert, literal, select, text, true

from app.core.db import Base, Database
from app.core.errors import DatabaseUnavailable, ServerBusy
from app.core.links import Link
from app.core.settings import Settings
from app.core.single import Prepared
from app.models.business_lines import BusinessLine
from app.models.tickets import Ticket
from tests.reliability.harness import until

TICKET, LINE = (Base.metadata.tables[model.__tablename__] for model in (Ticket, BusinessLine))
WHOSE = Prepared(select(TICKET.c.business_line_id, TICKET.c.product).where(TICKET.c.number != bindparam("number")))
SLOW = Prepared(select(TICKET.c.business_line_id, func.pg_sleep(bindparam("seconds"))).where(true()))
_END = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_COLUMNS = [column.name for column in LINE.c]
BROKEN = Prepared(select(literal(1) / func.length(bindparam("word"))))


@pytest.fixture(params=[False, True], ids=["a message", "a transaction"])
async def one(request: pytest.FixtureRequest, settings: Settings, lines: dict[str, UUID]) -> AsyncIterator[Database]:
    """A database over a single connection, as without and with PgBouncer; there is a ticket in each line."""
    db = Database(settings.model_copy(update={"pool_size": 1, "pgbouncer": request.param}))
    yield db
    await db.dispose()


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the server's owner, who may end those of others."""
    connection = await asyncpg.connect(database_url.replace("postgresql+asyncpg", "postgresql"))
    yield connection
    await connection.close()


async def seen(db: Database, line: UUID) -> set[UUID]:
    return {row.business_line_id for row in await db.limited_to([line]).fetch(WHOSE, number="")}


async def test_R16_statements_on_one_connection_do_not_share_their_lines(one: Database, lines: dict[str, UUID]) -> None:
    for name in ("mall", "tableware", "mall", "mall", "tableware"):
        assert await seen(one, lines[name]) == {lines[name]}
    assert await one.limited_to([]).fetch(WHOSE, number="") == []
    assert len(await one.fetch(WHOSE, number="")) == 2


async def test_R16_statements_and_transactions_on_one_connection_do_not_share_their_lines(
    one: Database, lines: dict[str, UUID]
) -> None:
    for alone, together in (("mall", "tableware"), ("tableware", "mall")):
        assert await seen(one, lines[alone]) == {lines[alone]}
        async with one.limited_to([lines[together]]).begin() as session:
            assert await session.scalar(text("SELECT business_line_id FROM ticket")) == lines[together]
        assert await seen(one, lines[alone]) == {lines[alone]}


async def test_R16_a_statement_cut_short_anywhere_leaves_no_lines_to_the_next(
    one: Database, lines: dict[str, UUID]
) -> None:
    await seen(one, lines["mall"])
    for turns in range(25):  # of the event loop: in the setting, in the statement, after both
        cut = asyncio.create_task(seen(one, lines["tableware"]))
        for _ in range(turns):
            await asyncio.sleep(0)
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        assert await seen(one, lines["mall"]) == {lines["mall"]}


async def test_R16_a_statement_that_fails_leaves_no_lines_to_the_next(one: Database, lines: dict[str, UUID]) -> None:
    for failing, next_one in (("mall", "tableware"), ("tableware", "tableware")):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await one.limited_to([lines[failing]]).fetch(BROKEN, word="")
        assert await seen(one, lines[next_one]) == {lines[next_one]}


async def test_R16_a_setting_that_failed_is_not_taken_for_made(settings: Settings) -> None:
    db = Database(settings)
    held = await db.engine.raw_connection()
    link: Link = held.driver_connection  # type: ignore[assignment]
    for _ in range(2):
        with pytest.raises(asyncpg.CharacterNotInRepertoireError):
            await link.keep_to("no\0setting")
    held.close()
    await db.dispose()


async def test_a_statement_has_the_time_limit_of_any(settings: Settings, lines: dict[str, UUID]) -> None:
    db = Database(settings.model_copy(update={"pool_size": 1, "statement_timeout_seconds": 0.5}))
    with pytest.raises(ServerBusy):
        await db.fetch(SLOW, seconds=30)
    assert len(await db.fetch(WHOSE, number="")) == 2
    await db.dispose()


async def test_a_connection_that_ends_in_a_statement_is_told_and_made_anew(
    one: Database, server: asyncpg.Connection
) -> None:
    cut = asyncio.create_task(one.fetch(SLOW, seconds=60))
    await until(lambda: server.fetchval(_END + " AND wait_event = 'PgSleep'"), "the statement is under way")
    with pytest.raises(DatabaseUnavailable):
        await cut
    assert len(await one.fetch(WHOSE, number="")) == 2


async def test_a_connection_that_ended_while_idle_is_made_anew(one: Database, server: asyncpg.Connection) -> None:
    await one.fetch(WHOSE, number="")
    await server.execute(_END)
    await asyncio.sleep(0.1)  # until it is heard of
    assert len(await one.fetch(WHOSE, number="")) == 2
    async with one.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM ticket")) == 2


async def test_a_value_that_the_statement_does_not_take_is_our_own_mistake(one: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        await one.fetch(WHOSE, number=1)
    assert len(await one.fetch(WHOSE, number="")) == 2


async def test_what_writes_is_committed_or_not_at_all(one: Database) -> None:
    writing = Prepared(insert(LINE).values({name: bindparam(name) for name in _COLUMNS}).returning(LINE.c.name))
    values = {"id": uuid4(), "name": "another", "policy": "mall", "created_at": datetime(2026, 11, 22, tzinfo=UTC)}
    assert [row.name for row in await one.fetch(writing, **values)] == ["another"]
    with pytest.raises(asyncpg.UniqueViolationError):
        await one.fetch(writing, **values)
    async with one.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM business_line WHERE name = 'another'")) == 1
