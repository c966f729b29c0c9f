"""The plan PostgreSQL makes for the very statement that a request runs."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event

from app.core.db import Database


async def explained(
    db: Database, request: Callable[[], Awaitable[object]], table: str, *, analyse: bool = False
) -> list[str]:
    """Return, line by line, the plan of the last statement of a request that reads a table."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if f"FROM {table}" in statement:
            seen.append((statement, parameters))

    engine = db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await request()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    statement, parameters = seen[-1]
    options = "ANALYZE, BUFFERS" if analyse else "COSTS OFF"
    async with db.begin() as session:
        plan = await (await session.connection()).exec_driver_sql(f"EXPLAIN ({options}) {statement}", parameters)
    return [line for (line,) in plan]
