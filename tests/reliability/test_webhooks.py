"""Workers killed while they send, a receiver that fails and dies: every event arrives, under one id (R11, R12)."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from app.core.clock import system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.ids import id_text, new_id
from app.core.outbox import Event, seal_events
from app.models.business_lines import BusinessLine
from app.models.webhooks import WebhookEndpoint
from app.services.webhooks.signing import give_secret
from tests.builders import a_ticket
from tests.receiver import Receiver, Seen, receiving, reply
from tests.reliability.harness import SECRET_KEYS, Measured, Service, free_port, until
from tests.reliability.workers import Workers

WORKERS, TICKETS, DEATHS = 2, 120, 3


@dataclass
class Arrivals:
    """What a receiver of ours said yes to; until it is well, every second request fails."""

    accepted: list[Seen] = field(default_factory=list)
    requests: int = 0
    well: bool = False

    async def answer(self, seen: Seen) -> bytes | None:
        self.requests += 1
        if not self.well and self.requests % 2:
            return reply(500) if self.requests % 4 == 1 else None
        self.accepted.append(seen)
        return reply(204)


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


@pytest.mark.timeout(300)
async def test_R11_R12_every_event_arrives_signed_while_workers_are_killed_and_the_receiver_fails_and_dies(
    service: Service, measured: Measured
) -> None:
    arrivals, port = Arrivals(), free_port()
    stand_in = Receiver(port)
    async with endpoint_at(service, stand_in) as (endpoint, secret), service.database() as connection:
        workers = await asyncio.to_thread(Workers, service.postgres.url, WORKERS, webhook_hosts=stand_in.host)
        try:
            for death in range(DEATHS):
                async with receiving(arrivals.answer, port=port) as receiver:
                    for number in range(TICKETS // DEATHS):
                        body = a_ticket(external_ref=f"webhook-{death}-{number}")
                        assert (await service.clients[0].post("/v1/tickets", json=body)).status_code == 201
                    seen = len(receiver.seen)
                    await until(lambda: len(receiver.seen) > seen + 10, "webhooks are sent", seconds=30)  # noqa: B023
                    await asyncio.to_thread(workers.kill_all)
                await a_day_passes(connection)
                await asyncio.to_thread(workers.start_all)
            arrivals.well = True
            async with receiving(arrivals.answer, port=port):
                for _ in range(12):
                    await until(lambda: _rests(connection), "what is due is sent", seconds=30)
                    if not await waiting(connection):
                        break
                    await asyncio.to_thread(workers.kill_all)
                    await a_day_passes(connection)
                    await asyncio.to_thread(workers.start_all)
            events = await announced(connection, endpoint.position)
        finally:
            await asyncio.to_thread(workers.kill_all)
    accepted = {request.id for request in arrivals.accepted}
    assert accepted == events
    assert len(events) >= TICKETS
    sequences = defaultdict(set)
    for request in arrivals.accepted:
        Webhook(secret).verify(request.body, request.headers)
        told = json.loads(request.body)
        assert told["id"] == request.id
        sequences[told["subject"]].add(told["sequence"])
    assert all(found == set(range(1, len(found) + 1)) for found in sequences.values())
    measured("events", len(events))
    measured("requests, the failed and the repeated among them", arrivals.requests)


async def _rests(connection: asyncpg.Connection) -> bool:
    """Tell whether nothing is due or in hand: what waits, waits for longer than a lease."""
    return not await connection.fetchval(
        "SELECT count(*) FROM webhook_delivery WHERE next_attempt_at < now() + interval '61 seconds'"
    ) and not await connection.fetchval("SELECT count(*) FROM event WHERE position IS NULL")


async def test_R11_a_worker_killed_between_sending_and_recording_leaves_the_event_to_another(
    service: Service,
) -> None:
    port, killed = free_port(), list[str]()
    workers: Workers | None = None

    async def kill_first(seen: Seen) -> bytes:
        if not killed:
            killed.append(seen.id)
            assert workers is not None
            await asyncio.to_thread(workers.kill_all)
        return reply(204)

    async with (
        receiving(kill_first, port=port) as receiver,
        endpoint_at(service, receiver) as (endpoint, _),
        service.database() as connection,
    ):
        workers = await asyncio.to_thread(Workers, service.postgres.url, 1, webhook_hosts=receiver.host)
        try:
            assert (await service.clients[0].post("/v1/tickets", json=a_ticket())).status_code == 201
            await until(lambda: killed, "a webhook is sent", seconds=30)
            assert await waiting(connection) >= 1
            await a_day_passes(connection)
            await asyncio.to_thread(workers.start_all)
            await until(lambda: _delivered(connection, endpoint), "another worker sends it", seconds=30)
        finally:
            await asyncio.to_thread(workers.kill_all)
    assert receiver.ids().count(killed[0]) == 2


async def _delivered(connection: asyncpg.Connection, endpoint: WebhookEndpoint) -> bool:
    states = await connection.fetch("SELECT state FROM webhook_delivery WHERE endpoint_id = $1", endpoint.id)
    return bool(states) and {row["state"] for row in states} == {"delivered"}
