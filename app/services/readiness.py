"""Can this process serve? The database answers, the schema is the program's, a worker is at work."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.db import database_now
from app.core.errors import ServiceError
from app.core.heartbeat import last_heartbeat
from app.core.schema import current_revision, expected_revision, known_revisions
from app.services.context import Kit

_DATABASE_SECONDS = 1.0
_WORKER_SEEN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Readiness:
    """`checks` maps each thing looked at to `ok` or to what is wrong with it."""

    checks: dict[str, str]

    @property
    def status(self) -> int:
        return 200 if all(state == "ok" for state in self.checks.values()) else 503

    def document(self) -> dict[str, object]:
        return {"status": "ready" if self.status == 200 else "not_ready", "checks": self.checks}


async def check_readiness(kit: Kit) -> Readiness:
    """Look at all of it. A schema newer than the program is fine: while a new version is rolled out, the old serves."""
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), kit.db.begin() as session:
            if await current_revision(session) in known_revisions() - {expected_revision()} | {None}:
                return Readiness({"database": "ok", "schema": "not at head", "worker": "unknown"})
            beat, now = await last_heartbeat(session), await database_now(session)
    except (ServiceError, TimeoutError, OSError):
        return Readiness({"database": "unavailable", "schema": "unknown", "worker": "unknown"})
    return Readiness({"database": "ok", "schema": "ok", "worker": _worker(beat, now)})


def _worker(beat: datetime | None, now: datetime) -> str:
    if beat is None:
        return "never seen"
    return "ok" if now - beat <= _WORKER_SEEN else "not seen for 30 seconds"
