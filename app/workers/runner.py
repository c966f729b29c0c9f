"""Keeps a worker's tasks going side by side: none of them waits for another, and none falls with another."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from app.core.blobs import Blobs
from app.core.clock import Clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.errors import ServiceError
from app.core.ids import new_id
from app.core.metrics import WORKER_ERRORS, WORKER_ROUND
from app.core.scanner import Scanner
from app.services.directory import Directory
from app.services.notices.courier import Courier

_LONGEST_PAUSE_SECONDS = 4.0  # a database that is back is worked on again within five
_DRAIN_SECONDS = 10.0
_log = structlog.get_logger("aftersales.worker")


@dataclass(frozen=True, slots=True)
class Tools:
    """What a task works with."""

    db: Database
    clock: Clock
    directory: Directory
    keyring: KeyRing
    courier: Courier
    blobs: Blobs
    scanner: Scanner | None = None
    public_url: str = ""  # what links to customers begin with
    worker_id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Task:
    """`round` does a piece of work and returns how much it did: after less than a batch, the task rests.

    rest: seconds. batch: what a round does at most, where many small pieces would cost more than to let them gather.
    """

    name: str
    rest: float
    round: Callable[[Tools], Awaitable[int]]
    batch: int = 1


async def run_tasks(tasks: Sequence[Task], tools: Tools, stop: asyncio.Event) -> None:
    """Keep all tasks going until `stop` is set; rounds under way are finished, for ten seconds at most."""
    _log.info("worker started", worker_id=tools.worker_id.hex)
    running = [asyncio.create_task(_keep_going(task, tools, stop), name=task.name) for task in tasks]
    await stop.wait()
    _, unfinished = await asyncio.wait(running, timeout=_DRAIN_SECONDS)
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    _log.info("worker stopped", worker_id=tools.worker_id.hex)


async def _keep_going(task: Task, tools: Tools, stop: asyncio.Event) -> None:
    failures = 0
    while not stop.is_set():
        try:
            done = await task.round(tools)
        except Exception as error:
            failures += 1
            _tell(task, error)
            pause = min(max(task.rest, 0.1) * 2**failures, max(task.rest, _LONGEST_PAUSE_SECONDS))
        else:
            failures = 0
            WORKER_ROUND.labels(task.name).set(time.time())
            pause = 0.0 if done >= task.batch else task.rest
        await _rest(pause, stop)


def _tell(task: Task, error: Exception) -> None:
    WORKER_ERRORS.labels(task.name).inc()
    if isinstance(error, ServiceError):
        _log.warning("round failed", task=task.name, code=error.code)
    else:
        _log.error("round failed", task=task.name, exc_info=error)


async def _rest(seconds: float, stop: asyncio.Event) -> None:
    if seconds == 0:
        await asyncio.sleep(0)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
