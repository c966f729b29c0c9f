"""The second barrier between business lines: PostgreSQL shows and takes the rows of a transaction's lines only.

Every connection acts as `APP_ROLE`, which owns nothing, and every transaction begins with `SET LOCAL app.lines`: the
ids of the lines it may touch, `*` for all. For a statement without a transaction the session is set (`Link.keep_to`).
Without the setting no row is visible.
"""

from collections.abc import Iterable
from uuid import UUID

APP_ROLE = "aftersales_app"
ALL_LINES = "*"

_SETTING = "current_setting('app.lines', true)"
# In sub-selects, so that they are read once a statement, not once a row. After a transaction it may be empty.
_ALL = f"(SELECT {_SETTING} = '{ALL_LINES}')"
_LINES = f"(SELECT nullif(nullif({_SETTING}, '{ALL_LINES}'), '')::uuid[])"


def lines_setting(lines: Iterable[UUID]) -> str:
    """Return the value of `app.lines` that stands for these lines; it needs no quoting."""
    return "{" + ",".join(str(line) for line in lines) + "}"


def protection(table: str, column: str = "business_line_id") -> str:
    """Return the statement that a migration executes for each new table with rows of business lines.

    column: an id of a line, or with a name in `_ids` the list of several: a row is then for those who have all of them.
    """
    test = f"{column} <@ {_LINES}::uuid[]" if column.endswith("_ids") else f"{column} = ANY ({_LINES}::uuid[])"
    return f"""\
DO $$ BEGIN
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY lines ON {table} USING ({_ALL} OR {test});
END $$"""


def no_protection(table: str) -> str:
    """Return the statement that undoes `protection`, for a downgrade that keeps the table."""
    return f"""\
DO $$ BEGIN
    DROP POLICY lines ON {table};
    ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
END $$"""
