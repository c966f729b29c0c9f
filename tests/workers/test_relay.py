"""Events reach a broker in their order, each at least once, whatever breaks on the way."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from nats import connect
from nats.errors import Error

from app.core.db import Database
from app.services.directory import Known
from app.services.relay import Message, NotRelayed, Relay
from app.services.upkeep import seal
from tests.conftest import SECRET_KEYS
from tests.http.test_ticket_moves import move
from tests.http.test_tickets import take

NATS = shutil.which("nats-server")
STREAM = "AFTERSALES"


class Broker:
    """Takes what is published until it is told to refuse."""

    def __init__(self, refuses_after: int = 10**6) -> None:
        self.taken: list[Message] = []
        self.left = refuses_after

    async def publish(self, message: Message) -> None:
        if self.left == 0:
            raise ConnectionError("gone")
        self.left -= 1
        self.taken.append(message)


@pytest.fixture
def relay(app: FastAPI, db: Database) -> Relay:
    return Relay(db, app.state.kit.keyring, "relay", "aftersales")


@pytest.fixture
async def known(app: FastAPI) -> Known:
    known: Known = await app.state.kit.directory.known()
    return known


async def happen(client: httpx.AsyncClient, db: Database, tickets: int = 3) -> list[str]:
    """Let things happen; return the ids of the events in the order of the feed."""
    for number in range(tickets):
        ticket = await take(client, customer={"phone": f"1390000{number:04}"})
        await move(client, ticket, "acknowledge")
    while await seal(db):
        pass
    items = (await client.get("/v1/events", params={"limit": 200})).json()["items"]
    return [item["id"] for item in items]


async def test_every_event_goes_in_its_order_as_a_webhook_carries_it(
    client: httpx.AsyncClient, db: Database, relay: Relay, known: Known
) -> None:
    await relay.begin(from_start=True)
    ids, broker = await happen(client, db), Broker()
    while await relay.send_next(known, broker.publish, limit=2):
        pass
    assert [message.id for message in broker.taken] == ids
    first = broker.taken[0]
    assert first.subject == "aftersales.tableware.ticket.recorded"
    shown = (await client.get("/v1/events", params={"limit": 1})).json()["items"][0]
    assert json.loads(first.body) == {name: value for name, value in shown.items() if name != "position"}


async def test_what_the_broker_refuses_is_sent_again_and_nothing_is_missed(
    client: httpx.AsyncClient, db: Database, relay: Relay, known: Known
) -> None:
    await relay.begin(from_start=True)
    ids, taken = await happen(client, db), list[str]()
    for number in range(3):
        broker = Broker(refuses_after=number)
        with pytest.raises(NotRelayed, match="ConnectionError: gone"):
            await relay.send_next(known, broker.publish)
        taken += [message.id for message in broker.taken]
    broker = Broker()
    await relay.send_next(known, broker.publish)
    assert [message.id for message in broker.taken] == ids
    assert set(taken) <= set(ids)


async def test_a_new_name_begins_with_what_happens_from_now_on(
    client: httpx.AsyncClient, db: Database, relay: Relay, known: Known
) -> None:
    before = await happen(client, db)
    await relay.begin(from_start=False)
    await relay.begin(from_start=True)  # it has its place: nothing is sent over again
    broker = Broker()
    assert await relay.send_next(known, broker.publish) == 0
    after = [one for one in await happen(client, db, 1) if one not in before]
    await relay.send_next(known, broker.publish)
    assert [message.id for message in broker.taken] == after


async def test_of_several_at_once_none_sends_what_another_has_sent(
    client: httpx.AsyncClient, db: Database, relay: Relay, known: Known
) -> None:
    await relay.begin(from_start=True)
    ids, broker = await happen(client, db, 5), Broker()
    await asyncio.gather(*[relay.send_next(known, broker.publish, limit=2) for _ in range(4)])
    assert [message.id for message in broker.taken] == ids[:8]


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[str]:
    if NATS is None:
        pytest.skip("no nats-server on this machine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [NATS, "-js", "-sd", str(tmp_path), "-a", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"nats://127.0.0.1:{port}"
    server.kill()
    server.wait()


@pytest.fixture
async def stream(nats: str) -> AsyncIterator[Any]:
    """A JetStream of a real server, and a reader of all it holds."""
    for _ in range(100):
        with suppress(OSError, Error):
            connection = await connect(nats, allow_reconnect=False)
            break
        await asyncio.sleep(0.1)
    context = connection.jetstream()
    await context.add_stream(name=STREAM, subjects=["aftersales.>"])
    yield context
    await connection.close()


async def test_a_real_broker_holds_every_event_once_though_a_relay_is_killed(
    client: httpx.AsyncClient, db: Database, database_url: str, nats: str, stream: Any
) -> None:
    ids = await happen(client, db, 20)
    reader, held = await stream.pull_subscribe("aftersales.>", durable="test"), list[str]()
    for enough in (10, len(ids)):
        relay = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "relay", "--to", nats, "--from-start",
            env={**os.environ, "DATABASE_URL": database_url, "AFTERSALES_SECRET_KEYS": SECRET_KEYS}
            | {"AFTERSALES_ENVIRONMENT": "development"},
        )  # fmt: skip
        while len(held) < enough:
            for message in await reader.fetch(5, timeout=30):
                held.append(json.loads(message.data)["id"])
                await message.ack()
        relay.kill()
        await relay.wait()
    assert held == ids
    assert (await stream.stream_info(STREAM)).state.messages == len(ids)
