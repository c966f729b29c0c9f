"""How many deliveries one worker process makes a second, and that a receiver that hangs costs the others nothing.

`python -m bench.webhooks [--events N] [--receivers N] [--hanging N]`. Everything is real but the network: PostgreSQL
with fsync, the worker's own tasks, receivers in a process of their own.
"""

import argparse
import asyncio
import multiprocessing
import resource
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from sqlalchemy import func, select, text

from app.core.blobs import Blobs
from app.core.clock import system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.egress import Egress
from app.core.ids import new_id
from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.core.settings import Settings
from app.models.business_lines import BusinessLine
from app.models.webhooks import WebhookDelivery, WebhookEndpoint
from app.services.directory import Directory
from app.services.first_start import add_shipped_lines
from app.services.notices.courier import Courier
from app.services.policy_book import PolicyBook
from app.services.rules.webhooks import DeliveryState
from app.services.webhooks.signing import give_secret
from app.workers.runner import Tools, run_tasks
from app.workers.tasks import TASKS
from app.workers.webhooks import Deliverer

GOAL, GOAL_SECONDS = 500, 5  # deliveries a second of one worker process; p99 of the time to the first reply
STEADY_EVENTS, STEADY_SECONDS = 50, 5
SECRET_KEYS = KeyRing.new_entry("bench")
_EVENTS = text("""
    INSERT INTO event (id, business_line_id, type, subject, sequence, data, occurred_at)
    SELECT gen_random_uuid(), (SELECT id FROM business_line ORDER BY name LIMIT 1), 'ticket.acknowledged',
        'tickets/tkt_' || ticket, 1, jsonb_build_object('ticket_id', 'tkt_' || ticket, 'status', 'acknowledged'),
        clock_timestamp()
    FROM (SELECT md5(random()::text) AS ticket FROM generate_series(1, :number)) AS tickets
""")
_DELAYS = text("""
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY delay), percentile_cont(0.99) WITHIN GROUP (ORDER BY delay)
    FROM (SELECT extract(epoch FROM delivered_at - occurred_at) AS delay
        FROM webhook_delivery JOIN event ON event.id = event_id WHERE state = 'delivered'
        ORDER BY event.position DESC LIMIT :number) AS latest
""")


class Answering(asyncio.Protocol):
    """Answers 204 to every request."""

    def __init__(self) -> None:
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._left += data
        while (end := self._left.find(b"\r\n\r\n")) >= 0:
            head = self._left[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self._left) < end + 4 + length:
                return
            self._left = self._left[end + 4 + length :]
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def receive(pipe: Connection, number: int, hanging: int) -> None:
    """Listen on some ports, tell which, and answer until killed."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        kinds = [Answering] * number + [asyncio.Protocol] * hanging
        servers = [await loop.create_server(kind, "127.0.0.1", 0) for kind in kinds]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    asyncio.run(serve())


async def prepare(db: Database, book: PolicyBook, ports: list[int]) -> None:
    """Make the business lines, and an endpoint for all of them at each port."""
    now, keyring = system_clock(), KeyRing.read(None, SECRET_KEYS)
    async with db.begin() as session:
        await add_shipped_lines(session, book, now)
        lines = list(await session.scalars(select(BusinessLine.id)))
        for port in ports:
            endpoint = WebhookEndpoint(
                id=new_id(), business_line_ids=lines, version=1, url=f"http://127.0.0.1:{port}/hooks", types=[],
                position=0, created_at=now,
            )  # fmt: skip
            give_secret(keyring, endpoint)
            session.add(endpoint)


async def measure(settings: Settings, ports: list[int], events: int, hanging: int) -> None:
    db, book = Database(settings), PolicyBook.load()
    await prepare(db, book, ports)
    await announce(db, events)
    keyring = KeyRing.read(None, SECRET_KEYS)
    tools = Tools(db, system_clock, Directory(db, book), keyring, Courier(settings), Blobs(settings.attachments))
    healthy, stop = len(ports) - hanging, asyncio.Event()
    egress = Egress([f"127.0.0.1:{port}" for port in ports])
    print(f"{healthy} receivers, {hanging} that hang")
    began, used = time.perf_counter(), time.process_time()
    async with Deliverer(tools, egress) as deliverer:
        work = asyncio.create_task(run_tasks((*TASKS, deliverer.task), tools, stop))
        done = await delivered(db, events * healthy)
        seconds, cpu = time.perf_counter() - began, 1000 * (time.process_time() - used) / done
        print(
            f"{done} deliveries at {done / seconds:.0f} a second (goal: {GOAL}), {cpu:.2f} ms of the worker's CPU each"
        )
        for _ in range(STEADY_SECONDS * 10):
            await announce(db, STEADY_EVENTS // 10)
            await asyncio.sleep(0.1)
        await delivered(db, done + STEADY_SECONDS * STEADY_EVENTS * healthy)
        stop.set()
        await work
    async with db.begin() as session:
        half, most = (await session.execute(_DELAYS, {"number": STEADY_SECONDS * STEADY_EVENTS * healthy})).one()
    print(f"{STEADY_EVENTS} events a second: reply after {half:.2f} s, p99 {most:.2f} s (goal: {GOAL_SECONDS})")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    await db.dispose()


async def announce(db: Database, number: int) -> None:
    async with db.begin() as session:
        await session.execute(_EVENTS, {"number": number})


async def delivered(db: Database, wanted: int) -> int:
    """Wait for a number of deliveries and return how many there are."""
    while True:
        async with db.begin() as session:
            chosen = select(func.count()).where(WebhookDelivery.state == DeliveryState.DELIVERED)
            found = await session.scalar(chosen) or 0
        if found >= wanted:
            return found
        await asyncio.sleep(0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--receivers", type=int, default=4)
    parser.add_argument("--hanging", type=int, default=0)
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    receivers = multiprocessing.get_context("spawn").Process(
        target=receive, args=(theirs, options.receivers, options.hanging), daemon=True
    )
    receivers.start()
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        settings = Settings(DATABASE_URL=server.url, secret_keys=SECRET_KEYS, log_level="error")
        with suppress(KeyboardInterrupt):
            asyncio.run(measure(settings, ours.recv(), options.events, options.hanging))
    receivers.kill()


if __name__ == "__main__":
    main()
