"""The database of a command: reached, at this program's schema, and let go again."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from app.commands.faults import explained
from app.commands.place import given_database, own_database, own_place
from app.core.db import Database
from app.core.faults import Fault
from app.core.language import Text
from app.core.postgres import running_url
from app.core.schema import current_revision, expected_revision, known_revisions, migrate, serves_this_program
from app.core.settings import Settings, load_settings

T = TypeVar("T")


@contextmanager
def command_settings(options: Namespace) -> Iterator[Settings]:
    """Settings for a command on `DATABASE_URL`, else on the data folder's own database, started if it is not running.

    Raises: Fault, EmbeddedPostgresUnavailable.
    """
    with explained():
        if given_database() is not None:
            yield load_settings()
        elif url := running_url(options.data_dir):
            yield load_settings(database_url=url, **own_place(options.data_dir))
        else:
            with own_database(options.data_dir) as (server, _):
                yield load_settings(database_url=server.url, **own_place(options.data_dir))


def on_place(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do a command's work on a database as it is, whatever its schema."""

    async def do() -> T:
        async with database(settings) as db:
            return await work(db)

    return asyncio.run(do())


def on_database(options: Namespace, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do a command's work on the database it finds, see `command_settings` and `work_with`."""
    with command_settings(options) as settings:
        return work_with(settings, work)


def work_with(settings: Settings, work: Callable[[Database], Awaitable[T]], *, upgrade: bool = False) -> T:
    """Do a command's work on a database; a new one gets its schema first, with `upgrade` an older one too.

    Raises: Fault if its schema is not this program's.
    """

    async def do() -> T:
        async with database(settings) as db:
            await bring_up(db, settings, only_new=not upgrade)
            return await work(db)

    return asyncio.run(do())


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    db = Database(settings, application_name="aftersales-command")
    try:
        yield db
    finally:
        await db.dispose()


async def bring_up(db: Database, settings: Settings, *, only_new: bool = False) -> None:
    """Bring a database's schema to this program's. `only_new` leaves an older schema to `migrate`, and says so.

    A newer one stays as it is if it serves this program too: so a new version can be taken back.
    Raises: Fault if the schema is of a program we do not know, or older and not ours to change.
    """
    async with db.begin() as session:
        revision = await current_revision(session)
        ours = revision is None or revision in known_revisions() or await serves_this_program(session)
    if not ours:
        raise Fault(
            Text(
                f"数据库的结构版本 {revision} 不属于本程序，请使用较新的程序",
                f"the database is at revision {revision}, which this program does not know: run a newer one",
            )
        )
    if revision == expected_revision() or (revision is not None and revision not in known_revisions()):
        return
    if revision is not None and only_new:
        raise Fault(
            Text(
                f"数据库的结构版本 {revision} 较旧，请先运行 aftersales migrate",
                f"the database is at the older revision {revision}: run `aftersales migrate` first",
            )
        )
    await asyncio.to_thread(migrate, settings.database_url)
