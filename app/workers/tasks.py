"""What a worker does, and how often."""

from app.core.metrics import EVENTS_SEALED
from app.services import upkeep
from app.workers.runner import Task, Tools


async def _heartbeat(tools: Tools) -> int:
    await upkeep.show_life(tools.db, tools.worker_id, tools.clock())
    return 0


async def _seal(tools: Tools) -> int:
    sealed = await upkeep.seal(tools.db)
    EVENTS_SEALED.inc(sealed)
    return sealed


async def _fire(tools: Tools) -> int:
    return await upkeep.fire(tools.db, await tools.directory.known())


async def _fire_capas(tools: Tools) -> int:
    return await upkeep.fire_tasks(tools.db, await tools.directory.known())


async def _index(tools: Tools) -> int:
    return await upkeep.index(tools.db)


async def _watch(tools: Tools) -> int:
    await upkeep.watch_quality(tools.db, await tools.directory.known(), tools.clock())
    return 0


async def _drain(tools: Tools) -> int:
    return await upkeep.drain_queues(tools.db, await tools.directory.known(), tools.clock())


async def _purge(tools: Tools) -> int:
    return await upkeep.purge(tools.db, tools.clock())


TASKS = (
    Task("heartbeat", 5.0, _heartbeat),
    Task("seal events", 0.2, _seal),
    Task("fire timers", 0.5, _fire),
    Task("fire timers of CAPAs", 2.0, _fire_capas),
    Task("index texts", 0.5, _index),
    Task("drain queues", 1.0, _drain),
    Task("watch quality", 10.0, _watch),
    Task("purge", 60.0, _purge),
)
