"""Webhook endpoints made past the API, and what the database says of their deliveries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import func, select

from app.core.clock import system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.ids import id_text, new_id
from app.core.outbox import Event, seal_events
from app.models.business_lines import BusinessLine
from app.models.webhooks import WebhookEndpoint
from app.services.webhooks.signing import give_secret
from tests.receiver import Receiver
from tests.reliability.harness import SECRET_KEYS, Service


async def register(service: Service, url: str) -> tuple[WebhookEndpoint, str]:
    """Make an endpoint past the API, whose processes know no host of this test's."""
    db = Database(service.settings())
    async with db.begin() as session:
        while await seal_events(session):
            pass
        endpoint = WebhookEndpoint(
            id=new_id(),
            business_line_ids=list(await session.scalars(select(BusinessLine.id))),
            version=1,
            url=url,
            types=[],
            position=await session.scalar(select(func.max(Event.position))) or 0,
            created_at=system_clock(),
        )
        secret = give_secret(KeyRing.read(None, SECRET_KEYS), endpoint)
        session.add(endpoint)
    await db.dispose()
    return endpoint, secret


@asynccontextmanager
async def endpoint_at(service: Service, receiver: Receiver) -> AsyncIterator[tuple[WebhookEndpoint, str]]:
    endpoint, secret = await register(service, receiver.url)
    try:
        yield endpoint, secret
    finally:
        async with service.database() as connection:
            await connection.execute("UPDATE webhook_endpoint SET disabled_at = now()")


async def announced(connection: asyncpg.Connection, after: int) -> set[str]:
    """The ids of the events that came after a place in the feed."""
    rows = await connection.fetch("SELECT id FROM event WHERE position > $1 OR position IS NULL", after)
    return {id_text("evt", row["id"]) for row in rows}


async def a_day_passes(connection: asyncpg.Connection) -> None:
    """Let the waits of retries and the leases of the dead run out. Call it while no worker is alive."""
    await connection.execute("UPDATE webhook_delivery SET next_attempt_at = next_attempt_at - interval '1 day'")


async def waiting(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval("SELECT count(*) FROM webhook_delivery WHERE next_attempt_at IS NOT NULL")
    return found


async def rests(connection: asyncpg.Connection) -> bool:
    """Tell whether nothing is due or in hand: what waits, waits for longer than a lease."""
    return not await connection.fetchval(
        "SELECT count(*) FROM webhook_delivery WHERE next_attempt_at < now() + interval '61 seconds'"
    ) and not await connection.fetchval("SELECT count(*) FROM event WHERE position IS NULL")
