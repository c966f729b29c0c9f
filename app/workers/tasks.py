"""What a worker does, and how often."""

from app.core.metrics import EVENTS_SEALED
from app.core.outbox import SEALED_AT_ONCE
from app.services import upkeep
from app.services.attachments.upkeep import scan_next, sweep_blobs
from app.services.audit.sealing import CHAINED_AT_ONCE
from app.services.erasures.erasing import erase_next
from app.services.notices.sending import send_next
from app.services.search_index import INDEXED_AT_ONCE
from app.services.surveys.mailing import send_next_letter
from app.workers.runner import Task, Tools


async def _heartbeat(tools: Tools) -> int:
    await upkeep.show_life(tools.db, tools.worker_id)
    return 0


async def _seal(tools: Tools) -> int:
    sealed = await upkeep.seal(tools.db)
    EVENTS_SEALED.inc(sealed)
    return sealed


async def _seal_audit(tools: Tools) -> int:
    return await upkeep.seal_audit_trail(tools.db)


async def _fire(tools: Tools) -> int:
    return await upkeep.fire(tools.db, await tools.directory.known())


async def _fire_capas(tools: Tools) -> int:
    return await upkeep.fire_tasks(tools.db, await tools.directory.known())


async def _fire_deadlines(tools: Tools) -> int:
    return await upkeep.fire_deadlines(tools.db, await tools.directory.known())


async def _recount(tools: Tools) -> int:
    return await upkeep.recount(tools.db, await tools.directory.known())


async def _fire_test_clocks(tools: Tools) -> int:
    return await upkeep.finish_test_clocks(tools.db, await tools.directory.known())


async def _send(tools: Tools) -> int:
    return await send_next(tools.db, tools.courier, tools.keyring, await tools.directory.known())


async def _fan_out(tools: Tools) -> int:
    return await upkeep.fan_out(tools.db)


async def _tidy_webhooks(tools: Tools) -> int:
    return await upkeep.tidy_webhooks(tools.db)


async def _index(tools: Tools) -> int:
    return await upkeep.index(tools.db)


async def _watch(tools: Tools) -> int:
    await upkeep.watch_quality(tools.db, await tools.directory.known())
    return 0


async def _drain(tools: Tools) -> int:
    return await upkeep.drain_queues(tools.db, await tools.directory.known())


async def _measures(tools: Tools) -> int:
    return await upkeep.announce_measures(tools.db, await tools.directory.known())


async def _ask(tools: Tools) -> int:
    return await upkeep.send_surveys(tools.db, await tools.directory.known())


async def _add_up(tools: Tools) -> int:
    return await upkeep.add_up_satisfaction(tools.db)


async def _tell(tools: Tools) -> int:
    return await upkeep.tell_progress(tools.db, await tools.directory.known())


async def _scan(tools: Tools) -> int:
    return await scan_next(tools.db, tools.blobs, tools.scanner)


async def _sweep(tools: Tools) -> int:
    return await sweep_blobs(tools.db, tools.blobs)


async def _write(tools: Tools) -> int:
    return await send_next_letter(
        tools.db, tools.courier, tools.keyring, await tools.directory.known(), tools.public_url
    )  # fmt: skip


async def _erase(tools: Tools) -> int:
    return await erase_next(tools.db, tools.keyring, tools.blobs)


async def _purge(tools: Tools) -> int:
    return await upkeep.purge(tools.db)


# Each sends one message at a time, and no two to one channel: an address that hangs takes one of them for ten seconds.
_SENDERS = 8
_LETTER_WRITERS = 2

TASKS = (
    Task("heartbeat", 5.0, _heartbeat),
    Task("seal events", 0.2, _seal, batch=SEALED_AT_ONCE),
    Task("seal audit trail", 1.0, _seal_audit, batch=CHAINED_AT_ONCE),
    Task("fire timers", 0.5, _fire),
    Task("fire timers of CAPAs", 2.0, _fire_capas),
    Task("fire timers of return requests", 2.0, _fire_deadlines),
    Task("fire timers of test clocks", 0.5, _fire_test_clocks),
    Task("follow holidays", 30.0, _recount),
    Task("fan out webhooks", 0.2, _fan_out),
    Task("tidy webhooks", 15.0, _tidy_webhooks),
    Task("index texts", 0.5, _index, batch=INDEXED_AT_ONCE),
    Task("drain queues", 1.0, _drain),
    Task("watch quality", 10.0, _watch),
    Task("announce measures", 10.0, _measures),
    Task("ask customers", 5.0, _ask),
    Task("add up satisfaction", 10.0, _add_up),
    Task("tell customers", 1.0, _tell),
    Task("scan attachments", 1.0, _scan),
    Task("sweep blobs", 60.0, _sweep),
    Task("erase persons", 1.0, _erase),
    Task("purge", 60.0, _purge),
    *[Task("send notices", 2.0, _send)] * _SENDERS,
    *[Task("write to customers", 2.0, _write)] * _LETTER_WRITERS,
)
