"""One statement in one message: on the driver's own connection, with no BEGIN and COMMIT around it."""

from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
from sqlalchemy import BindParameter, Select, UpdateBase
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from app.core.links import Link

_DIALECT = dialect()  # type: ignore[no-untyped-call]


class Row(asyncpg.Record):  # type: ignore[misc,unused-ignore]
    """A row of a result. Its columns are attributes too, which to read takes eight times as long as by name."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Prepared:
    """A statement of SQLAlchemy Core as the driver takes it, compiled once: when its module is, if nothing varies.

    What a statement with defaults of the ORM's would add to a row is not added. Documents (`jsonb`) are given as
    values, and come back as such unless the statement casts them to text.
    """

    def __init__(self, statement: Select[Any] | UpdateBase) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        self.statement = statement  # to be run in a transaction with others
        self.text = str(compiled)
        self._parameters = [
            (name, compiled.params[name], _processor(compiled.binds.get(name))) for name in compiled.positiontup or ()
        ]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the statement's order; those left out are the statement's own."""
        given = ((values.get(name, own), process) for name, own, process in self._parameters)
        return [value if process is None else process(value) for value, process in given]


def _processor(parameter: BindParameter[Any] | None) -> Callable[[Any], Any] | None:
    """Return what makes of a value what the driver takes; an `IN`'s values go as given."""
    if parameter is None:
        return None
    processor: Callable[[Any], Any] | None = parameter.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return processor


async def fetch(
    engine: AsyncEngine, lines: str, prepared: Prepared, values: Mapping[str, Any], *, one_message: bool
) -> list[Row]:
    """Run a statement on rows of these lines; it is committed when it returns, if it writes.

    Without `one_message` it has a transaction of its own: through PgBouncer a setting of the session is not kept.
    """
    held = await engine.raw_connection()
    rows: list[Row]
    link: Link = held.driver_connection  # type: ignore[assignment]
    try:
        if one_message:
            await link.keep_to(lines)
            rows = await link.fetch(prepared.text, *prepared.arguments(values), record_class=Row)
        else:
            link.lines = lines
            async with link.transaction():
                rows = await link.fetch(prepared.text, *prepared.arguments(values), record_class=Row)
    except asyncpg.PostgresError:
        held.close()
        raise
    except BaseException as error:
        # Cancelled, timed out or cut off: what the server makes of it is not known.
        await greenlet_spawn(held.invalidate, error)
        raise
    held.close()
    return rows


def renew_closed(connection: Any, _record: object, _holder: object) -> None:
    """Have the pool connect anew in place of a connection that ended while nobody used it: an event of its checkout."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
