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

from app.core.clock import system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.egress import Egress
from app.core.ids import new_id
from app.core.outbox import seal_events
from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.core.settings import Settings
from app.models.business_lines import BusinessLine
from app.models.webhooks import WebhookDelivery, WebhookEndpoint
from app.services.directory import Directory
from app.services.first_start import add_shipped_lines
from app.services.policy_book import PolicyBook
from app.services.rules.webhooks import DeliveryState
from app.services.upkeep import fan_out
from app.services.webhooks.signing import give_secret
from app.workers.runner import Task, Tools, run_tasks
from app.workers.webhooks import Deliverer

GOAL = 500  # deliveries a second of one worker process
SECRET_KEYS = KeyRing.new_entry("bench")
_EVENTS = text("""
    INSERT INTO event (id, business_line_id, type, subject, sequence, data, occurred_at)
    SELECT gen_random_uuid(), (SELECT id FROM business_line ORDER BY name LIMIT 1), 'ticket.acknowledged',
        'tickets/tkt_' || md5((n / 4)::text), n % 4 + 1,
        jsonb_build_object('ticket_id', 'tkt_' || md5((n / 4)::text), 'status', 'acknowledged', 'changed', '[]'::jsonb),
        now()
    FROM generate_series(0, :number - 1) AS n
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
    async with db.begin() as session:
        await session.execute(_EVENTS, {"number": events})
        await session.execute(text("ANALYZE event"))
    tools = Tools(db, system_clock, Directory(db, book))
    egress = Egress([f"127.0.0.1:{port}" for port in ports])

    async def seal(tools: Tools) -> int:
        async with tools.db.begin() as session:
            return await seal_events(session)

    async def fan(tools: Tools) -> int:
        return await fan_out(tools.db)

    wanted, stop = events * (len(ports) - hanging), asyncio.Event()
    began, used = time.perf_counter(), time.process_time()
    async with Deliverer(tools, KeyRing.read(None, SECRET_KEYS), egress) as deliverer:
        work = asyncio.create_task(
            run_tasks((Task("seal", 0.2, seal), Task("fan", 0.2, fan), deliverer.task), tools, stop)
        )
        while (done := await delivered(db)) < wanted:  # noqa: ASYNC110 - the database alone knows
            await asyncio.sleep(0.25)
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        stop.set()
        await work
    await db.dispose()
    print(f"{len(ports) - hanging} receivers, {hanging} hanging, {events} events: {done} deliveries in {seconds:.1f} s")
    print(
        f"{done / seconds:.0f} deliveries/s (goal: {GOAL}); the worker used {1000 * cpu / done:.2f} ms of CPU for each"
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


async def delivered(db: Database) -> int:
    async with db.begin() as session:
        chosen = select(func.count()).where(WebhookDelivery.state == DeliveryState.DELIVERED)
        return await session.scalar(chosen) or 0


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
