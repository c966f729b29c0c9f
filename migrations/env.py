"""Alembic's entry: run the revisions over an async engine, one process at a time."""

import asyncio
from importlib import import_module
from pkgutil import iter_modules

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

import app.models
from app.core import auth, heartbeat, idempotency, outbox
from app.core.db import Base
from app.core.links import connect

OF_THE_KIT = (auth, heartbeat, idempotency, outbox)
OF_THE_SERVICE = [import_module(f"app.models.{found.name}") for found in iter_modules(app.models.__path__)]


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        # Two processes that start together must not both create the tables.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('aftersales.migrations'))"))
        context.run_migrations()


async def _migrate() -> None:
    url, args = context.config.attributes["database_url"], {"async_creator_fn": connect}
    engine = create_async_engine(url, connect_args=args, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


connection = context.config.attributes.get("connection")
if connection is not None:
    _run(connection)
else:
    asyncio.run(_migrate())
