"""Connections to PostgreSQL: to the host that takes writes, and through a PgBouncer that lends one per transaction."""

import asyncio
from asyncio import Future
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import asyncpg

from app.core.row_security import APP_ROLE
from app.core.settings import Settings

_CONNECT_SECONDS: Final = 2.0


class Link(asyncpg.Connection):  # type: ignore[type-arg,misc,unused-ignore]
    """A connection that says with each BEGIN, in the same message, which lines' rows the transaction may touch.

    What is sent outside a transaction may touch rows of the lines that the session was told to keep to.
    """

    lines = ""
    settings: ClassVar[str] = ""  # what else must be said of each transaction
    _kept_to: str | None = ""  # None: not known

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        if query.startswith("BEGIN"):
            query = f"{query} {self.settings}SET LOCAL app.lines = '{self.lines}';"
        return str(await super().execute(query, *args, **options))

    async def keep_to(self, lines: str) -> None:
        """Tell the session, unless it was told before, which lines' rows single statements may touch."""
        if lines != self._kept_to:
            self._kept_to = None  # until the server has answered: if this is cut short, it is said again
            await self.execute("SELECT set_config('app.lines', $1, false)", lines)
            self._kept_to = lines


def connect_args(settings: Settings, application_name: str) -> dict[str, Any]:
    """Return how SQLAlchemy's engine is to connect. Every wait has an end: connect, lock and statement."""
    session = {
        "role": APP_ROLE,
        "timezone": "UTC",
        "jit": "off",
        "lock_timeout": f"{settings.lock_timeout_seconds * 1000:.0f}",
        "statement_timeout": f"{settings.statement_timeout_seconds * 1000:.0f}",
        "idle_in_transaction_session_timeout": "30000",
    }
    usual = {
        "async_creator_fn": connect,
        "timeout": _CONNECT_SECONDS,
        # Hanging up on a frozen server takes SQLAlchemy 2 s more.
        "command_timeout": settings.statement_timeout_seconds + 0.5,
    }
    if not settings.pgbouncer:
        told = {"application_name": application_name, "tcp_user_timeout": "5000", **session}
        return {**usual, "connection_class": Link, "server_settings": told}
    # The next transaction may be on another server process, which knows neither settings nor statements of this one.
    said = "".join(f"SET LOCAL {name} = '{value}'; " for name, value in session.items())
    return {
        **usual,
        "connection_class": type("PooledLink", (Link,), {"settings": said}),
        "server_settings": {"application_name": application_name},
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": str,  # the empty name: a statement that lasts until the next
    }


async def connect(
    host: str | Sequence[str] | None = None, port: int | Sequence[int] | None = None, **how: Any
) -> asyncpg.Connection:
    """Connect to the one host, or to that of several which takes writes.

    All are asked at once: after a failover the new primary is found though the old one hangs.

    Raises: ConnectionError if none of several takes writes; of a single host what `asyncpg` raises.
    """
    if host is None or isinstance(host, str):
        return await asyncpg.connect(host=host, port=port, **how)
    ports = port if isinstance(port, Sequence) else [port] * len(host)
    tries = [
        asyncio.ensure_future(asyncpg.connect(host=each, port=at, target_session_attrs="read-write", **how))
        for each, at in zip(host, ports, strict=True)
    ]
    chosen = None
    try:
        chosen = await _first(tries)
        return chosen.result()
    finally:
        for other in tries:
            if other is not chosen:
                other.add_done_callback(_hang_up)
                other.cancel()


async def _first(tries: Sequence[Future[asyncpg.Connection]]) -> Future[asyncpg.Connection]:
    pending, problem = set(tries), None
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            problem = each.exception()
            if problem is None:
                return each
    raise ConnectionError("none of the hosts takes writes") from problem


def _hang_up(late: Future[asyncpg.Connection]) -> None:
    if not late.cancelled() and late.exception() is None:
        late.result().terminate()
