"""Workers killed while they send, a receiver that fails and dies: every event arrives, under one id (R11, R12)."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field

import asyncpg
import pytest
from standardwebhooks import Webhook

from app.models.webhooks import WebhookEndpoint
from tests.builders import a_ticket
from tests.receiver import Receiver, Seen, receiving, reply
from tests.reliability.endpoints import a_day_passes, announced, endpoint_at, rests, waiting
from tests.reliability.harness import Measured, Service, free_port, until
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
                    await until(lambda: rests(connection), "what is due is sent", seconds=30)
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
