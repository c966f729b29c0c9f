"""Breaks one thing at a time, in an order that the seed decides, and mends it again."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from random import Random

import asyncpg

from tests.reliability.chaos.history import Recorder
from tests.reliability.harness import Service
from tests.reliability.proxy import LosingProxy
from tests.reliability.workers import FAKETIME, Workers, fooled_worker

LOST = 0.2  # of the answers, while answers are lost
_DELAY_SECONDS = 0.1  # each way
_OFFSETS = ["+3d", "-2h"]
_KILLS = 3  # as often as any other fault


@dataclass
class Stage:
    """What can be broken. `fronts` stand before the API processes, `back` between one of these and PostgreSQL."""

    service: Service
    workers: Workers
    fronts: list[LosingProxy]
    back: LosingProxy
    worker_settings: dict[str, str]


@dataclass
class Nemesis:
    """Every fault comes before any comes again, but kills, which are three of each kind a round."""

    stage: Stage
    random: Random
    recorder: Recorder
    pause: float  # seconds between two faults, on average
    done: Counter[str] = field(default_factory=Counter)

    async def run(self, seconds: float) -> None:
        """Go on for so long; a fault that has begun is mended before this returns."""
        end = self.recorder.now() + seconds
        while True:
            for fault in self._shuffled():
                await asyncio.sleep(self.pause * self.random.uniform(0.4, 1.6))
                if self.recorder.now() >= end:
                    return
                began_at = self.recorder.now()
                await fault()
                self.done[fault.__name__] += 1
                self.recorder.fault(fault.__name__, began_at)

    def _shuffled(self) -> list[Callable[[], Awaitable[None]]]:
        kills = [self.kill_an_api, self.kill_a_worker, self.kill_postgresql]
        others = [
            self.kill_a_backend,
            self.freeze_an_api,
            self.freeze_a_worker,
            self.freeze_postgresql,
            self.lose_answers,
            self.lose_commits,
            self.cut_connections,
            self.slow_the_database_down,
            self.silence_the_database,
        ]
        clocks = [self.set_a_clock_wrong] if FAKETIME is not None else []
        faults: list[Callable[[], Awaitable[None]]] = [*kills * _KILLS, *others, *clocks]
        self.random.shuffle(faults)
        return faults

    async def kill_an_api(self) -> None:
        api = self.random.choice(self.stage.service.apis)
        await asyncio.to_thread(api.kill)
        await self._hold(0.1, 0.8)
        await asyncio.to_thread(api.start)
        await asyncio.to_thread(api.await_healthy)

    async def kill_a_worker(self) -> None:
        await asyncio.to_thread(self.stage.workers.kill_one, self.random.randrange(8))
        await self._hold(0.5, 1.5)

    async def kill_postgresql(self) -> None:
        await asyncio.to_thread(self.stage.service.postgres.kill)
        await self._hold(0.0, 0.8)
        await asyncio.to_thread(self.stage.service.postgres.start)

    async def kill_a_backend(self) -> None:
        """The postmaster then ends all the others, and recovers by itself."""
        async with self.stage.service.database() as connection:
            pids = await connection.fetch(
                "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'aftersales%' ORDER BY pid"
            )
            if pids:
                with suppress(ProcessLookupError):
                    os.kill(self.random.choice(pids)["pid"], signal.SIGKILL)
            with suppress(asyncpg.PostgresError, OSError):  # it is ended with the others
                await connection.execute("SELECT pg_sleep(5)")

    async def freeze_an_api(self) -> None:
        process = self.random.choice(self.stage.service.apis).process
        assert process is not None
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        await self._hold(1.0, 4.5)
        os.kill(process.pid, signal.SIGCONT)

    async def freeze_a_worker(self) -> None:
        number = self.random.randrange(8)
        self.stage.workers.signal_one(number, signal.SIGSTOP)
        await self._hold(1.0, 4.0)
        self.stage.workers.signal_one(number, signal.SIGCONT)

    async def freeze_postgresql(self) -> None:
        self.stage.service.postgres.signal(signal.SIGSTOP)
        await self._hold(0.5, 4.0)
        self.stage.service.postgres.signal(signal.SIGCONT)

    async def lose_answers(self) -> None:
        for front in self.stage.fronts:
            front.share = LOST
        await self._hold(1.5, 3.0)
        for front in self.stage.fronts:
            front.share = 0.0

    async def lose_commits(self) -> None:
        self.stage.back.share = LOST
        await self._hold(1.5, 3.0)
        self.stage.back.share = 0.0

    async def cut_connections(self) -> None:
        for proxy in [*self.stage.fronts, self.stage.back]:
            proxy.cut()

    async def slow_the_database_down(self) -> None:
        self.stage.back.delay = _DELAY_SECONDS
        await self._hold(1.5, 3.0)
        self.stage.back.delay = 0.0

    async def silence_the_database(self) -> None:
        self.stage.back.silence()
        await self._hold(1.0, 4.0)
        self.stage.back.speak()

    async def set_a_clock_wrong(self) -> None:
        """One more worker, on a machine days before or hours behind the others."""
        offset, url = self.random.choice(_OFFSETS), self.stage.service.postgres.url
        with ExitStack() as worker:
            fooled = fooled_worker(url, offset, **self.stage.worker_settings)
            await asyncio.to_thread(worker.enter_context, fooled)
            await self._hold(4.0, 6.0)

    async def _hold(self, least: float, most: float) -> None:
        await asyncio.sleep(self.random.uniform(least, most))
