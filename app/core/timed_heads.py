"""The server's protocol, with an end to how long the head of a request may take: uvicorn waits for one for ever."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 15.0
WHOLE: Final = "whole"  # in the state of a request: all of it has come, so that nothing more need be waited for


class TimedHeads(HttpToolsProtocol):
    """Close a connection on which no head, or but part of one, has come in time.

    Between requests the connection may rest as long as `timeout_keep_alive` says.
    """

    head_seconds = HEAD_SECONDS
    _awaited = True
    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_message_begin(self) -> None:
        self._awaited = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._awaited = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.scope["state"][WHOLE] = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._awaited = False
        self._watch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Start the clock where a head is awaited, or stop it."""
        if self._awaited and self._end is None:
            self._end = self.loop.call_later(self.head_seconds, self._give_up)
        elif not self._awaited and self._end is not None:
            self._end.cancel()
            self._end = None

    def _give_up(self) -> None:
        self._end = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:  # what went before is still being answered, and may be what holds up the reading
            self._watch()
