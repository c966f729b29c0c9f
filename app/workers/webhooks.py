"""Sends webhooks: few at a time to one receiver, many overall, and no receiver waits for another.

What is due is claimed from the database in batches and sent outside any transaction. Events of one ticket go down one
lane, one after the other; a try that failed is not waited for, its place in the ticket's `sequence` tells the receiver.
"""

import asyncio
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from app.core.breaker import Breaker
from app.core.clock import Clock
from app.core.egress import Egress
from app.core.errors import ServiceError
from app.core.wire import TOTAL_SECONDS, Wire
from app.services.directory import Known
from app.services.webhooks.dispatching import LEASE_SECONDS, Claimed, Result, claim, record
from app.services.webhooks.sending import send
from app.workers.runner import Task, Tools

LANES = 4  # requests at a time to one receiver
MOST_AT_ONCE = 512  # requests overall
_MOST_IN_HAND = 4000
_MOST_OF_PROVEN = 40  # deliveries in hand for a receiver whose last reply was a yes; LANES for any other
_REST_SECONDS = 0.2
_STOP_SECONDS = 3.0
_LINGER_SECONDS = 30.0  # a lane with nothing to do keeps its connection so long
_SENDABLE_SECONDS = LEASE_SECONDS - TOTAL_SECONDS - 5  # after that the lease could end before the reply


@dataclass(frozen=True, slots=True)
class _Item:
    claimed: Claimed
    known: Known
    taken_at: float


Queue = asyncio.Queue[_Item | None]


@dataclass(slots=True)
class _Receiver:
    """What this worker has in hand for one endpoint, and how the endpoint has been doing."""

    breaker: Breaker = field(default_factory=Breaker)
    proven: bool = False
    in_hand: int = 0
    lanes: dict[int, Queue] = field(default_factory=dict)

    def most(self, now: float) -> int:
        if self.breaker.open:
            return 1 if self.breaker.allows(now) else 0
        return _MOST_OF_PROVEN if self.proven else LANES

    def note(self, now: float, *, succeeded: bool) -> None:
        self.proven = succeeded
        self.breaker.note(now, succeeded=succeeded)


class Deliverer:
    """One worker's sending. At the end of the block what is under way may finish; the rest is given back.

    `moment` stands in for the database's clock in tests.
    """

    def __init__(self, tools: Tools, egress: Egress, *, moment: Clock | None = None) -> None:
        self.tools, self._egress = tools, egress
        self._tls = ssl.create_default_context()
        self._moment = moment
        self._receivers: dict[UUID, _Receiver] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._finished: list[Result] = []
        self._news = asyncio.Event()
        self._gate = asyncio.Semaphore(MOST_AT_ONCE)
        self._in_hand = 0
        self._stopping = False
        self.task = Task("send webhooks", _REST_SECONDS, self.round)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        for receiver in self._receivers.values():
            for lane in receiver.lanes.values():
                lane.put_nowait(None)
        if self._working:
            await asyncio.wait(self._working, timeout=_STOP_SECONDS)
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        with suppress(ServiceError):  # unrecorded, they are due again when their lease ends
            async with self.tools.db.begin() as session:
                await record(session, self._finished, now=self._now())

    def _now(self) -> datetime | None:
        return None if self._moment is None else self._moment()

    @property
    def busy(self) -> bool:
        """Tell whether anything is under way, or not recorded yet."""
        return self._in_hand > 0 or bool(self._finished)

    async def round(self, _tools: Tools) -> int:
        """Record what is finished and take what is due; return how much that was. Waits a little while all is sent."""
        if self._in_hand and not self._finished:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REST_SECONDS):
                    await self._news.wait()
        self._news.clear()
        known = await self.tools.directory.known()
        done, instant = self._finished[:], time.monotonic()
        rooms = {key: max(found.most(instant) - found.in_hand, 0) for key, found in self._receivers.items()}
        async with self.tools.db.begin() as session:
            await record(session, done, now=self._now())
            claimed = await claim(session, rooms, room=LANES, most=_MOST_IN_HAND - self._in_hand, now=self._now())
        del self._finished[: len(done)]
        for delivery in claimed:
            self._take(_Item(delivery, known, time.monotonic()))
        return len(done) + len(claimed)

    def _take(self, item: _Item) -> None:
        receiver = self._receivers.setdefault(item.claimed.endpoint_id, _Receiver())
        receiver.in_hand += 1
        self._in_hand += 1
        lane = hash(item.claimed.event.subject) % LANES
        if lane not in receiver.lanes:
            receiver.lanes[lane] = asyncio.Queue()
            task = asyncio.create_task(self._work(receiver, lane, receiver.lanes[lane]))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        receiver.lanes[lane].put_nowait(item)

    async def _work(self, receiver: _Receiver, lane: int, queue: Queue) -> None:
        """Send what a lane holds, one after the other on one connection, until nothing came for a while."""
        wire: Wire | None = None
        while (item := await _next(queue)) is not None:
            wire = await self._wire_to(item.claimed.url, wire)
            result = await self._attempt(receiver, item, wire)
            receiver.in_hand -= 1
            self._in_hand -= 1
            self._finished.append(result)
            self._news.set()
        del receiver.lanes[lane]
        if wire is not None:
            await wire.close()

    async def _wire_to(self, url: str, wire: Wire | None) -> Wire:
        if wire is not None and wire.url == url:
            return wire
        if wire is not None:
            await wire.close()
        return Wire(self._egress, url, tls=self._tls)

    async def _attempt(self, receiver: _Receiver, item: _Item, wire: Wire) -> Result:
        """Send one delivery, or give it back where the receiver, the lease or this worker no longer allow it."""
        async with self._gate:
            instant = time.monotonic()
            late = instant - item.taken_at > _SENDABLE_SECONDS
            if self._stopping or late or receiver.in_hand > receiver.most(instant):
                return Result(item.claimed)
            now = self.tools.clock()
            result = await send(
                wire,
                item.claimed,
                known=item.known,
                keyring=self.tools.keyring,
                public_url=self.tools.public_url,
                now=now,
            )
            receiver.note(time.monotonic(), succeeded=result.outcome is not None and result.outcome.delivered)
            return result


async def _next(queue: Queue) -> _Item | None:
    """Return the next item; None when there was none for half a minute."""
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            return await queue.get()
    except TimeoutError:
        return None if queue.empty() else queue.get_nowait()
