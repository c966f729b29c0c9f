"""What a database holds, column by column, and whether a migration keeps it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from alembic.script import ScriptDirectory

from app.core.schema import MIGRATIONS, migrate
from tests.http.service import connect_beside

_COLUMNS = """
    SELECT relname AS table_name, array_agg(quote_ident(attname) ORDER BY attnum) AS columns,
        (SELECT array_agg(quote_ident(part.attname) ORDER BY part.attnum)
         FROM pg_index JOIN pg_attribute part ON part.attrelid = indrelid AND part.attnum = ANY(indkey)
         WHERE indrelid = pg_class.oid AND indisprimary) AS key
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    GROUP BY pg_class.oid, relname
"""


@dataclass(frozen=True)
class Content:
    """How many rows each table has, and a checksum of each column under the rows' keys, in no order."""

    rows: dict[str, int]
    columns: dict[tuple[str, str], int]

    def lost_in(self, other: "Content", *, but: Collection[str] = ()) -> list[str]:
        """Return what both have room for and do not hold alike; tables in `but` may differ."""
        tables = [
            f"{table}: {rows} rows, then {other.rows[table]}"
            for table, rows in self.rows.items()
            if table not in but and other.rows.get(table, rows) != rows
        ]
        columns = [
            f"{table}.{column}"
            for (table, column), sum_ in self.columns.items()
            if table not in but and other.columns.get((table, column), sum_) != sum_
        ]
        return tables + columns


async def content_of(url: str) -> Content:
    """Read every table as the owner, whom row-level security shows all lines here."""
    rows: dict[str, int] = {}
    columns: dict[tuple[str, str], int] = {}
    connection = await connect_beside(url)
    try:
        for table in await connection.fetch(_COLUMNS):
            key = "hashtextextended(concat_ws('|', " + ", ".join(f"{part}::text" for part in table["key"]) + "), 0)"
            sums = ", ".join(
                f"coalesce(bit_xor(hashtextextended(coalesce({column}::text, '\\N'), of_row)), 0)"
                for column in table["columns"]
            )
            rows_with_key = f"(SELECT *, {key} AS of_row FROM {table['table_name']} OFFSET 0) keyed"
            found = await connection.fetchrow(f"SELECT count(*), {sums} FROM {rows_with_key}", timeout=600)
            name = table["table_name"]
            rows[name] = found[0]
            columns |= {(name, column): found[n] for n, column in enumerate(table["columns"], 1)}
    finally:
        await connection.close()
    return Content(rows, columns)


# Rows an older schema has no place for, which its downgrade therefore deletes.
NO_PLACE = {
    "0025": {"survey"},  # surveys of a campaign, which are about no ticket
    "0037": {"satisfaction_day", "satisfaction_change"},  # counted anew on the way up
}


def revisions() -> list[str]:
    """All revisions but the first, which makes the tables; the newest first."""
    return [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][:-1]


async def down_up_down(url: str, revision: str, content: Content) -> Content:
    """Take the newest revision of a database back, do it, and take it back again; return what the database holds.

    content: what it holds at first.
    """
    await asyncio.to_thread(migrate, url, "-1")
    before = await content_of(url)
    elsewhere = NO_PLACE.get(revision, ())
    assert content.lost_in(before, but=elsewhere) == [], f"{revision} down"
    await asyncio.to_thread(migrate, url, "+1")
    assert before.lost_in(await content_of(url), but=elsewhere) == [], f"{revision} up"
    await asyncio.to_thread(migrate, url, "-1")
    assert await content_of(url) == before, f"{revision} down again"
    return before
