"""Alembic's entry: run the revisions over an async engine, one process at a time, and beside a service at work.

Each revision is a transaction of its own, so that no table stays locked while the next ones run. A revision that does
not get a lock gives up at once, since whoever comes after it in the queue waits as long as it does, and is tried again.
"""

import asyncio
import time
from importlib import import_module
from pkgutil import iter_modules

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

import app.models
from app.core import auth, heartbeat, idempotency, outbox
from app.core.db import Base, sqlstate
from app.core.links import connect

OF_THE_KIT = (auth, heartbeat, idempotency, outbox)
OF_THE_SERVICE = [import_module(f"app.models.{found.name}") for found in iter_modules(app.models.__path__)]

_SETTINGS = {
    "lock_timeout": "400ms",
    "synchronous_commit": "off",  # thirty commits do not wait: a crash takes a revision and its mark back together
}
_LOOK_SECONDS, _PAUSE_SECONDS, _TRIES = 0.1, 1.0, 60
_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"


def _run(connection: Connection) -> None:
    # Two processes that start together must not both create the tables; the lock goes with the connection. Who waited
    # in a statement would be waited for by an index that is created concurrently.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(hashtext('aftersales.migrations'))")):
        connection.rollback()
        time.sleep(_LOOK_SECONDS)
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _migrate() -> None:
    url = context.config.attributes["database_url"]
    how = {"server_settings": _SETTINGS, "async_creator_fn": connect}
    engine = create_async_engine(url, poolclass=pool.NullPool, connect_args=how)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


for left in reversed(range(_TRIES)):
    try:
        asyncio.run(_migrate())
        break
    except DBAPIError as error:
        if not left or sqlstate(error) not in {_LOCK_NOT_AVAILABLE, _DEADLOCK}:
            raise
        time.sleep(_PAUSE_SECONDS)
