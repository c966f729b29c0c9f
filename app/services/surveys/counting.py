"""Adding up what surveys say: by day for good, with the changes since on top."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, SQLColumnExpression, func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.satisfaction import DIMENSIONS, FIGURES, SATISFACTION_CHANGE, SATISFACTION_DAY

_TAKEN = ", ".join(FIGURES)
_ADDED = ", ".join(f"{name} = satisfaction_day.{name} + excluded.{name}" for name in FIGURES)
_KEYS = ", ".join(f"('{dimension}', {column or repr('')})" for dimension, column in DIMENSIONS.items())
# In the order of its key, so that two workers wait for each other instead of for ever.
_FOLD = text(f"""
    WITH taken AS (
        DELETE FROM satisfaction_change WHERE id IN (
            SELECT id FROM satisfaction_change ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING *
    ), added AS (
        INSERT INTO satisfaction_day (business_line_id, dimension, day, kind, key, {_TAKEN})
        SELECT business_line_id, dimension, day, kind, key, {", ".join(f"sum({name})" for name in FIGURES)}
        FROM taken, LATERAL (VALUES {_KEYS}) AS by (dimension, key)
        GROUP BY business_line_id, dimension, day, kind, key
        ORDER BY business_line_id, dimension, day, kind, key
        ON CONFLICT (business_line_id, dimension, day, kind, key) DO UPDATE SET {_ADDED}
    )
    SELECT count(*) FROM taken
""")  # noqa: S608 — names of our own


async def fold_changes(session: AsyncSession, *, limit: int = 1000) -> int:
    """Add up to `limit` changes to their days; return how many there were."""
    folded: int = (await session.execute(_FOLD, {"limit": limit})).scalar_one()
    return folded


class Counted:
    """The surveys that customers of some lines were invited to in a period, by Shanghai days, both inclusive."""

    def __init__(self, lines: Sequence[UUID], since: date, until: date, kind: str | None) -> None:
        self.lines, self.since, self.until, self.kind = lines, since, until, kind

    def by(self, dimension: str, key: str | SQLColumnExpression[Any] = "key") -> Select[Any]:
        """Select key and figures of each group of a dimension: by its key, or by an expression of the columns.

        key: a column of `line`, `day`, `kind` and `key`, by its name.
        """
        both = union_all(self._days(dimension), self._changes(dimension)).subquery("counted")
        by = both.c[key] if isinstance(key, str) else key
        figures = [func.sum(both.c[name]).label(name) for name in FIGURES]
        selected: list[SQLColumnExpression[Any]] = [by.label("key"), *figures]
        return select(*selected).select_from(both).group_by(by).having(func.sum(both.c.invited) != 0)

    def _days(self, dimension: str) -> Select[Any]:
        table = SATISFACTION_DAY.c
        chosen = select(
            table.business_line_id, table.day, table.kind, table.key, *(table[name] for name in FIGURES)
        ).where(table.dimension == dimension)
        return self._chosen(chosen, table)

    def _changes(self, dimension: str) -> Select[Any]:
        table, column = SATISFACTION_CHANGE.c, DIMENSIONS[dimension]
        key = literal("") if column is None else table[column]
        figures = [table[name] for name in FIGURES]
        return self._chosen(select(table.business_line_id, table.day, table.kind, key.label("key"), *figures), table)

    def _chosen(self, rows: Select[Any], table: Any) -> Select[Any]:
        rows = rows.where(table.business_line_id.in_(self.lines), table.day.between(self.since, self.until))
        return rows if self.kind is None else rows.where(table.kind == self.kind)
