"""The second barrier: whatever a query forgets, PostgreSQL shows and takes the rows of the transaction's lines only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.core.db import Database, sqlstate
from app.core.row_security import APP_ROLE

_INSUFFICIENT_PRIVILEGE = "42501"

_OF_LINES = """
    SELECT DISTINCT attrelid::regclass::text AS name, relrowsecurity AND relforcerowsecurity AS forced,
        EXISTS (SELECT FROM pg_policy WHERE polrelid = attrelid) AS judged
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
        AND attname IN ('business_line_id', 'business_line_ids') AND NOT attisdropped
"""


@asynccontextmanager
async def raw(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the application's role, without any setting."""
    plain = url.replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(plain, server_settings={"role": APP_ROLE})
    try:
        yield connection
    finally:
        await connection.close()


async def test_R16_every_table_with_rows_of_a_line_has_a_forced_policy(db: Database) -> None:
    async with db.begin() as session:
        tables = (await session.execute(text(_OF_LINES))).all()
    assert len(tables) >= 25
    open_to_all = [table.name for table in tables if not (table.forced and table.judged)]
    assert open_to_all == [], "their migrations must execute app.core.row_security.protection(table)"


async def test_every_table_that_belongs_to_one_of_a_line_says_whose_it_is(db: Database) -> None:
    """A row that hangs on a protected one carries the line itself."""
    async with db.begin() as session:
        named = {row.name for row in await session.execute(text(_OF_LINES))}
        children = await session.execute(
            text("SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'")
        )
        assert [(child, parent) for child, parent in children if parent in named and child not in named] == []


async def test_R16_the_application_acts_as_a_role_that_owns_nothing_and_passes_no_barrier(db: Database) -> None:
    async with db.begin() as session:
        role = (
            await session.execute(
                text(
                    "SELECT rolname, rolsuper, rolbypassrls, "
                    "EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid) AS owns "
                    "FROM pg_roles WHERE rolname = current_user"
                )
            )
        ).one()
    assert tuple(role) == (APP_ROLE, False, False, False)


async def test_R16_without_the_setting_no_row_is_seen(database_url: str, lines: dict[str, UUID]) -> None:
    async with raw(database_url) as connection:
        for table in await connection.fetch(_OF_LINES):
            assert await connection.fetchval(f"SELECT count(*) FROM {table['name']}") == 0, table
        async with connection.transaction():
            await connection.execute("SET LOCAL app.lines = '*'")
            assert await connection.fetchval("SELECT count(*) FROM ticket") == 2
        assert await connection.fetchval("SELECT count(*) FROM ticket") == 0  # the setting ended with its transaction


@pytest.mark.parametrize("table", ["ticket", "ticket_commitment", "timeline_entry", "ticket_assignment", "event"])
async def test_with_a_line_only_its_rows_are_seen(db: Database, lines: dict[str, UUID], table: str) -> None:
    async with db.limited_to([lines["mall"]]).begin() as session:
        seen = set(await session.scalars(text(f"SELECT business_line_id FROM {table}")))
    assert seen == {lines["mall"]}
    async with db.limited_to([]).begin() as session:
        assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


async def test_transactions_on_one_connection_do_not_share_their_lines(db: Database, lines: dict[str, UUID]) -> None:
    for name in ("mall", "tableware", "mall"):
        async with db.limited_to([lines[name]]).read() as session:
            assert await session.scalar(text("SELECT business_line_id FROM ticket")) == lines[name]
    async with db.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM ticket")) == 2


async def test_a_row_is_not_written_to_a_foreign_line(db: Database, lines: dict[str, UUID]) -> None:
    statements = [
        "INSERT INTO test_clock (id, business_line_id, name, now, version, created_at) "
        "VALUES (gen_random_uuid(), :line, 'x', now(), 1, now())",
        "UPDATE ticket SET business_line_id = :line",
    ]
    for statement in statements:
        with pytest.raises(ProgrammingError) as refused:
            async with db.limited_to([lines["mall"]]).begin() as session:
                await session.execute(text(statement), {"line": lines["tableware"]})
        assert sqlstate(refused.value) == _INSUFFICIENT_PRIVILEGE, statement


async def test_a_foreign_row_is_neither_changed_nor_deleted(db: Database, lines: dict[str, UUID]) -> None:
    async with db.limited_to([lines["mall"]]).begin() as session:
        changed = await session.scalars(text("UPDATE ticket SET version = version + 1 RETURNING business_line_id"))
        assert set(changed) == {lines["mall"]}
        foreign = {"line": lines["tableware"]}
        deleted = await session.scalars(
            text("DELETE FROM ticket_assignment WHERE business_line_id = :line RETURNING id"), foreign
        )
        assert deleted.all() == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT FROM ticket_search WHERE tokens @> ARRAY['破损']", "ix_ticket_search_tokens"),
        ("SELECT FROM ticket WHERE product ->> 'order_no' = 'A'", "ix_ticket_order_no"),
        ("SELECT FROM ticket WHERE product ->> 'batch' = 'A'", "ix_ticket_batch"),
        ("SELECT FROM ticket WHERE product ->> 'model' = 'A'", "ix_ticket_model"),
        ("SELECT FROM ticket WHERE phone_hash = 'A'", "ix_ticket_phone"),
        ("SELECT FROM ticket_commitment WHERE next_fire_at < now() AND test_clock_id IS NULL", "_commitment_timer"),
    ],
)
async def test_the_barrier_leaves_searches_their_indexes(
    db: Database, lines: dict[str, UUID], query: str, index: str
) -> None:
    async with db.limited_to(lines.values()).begin() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(await session.scalars(text(f"EXPLAIN (COSTS OFF) {query}")))
    condition = plan.partition(index)[2]
    assert "Cond" in condition, plan


@pytest.mark.parametrize("table", ["timeline_entry", "access_log"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {}"])
async def test_R29_the_service_cannot_change_or_delete_its_audit_records(
    db: Database, lines: dict[str, UUID], table: str, statement: str
) -> None:
    with pytest.raises(ProgrammingError) as refused:
        async with db.begin() as session:
            await session.execute(text(statement.format(table)))
    assert sqlstate(refused.value) == _INSUFFICIENT_PRIVILEGE
