"""What tests of webhooks need: an endpoint at a receiver of their own, and a worker that sends to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from app.core.clock import Clock, system_clock
from app.core.egress import Egress
from app.core.outbox import seal_events
from app.services.context import Kit
from app.services.upkeep import fan_out
from app.workers.runner import Tools
from app.workers.webhooks import Deliverer
from tests.builders import a_ticket
from tests.conftest import FakeClock
from tests.receiver import Receiver

Json = dict[str, Any]


@dataclass
class Hooks:
    """An application that lets webhooks come to receivers on this machine, and its clock, which is the worker's too."""

    app: FastAPI
    client: httpx.AsyncClient
    clock: FakeClock

    @property
    def kit(self) -> Kit:
        kit: Kit = self.app.state.kit
        return kit

    def trust(self, *receivers: Receiver) -> None:
        """Do as a deployment that names these hosts."""
        self.app.state.kit = replace(self.kit, egress=Egress(receiver.host for receiver in receivers))

    async def register(self, receiver: Receiver, **fields: Any) -> Json:
        response = await self.client.post("/v1/webhook-endpoints", json={"url": receiver.url, **fields})
        assert response.status_code == 201, response.text
        endpoint: Json = response.json()
        return endpoint

    async def take(self, **changes: Any) -> Json:
        response = await self.client.post("/v1/tickets", json=a_ticket(**changes))
        assert response.status_code == 201, response.text
        ticket: Json = response.json()
        return ticket

    async def spread(self) -> None:
        """Let the sealer and the fan-out do their rounds."""
        async with self.kit.db.begin() as session:
            await seal_events(session)
        while await fan_out(self.kit.db, self.clock()):
            pass

    @asynccontextmanager
    async def worker(self, clock: Clock = system_clock) -> AsyncIterator[Deliverer]:
        """A worker whose requests carry real times, and for which that is due which is by the tests' clock."""
        tools = Tools(self.kit.db, clock, self.kit.directory, self.kit.keyring, self.kit.courier, self.kit.blobs)
        async with Deliverer(tools, self.kit.egress, moment=self.clock) as deliverer:
            yield deliverer

    async def deliver(self, clock: Clock = system_clock) -> None:
        """Send all that is due, and wait for what comes of it."""
        await self.spread()
        async with self.worker(clock) as deliverer:
            await drain(deliverer)

    async def deliveries(self, **query: str) -> list[Json]:
        """The deliveries in the order of their events."""
        response = await self.client.get("/v1/webhook-deliveries", params={"limit": 200, **query})
        assert response.status_code == 200, response.text
        return sorted(response.json()["items"], key=lambda delivery: str(delivery["webhook_id"]))

    async def detail(self, delivery: Json) -> Json:
        detail: Json = (await self.client.get(f"/v1/webhook-deliveries/{delivery['id']}")).json()
        return detail

    async def feed(self) -> list[Json]:
        events: list[Json] = (await self.client.get("/v1/events", params={"limit": 200})).json()["items"]
        return events


async def drain(deliverer: Deliverer) -> None:
    while await deliverer.round(deliverer.tools) or deliverer.busy:
        pass


def wait_of(delivery: Json, clock: FakeClock) -> timedelta:
    """How long it is until the next try."""
    return datetime.fromisoformat(delivery["next_attempt_at"]) - clock()
