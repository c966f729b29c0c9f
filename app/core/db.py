"""The engine, its time limits, and the base of all tables."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from copy import copy
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar, Self, TypeVar, cast
from uuid import UUID

import asyncpg
from sqlalchemy import Connection, DateTime, Enum, MetaData, Uuid, event, func, select
from sqlalchemy.connectors.asyncio import AsyncAdapt_Error
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session

from app.core.errors import DatabaseUnavailable, ServerBusy, ServiceError
from app.core.links import connect_args
from app.core.row_security import ALL_LINES, lines_setting
from app.core.settings import Settings
from app.core.single import Prepared, Row, fetch, renew_closed

LOCK_NOT_AVAILABLE, QUERY_CANCELED, DEADLOCK = "55P03", "57014", "40P01"
STANDBY_CONFLICT = "40001"  # a replica had to go on with what its primary changed
UNIQUE_VIOLATION = "23505"

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables. Instants are `timestamptz`, documents `jsonb`, enums their value as text."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        dict[str, Any]: JSONB(none_as_null=True),
        list[dict[str, Any]]: JSONB(none_as_null=True),
    }


_Table = TypeVar("_Table", bound=Base)


def bare_row(table: type[_Table], **values: Any) -> _Table:
    """Return a row that reads like an object of the ORM and belongs to no session: for statements of our own.

    To make an object of the ORM takes ten times as long.
    """
    return cast(_Table, SimpleNamespace(**(_nothing(table) | values)))


@cache
def _nothing(table: type[Base]) -> dict[str, None]:
    return dict.fromkeys(table.__table__.columns.keys())


def worded(enum: type[Any], length: int = 40) -> Enum:
    """A column type that stores an enum by its word, as text: words may be added without touching the table."""
    return Enum(enum, native_enum=False, length=length, values_callable=lambda e: [m.value for m in e])


class _LimitedSession(Session):
    """The session under an `AsyncSession`; `info["lines"]` is its transactions' setting."""


@event.listens_for(_LimitedSession, "after_begin")
def _limit(session: Session, _transaction: object, connection: Connection) -> None:
    # BEGIN itself is sent with the first statement, which is yet to come.
    connection.connection.driver_connection.lines = session.info["lines"]  # type: ignore[union-attr]


class Database:
    """One engine and its units of work. Every wait has an end: connect, pool, lock and statement.

    Its transactions see all business lines; those of `limited_to` some of them.
    """

    def __init__(self, settings: Settings, *, url: str | None = None, application_name: str = "aftersales") -> None:
        self.engine: AsyncEngine = create_async_engine(
            url or settings.database_url,
            hide_parameters=True,  # an error's text goes far, and parameters are people's words
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.pool_timeout_seconds,
            pool_use_lifo=True,
            connect_args=connect_args(settings, application_name),
        )
        event.listen(self.engine.sync_engine, "checkout", renew_closed)
        self._one_message = not settings.pgbouncer
        self._sessions = async_sessionmaker(
            self.engine, expire_on_commit=False, autoflush=False, sync_session_class=_LimitedSession
        )
        self._lines = ALL_LINES

    def limited_to(self, lines: Iterable[UUID]) -> Self:
        """Return this database, on the same engine, with transactions that see and write rows of these lines only."""
        limited = copy(self)
        limited._lines = lines_setting(lines)
        return limited

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open one transaction: committed at the end of the block, rolled back if it raises.

        Raises: DatabaseUnavailable, ServerBusy for what the database or the pool cannot do now.
        """
        with _translated():
            async with self._sessions(info={"lines": self._lines}) as session, session.begin():
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open one transaction in which every statement sees the same moment: an answer does not contradict itself."""
        async with self.begin() as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncSession]:
        """Open a session for a single statement on a table that has no lines: it needs no BEGIN and COMMIT."""
        async with self.begin() as session:
            if self._one_message:
                await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            yield session

    async def fetch(self, statement: Prepared, **values: Any) -> list[Row]:
        """Run one statement, in one message, and commit it if it writes; return its rows.

        It sees and writes what a transaction of this database would. A fault of the statement comes as `asyncpg`
        raises it. What is cancelled or cut off may have been written.
        Raises: DatabaseUnavailable, ServerBusy.
        """
        with _translated():
            return await fetch(self.engine, self._lines, statement, values, one_message=self._one_message)

    async def dispose(self) -> None:
        await self.engine.dispose()


async def database_now(session: AsyncSession) -> datetime:
    """Return the present instant by the database's clock: the one that all processes share, whatever their own say."""
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now


class _translated:  # noqa: N801 — reads as a word where it is used
    """Turn faults of the database's availability into problems; our own mistakes stay what they are."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        problem = availability_problem(error)
        if problem is not None:
            raise problem from error


def sqlstate(error: BaseException | None) -> str | None:
    """Return PostgreSQL's code for an error, however deep the driver wrapped it."""
    while error is not None:
        code = getattr(error, "sqlstate", None)
        if isinstance(code, str):
            return code
        error = getattr(error, "orig", None) or error.__cause__
    return None


_RETRY = {"Retry-After": "1"}
# The last is raised, with nothing sent, over a connection that the server is just saying goodbye to.
_BARE = asyncpg.InterfaceError, asyncpg.PostgresError, AsyncAdapt_Error, asyncpg.InternalClientError


def availability_problem(error: BaseException | None) -> ServiceError | None:
    """Return the 503 an error of the database means to a caller, or None if it is no fault of availability."""
    if isinstance(error, PoolTimeout):
        return ServerBusy(headers=_RETRY)
    # What breaks a connection while it is being set up, or a single statement, SQLAlchemy wraps by half or not at all.
    bare = isinstance(error, _BARE)
    if bare or (isinstance(error, DBAPIError) and not isinstance(error, IntegrityError)):
        code, link_broke = sqlstate(error), bare or getattr(error, "connection_invalidated", False)
        if code in (LOCK_NOT_AVAILABLE, QUERY_CANCELED, DEADLOCK, STANDBY_CONFLICT):
            return ServerBusy(headers=_RETRY)
        # 08 connection, 53 resources, 57 operator intervention, 25006 a read-only standby; none: the link broke.
        if (code is None and link_broke) or (code and (code[:2] in ("08", "53", "57") or code == "25006")):
            return DatabaseUnavailable(headers=_RETRY)
    if isinstance(error, ConnectionError | TimeoutError | OSError):
        return DatabaseUnavailable(headers=_RETRY)
    return None
