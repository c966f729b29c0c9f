"""How much a process takes on: so many requests under way, a short queue, and a refusal at once for what is beyond."""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import ServerBusy
from app.core.metrics import REQUESTS_IN_FLIGHT, REQUESTS_SHED, REQUESTS_WAITING

_WAIT_SECONDS: Final = 1.0
_RETRY: Final = {"retry-after": "1"}


class Room:
    """The places of a process and the queue before them.

    What is `urgent`, by method and path, goes before the rest of the queue, and takes the place of what came last when
    the queue is full. `exempt` tells which requests take no place, however many there are.
    """

    def __init__(
        self,
        most: int,
        waiting: int,
        *,
        urgent: frozenset[tuple[str, str]] = frozenset(),
        exempt: Callable[[Scope], bool] = lambda _scope: False,
    ) -> None:
        self._most, self._longest, self._urgent, self._exempt = most, waiting, urgent, exempt
        self._under_way = 0
        self._first: dict[asyncio.Future[None], None] = {}  # in the order they came
        self._others: dict[asyncio.Future[None], None] = {}

    def concerns(self, scope: Scope) -> bool:
        return scope["type"] == "http" and not self._exempt(scope)

    def check(self, scope: Scope) -> None:
        """Raises: ServerBusy if there is neither a place nor room in the queue for such a request."""
        if self._under_way < self._most or len(self._first) + len(self._others) < self._longest:
            return
        if not self._others or not self._is_urgent(scope):
            REQUESTS_SHED.labels("queue_full").inc()
            raise ServerBusy(headers=_RETRY)

    async def enter(self, scope: Scope) -> None:
        """Take a place, perhaps after a wait; `leave` must follow.

        Raises: ServerBusy if the queue is full, the wait too long, or the place in it given to an urgent one.
        """
        self.check(scope)
        if self._under_way < self._most:
            self._under_way += 1
        else:
            await self._wait(urgent=self._is_urgent(scope))
        REQUESTS_IN_FLIGHT.inc()

    def leave(self) -> None:
        REQUESTS_IN_FLIGHT.dec()
        self._pass_on()

    def _is_urgent(self, scope: Scope) -> bool:
        return (scope["method"], scope["path"]) in self._urgent

    async def _wait(self, *, urgent: bool) -> None:
        if len(self._first) + len(self._others) >= self._longest:
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
                self._pass_on()
            raise
        finally:
            end.cancel()
            queue.pop(place, None)
            self._tell()

    def _pass_on(self) -> None:
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


class Door:
    """Refuse what there is no room for before anything is done for it: under overload most requests end here."""

    def __init__(self, app: ASGIApp, *, room: Room) -> None:
        self.app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._room.concerns(scope):
            self._room.check(scope)
        await self.app(scope, receive, send)


class Admission:
    """Let requests in as others leave. It stands behind the body: who sends slowly takes no place."""

    def __init__(self, app: ASGIApp, *, room: Room) -> None:
        self.app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._room.concerns(scope):
            await self.app(scope, receive, send)
            return
        await self._room.enter(scope)
        try:
            await self.app(scope, receive, send)
        finally:
            self._room.leave()
