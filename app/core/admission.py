"""How much a process takes on: so many requests under way, a short queue, and a refusal at once for what is beyond."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import ServerBusy
from app.core.metrics import REQUESTS_IN_FLIGHT, REQUESTS_SHED, REQUESTS_WAITING

_WAIT_SECONDS: Final = 1.0
_RETRY: Final = {"retry-after": "1"}


class Admission:
    """Let requests in as others leave. It stands behind the body: who sends slowly takes no place.

    What is `urgent`, by method and path, goes before the rest of the queue, and takes the place of what came last when
    the queue is full. `exempt` are the paths of an operator's own questions.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most: int,
        waiting: int,
        urgent: frozenset[tuple[str, str]] = frozenset(),
        exempt: frozenset[str] = frozenset(),
    ) -> None:
        self.app, self._most, self._longest, self._urgent, self._exempt = app, most, waiting, urgent, exempt
        self._under_way = 0
        self._first: dict[asyncio.Future[None], None] = {}  # in the order they came
        self._others: dict[asyncio.Future[None], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._exempt:
            await self.app(scope, receive, send)
            return
        if self._under_way < self._most:
            self._under_way += 1
        else:
            await self._wait(urgent=(scope["method"], scope["path"]) in self._urgent)
        REQUESTS_IN_FLIGHT.inc()
        try:
            await self.app(scope, receive, send)
        finally:
            REQUESTS_IN_FLIGHT.dec()
            self._leave()

    async def _wait(self, *, urgent: bool) -> None:
        """Raises: ServerBusy if the queue is full, the wait too long, or the place given to an urgent request."""
        if len(self._first) + len(self._others) >= self._longest:
            if not urgent or not self._others:
                REQUESTS_SHED.labels("queue_full").inc()
                raise ServerBusy(headers=_RETRY)
            _refuse(self._others.popitem()[0], "displaced")
        loop, queue = asyncio.get_running_loop(), self._first if urgent else self._others
        place = loop.create_future()
        queue[place] = None
        self._tell()
        end = loop.call_later(_WAIT_SECONDS, _refuse, place, "waited")
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:  # it came at the same moment
                self._leave()
            raise
        finally:
            end.cancel()
            queue.pop(place, None)
            self._tell()

    def _leave(self) -> None:
        for queue in (self._first, self._others):
            while queue:
                place = next(iter(queue))
                del queue[place]
                self._tell()
                if not place.done():
                    place.set_result(None)
                    return
        self._under_way -= 1

    def _tell(self) -> None:
        REQUESTS_WAITING.set(len(self._first) + len(self._others))


def _refuse(place: "asyncio.Future[None]", reason: str) -> None:
    if not place.done():
        REQUESTS_SHED.labels(reason).inc()
        place.set_exception(ServerBusy(headers=_RETRY))
