"""Bodies too large to be held in memory: passed on as they come, within a size and a time."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import RequestTimeout, ServiceError

LINGER_SECONDS, LINGER_BYTES = 2.0, 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Streamed:
    """POST requests whose body is passed on: to which paths, how much within which time, and what refuses more."""

    path: re.Pattern[str]
    most_bytes: int
    seconds: float
    too_large: type[ServiceError]

    def takes(self, scope: Scope) -> bool:
        return scope["method"] == "POST" and self.path.fullmatch(scope["path"]) is not None


async def pass_on(app: ASGIApp, streamed: Streamed, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a request whose body the application reads part by part.

    Where it answers before the end, the rest is let go by for a while and the connection closed.
    """
    body = _Body(streamed, scope, receive)

    async def answer(message: Message) -> None:
        if body.ended:
            await send(message)
        elif message["type"] == "http.response.start":
            await send({**message, "headers": [*message["headers"], (b"connection", b"close")]})
        elif message.get("more_body", False):
            await send(message)
        else:
            await send({**message, "more_body": True})
            await let_go_by(receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    await app(scope, body.receive, answer)


class _Body:
    def __init__(self, streamed: Streamed, scope: Scope, receive: Receive) -> None:
        self._streamed, self._receive = streamed, receive
        declared = Headers(scope=scope).get("content-length", "0")
        self._declared = int(declared[:11]) if declared.isdecimal() else 0
        self._until = asyncio.get_running_loop().time() + streamed.seconds
        self._size = 0
        self.ended = self._declared == 0 and "transfer-encoding" not in Headers(scope=scope)

    async def receive(self) -> Message:
        """Raises: RequestTimeout, and what refuses a body that is too large."""
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        self._size += len(message.get("body", b""))
        if max(self._size, self._declared) > self._streamed.most_bytes:
            raise self._streamed.too_large
        self.ended = not message.get("more_body", False)
        return message


async def let_go_by(receive: Receive) -> None:
    """Read and drop the rest of a body, within bounds: what is closed while bytes are under way is reset."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            dropped, more = 0, True
            while more and dropped < LINGER_BYTES:
                message = await receive()
                dropped += len(message.get("body", b""))
                more = message.get("more_body", False)
