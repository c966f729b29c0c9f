"""A base backup of 50,000 tickets and the log of 50,000 more: taken, checked, restored."""

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from app.core.backups.restoring import check, choose_base, make_cluster, tidy_cluster
from app.core.backups.servers import Server
from app.core.backups.store import BackupStore
from app.core.backups.taking import follow, take_base
from app.core.crypto import KeyRing
from app.core.postgres import DATABASE, SUPERUSER, EmbeddedPostgres
from app.core.schema import migrate
from app.services.policy_book import PolicyBook
from tests.http.filling import copy_ticket
from tests.http.service import open_service, run_sql, take

TICKETS = 100_000
GOAL_SECONDS = 120


async def first(url: str) -> dict[str, Any]:
    async with open_service(url, PolicyBook.load()) as service:
        return await take(await service.client())


@contextmanager
def followed(server: Server, store: BackupStore, spool: Path) -> Iterator[None]:
    """Copy the log during the block, and its last segment at the end."""
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        following = pool.submit(follow, server, store, None, spool, stopping=stop.is_set)
        try:
            yield
            [row] = asyncio.run(run_sql(server.url, "SELECT pg_walfile_name(pg_switch_wal()) AS name"))
            while not (store.wal / row["name"]).exists() and not following.done():
                time.sleep(0.1)
        finally:
            stop.set()
            following.result()


def measured(what: str, began: float, note: str = "") -> None:
    print(f"{what:<36}{perf_counter() - began:>8.1f} s{note}", flush=True)


def size(folder: Path) -> str:
    return f"{sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) / 1e6:,.0f} MB"


def run(folder: Path) -> None:
    store = BackupStore(folder / "backups", KeyRing.read(None, KeyRing.new_entry("bench")))
    with EmbeddedPostgres(folder / "data") as postgres:
        migrate(postgres.url)
        ticket = asyncio.run(first(postgres.url))
        asyncio.run(copy_ticket(postgres.url, ticket, copies=TICKETS // 2 - 1))
        server = Server.at(postgres.url_for(DATABASE, role=SUPERUSER))
        with followed(server, store, folder / "spool"):
            began = perf_counter()
            base = take_base(server, store, None)
            measured("base backup of half the tickets", began, f", sealed {size(store.folder)}")
            began = perf_counter()
            asyncio.run(copy_ticket(postgres.url, ticket, copies=TICKETS // 2))
        measured("the other half, written and followed", began, f", sealed {size(store.wal)}")
        print(f"{'the cluster, with its log':<36}{size(folder / 'data' / 'postgres'):>10}")
    began = perf_counter()
    check(store, folder / "scratch")
    measured("verify", began)
    began = perf_counter()
    cluster = folder / "again" / "postgres"
    make_cluster(store, choose_base(store, base.finished_at), cluster, None)
    measured("unpacked and checked", began)
    with EmbeddedPostgres(folder / "again") as postgres:
        [row] = asyncio.run(run_sql(postgres.url, "SELECT count(*) FROM ticket"))
    tidy_cluster(cluster)
    measured(f"restored, {row[0]:,} tickets", began, f"; goal {GOAL_SECONDS} s")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))


if __name__ == "__main__":
    main()
