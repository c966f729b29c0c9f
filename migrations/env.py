"""Alembic's entry: run the revisions over an async engine, one process at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core import auth, heartbeat, idempotency, outbox
from app.core.db import Base
from app.models import access_log, business_lines, feedback, policies, tickets

TABLES = (access_log, auth, business_lines, feedback, heartbeat, idempotency, outbox, policies, tickets)


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        # Two processes that start together must not both create the tables.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('aftersales.migrations'))"))
        context.run_migrations()


async def _migrate() -> None:
    engine = create_async_engine(context.config.attributes["database_url"], poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


connection = context.config.attributes.get("connection")
if connection is not None:
    _run(connection)
else:
    asyncio.run(_migrate())
