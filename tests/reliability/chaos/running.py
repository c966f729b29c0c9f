"""One run: a service under load, a nemesis, then peace, then the check."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import asyncpg
from standardwebhooks import Webhook, WebhookVerificationError

from app.core.db import Database
from app.services.audit.sealing import seal_audit
from app.services.audit.verifying import verify_audit
from tests.receiver import Receiver, Seen, receiving, reply
from tests.reliability.chaos.checker import (
    longest_outage,
    share_at_once,
    share_in_the_end,
    unanswered_by_fault,
    violations,
)
from tests.reliability.chaos.clients import GIVEN_UP_SECONDS, Client, Known
from tests.reliability.chaos.history import History, Kind, Outcome, Recorder
from tests.reliability.chaos.nemesis import Nemesis, Stage
from tests.reliability.chaos.stored import Arrival, Stored, read_stored
from tests.reliability.endpoints import a_day_passes, endpoint_at, rests, waiting
from tests.reliability.harness import Api, Service, until
from tests.reliability.proxy import LosingProxy
from tests.reliability.workers import FAKETIME, Workers

CALLERS, WORKERS = 16, 2
MOST_OUTAGE_SECONDS, LEAST_AT_ONCE = 10.0, 0.99
_PEACE_SECONDS = 60.0
_MOST_DAYS = 12


@dataclass
class Arrivals:
    """A receiver that fails one request in ten, and hangs up on as many, until it is well."""

    random: Random
    secret: str = ""
    accepted: list[Seen] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    requests: int = 0
    well: bool = False

    async def answer(self, seen: Seen) -> bytes | None:
        self.requests += 1
        try:
            Webhook(self.secret).verify(seen.body, seen.headers)
        except WebhookVerificationError as error:
            self.unsigned.append(f"the webhook of {seen.id} cannot be verified: {error}")
        chance = 1.0 if self.well else self.random.random()
        if chance < 0.2:
            return reply(500) if chance < 0.1 else None
        self.accepted.append(seen)
        return reply(204)

    def told(self) -> list[Arrival]:
        arrivals = []
        for request in self.accepted:
            event = json.loads(request.body)
            arrivals.append(Arrival(request.id, event["subject"].removeprefix("tickets/"), event["sequence"]))
        return arrivals


@dataclass
class Result:
    """Everything that the verdict is made of."""

    seed: int
    seconds: float
    history: History
    stored: Stored
    faults: Counter[str]
    lost: dict[str, int]
    requests_to_receiver: int

    def verdict(self) -> dict[str, object]:
        """One JSON document: `violations` are broken promises, `goals_missed` a matter of time and of the machine."""
        operations = self.history.operations
        statuses = Counter(str(a.status or "none") for operation in operations for a in operation.attempts)
        outage, at_once, in_the_end = (
            longest_outage(self.history),
            share_at_once(self.history),
            share_in_the_end(self.history),
        )
        goals = {
            f"longest outage of {MOST_OUTAGE_SECONDS:.0f} s": outage <= MOST_OUTAGE_SECONDS,
            f"{LEAST_AT_ONCE:.0%} without a retry": at_once >= LEAST_AT_ONCE,
        }
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "violations": violations(self.history, self.stored),
            "goals_missed": [goal for goal, reached in goals.items() if not reached],
            "longest_outage_seconds": outage,
            "share_without_retry": at_once,
            "share_with_retries": in_the_end,
            "unanswered_at_first": unanswered_by_fault(self.history),
            "operations": _outcomes(self.history),
            "attempts": dict(sorted(statuses.items())),
            "faults": dict(sorted(self.faults.items())),
            "faults_in_all": self.faults.total(),
            "wrong_clocks": "faked" if FAKETIME is not None else "not tried: libfaketime is not installed",
            "answers_lost": self.lost,
            "tickets": len(self.stored.tickets),
            "events": len(self.stored.events),
            "timers_fired": sum(event.type.startswith("sla.") for event in self.stored.events),
            "webhooks": {"accepted": len(self.stored.arrivals), "requests": self.requests_to_receiver},
            "load_of_the_machine": [round(load, 1) for load in os.getloadavg()],
        }


def _outcomes(history: History) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {kind.value: Counter() for kind in Kind}
    for operation in history.operations:
        found[operation.kind][operation.outcome] += 1
    return {
        kind: {outcome.value: counts[outcome] for outcome in Outcome if counts[outcome]}
        for kind, counts in found.items()
    }


async def run(folder: Path, *, seconds: float, seed: int, pause: float) -> Result:
    """Run for so long under faults, `pause` seconds apart on average, and as long after as it takes until all rests."""
    arrivals, recorder = Arrivals(Random(f"receiver {seed}")), Recorder(folder / "history.jsonl")
    async with AsyncExitStack() as stack:
        stack.callback(recorder.close)
        receiver = await stack.enter_async_context(receiving(arrivals.answer))
        stage = await stack.enter_async_context(_stage(folder, receiver, seed))
        _, arrivals.secret = await stack.enter_async_context(endpoint_at(stage.service, receiver))
        ways = [await stack.enter_async_context(stage.service.client(front.url)) for front in stage.fronts]
        board: list[Known] = []
        clients = [Client(f"{n}", Random(f"client {n} {seed}"), ways, recorder, board) for n in range(CALLERS)]
        calls = [asyncio.create_task(client.run()) for client in clients]
        nemesis = Nemesis(stage, Random(f"nemesis {seed}"), recorder, pause)
        began = time.monotonic()
        await nemesis.run(seconds)
        elapsed = time.monotonic() - began
        for client in clients:
            client.over = True
        await asyncio.wait_for(asyncio.gather(*calls), 2 * GIVEN_UP_SECONDS)
        arrivals.well = True
        async with stage.service.database() as connection:
            await _come_to_rest(stage, connection)
            stored = await read_stored(connection, arrivals.told())
        stored.broken += await _audit_findings(stage.service)
        stored.broken += [*_own_mistakes(stage.service), *arrivals.unsigned]
        lost = {"to callers": sum(front.lost for front in stage.fronts), "of commits": stage.back.lost}
    history = History.read(recorder.path.read_text("utf-8").splitlines())
    return Result(seed, round(elapsed, 1), history, stored, nemesis.done, lost, arrivals.requests)


@asynccontextmanager
async def _stage(folder: Path, receiver: Receiver, seed: int) -> AsyncIterator[Stage]:
    """Two API processes, one of them with its database behind a proxy, both behind proxies of their own."""
    service = await Service.start(folder, apis=1)
    try:
        async with AsyncExitStack() as stack:
            back = LosingProxy(service.postgres.port, marker=b"COMMIT;", share=0.0, random=Random(f"back {seed}"))
            await stack.enter_async_context(back)
            behind = Api(service.postgres.url_at(back.port), folder / "api-behind.log")
            service.apis.append(behind)
            behind.start()
            await asyncio.to_thread(behind.await_healthy)
            fronts = [
                await stack.enter_async_context(
                    LosingProxy(api.port, marker=b" /v1/", share=0.0, random=Random(f"front {number} {seed}"))
                )
                for number, api in enumerate(service.apis)
            ]
            settings = {"webhook_hosts": receiver.host}
            workers = await asyncio.to_thread(Workers, service.postgres.url, WORKERS, **settings)
            stack.callback(workers.kill_all)
            yield Stage(service, workers, fronts, back, settings)
    finally:
        await service.stop()


async def _come_to_rest(stage: Stage, connection: asyncpg.Connection) -> None:
    """Let workers do all there is to do. Days pass for what waits to be tried again, and for the leases of the dead."""
    for _ in range(_MOST_DAYS):
        await asyncio.to_thread(stage.workers.kill_all)
        await a_day_passes(connection)
        await asyncio.to_thread(stage.workers.start_all)
        await until(lambda: _rests(connection), "the workers have done what is due", seconds=_PEACE_SECONDS)
        if not await waiting(connection):
            break
    await asyncio.to_thread(stage.workers.kill_all)


async def _rests(connection: asyncpg.Connection) -> bool:
    return await rests(connection) and not await connection.fetchval(
        "SELECT count(*) FROM ticket_commitment WHERE next_fire_at < now()"
    )


async def _audit_findings(service: Service) -> list[str]:
    """Seal what is left to seal, and verify the chain of seals."""
    db = Database(service.settings())
    try:
        while True:
            async with db.begin() as session:
                if not await seal_audit(session):
                    break
        async with db.read() as session:
            verdict = await verify_audit(session)
    finally:
        await db.dispose()
    findings = [f"audit: {found.line} {found.position} {found.row} {found.what.en}" for found in verdict.findings]
    return findings + [f"audit: {verdict.pending} rows are not sealed"] * (verdict.pending > 0)


def _own_mistakes(service: Service) -> list[str]:
    """A mistake of ours is logged as such, whatever was answered."""
    return ["an API process logged a failure of its own"] * ("request failed" in service.logged())
