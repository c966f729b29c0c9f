"""A TCP proxy that loses answers: the request gets through, its answer does not, and the connection is cut.

It can be slow, silent, or hang up on all, too.
"""

import asyncio
from contextlib import suppress
from random import Random
from types import TracebackType
from typing import Self

_CHUNK = 65536


class LosingProxy:
    """Forwards to a port of this machine while its block lasts.

    marker: the bytes by which a request is known whose answer may be lost, with the probability `share`.
    `share` and `delay` (seconds, each way) may be changed at any time.
    """

    def __init__(self, target: int, *, marker: bytes, share: float, random: Random) -> None:
        self.port = 0
        self.lost = 0
        self.share = share
        self.delay = 0.0
        self._target = target
        self._marker = marker
        self._random = random
        self._passing = asyncio.Event()
        self._passing.set()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def silence(self) -> None:
        """Let nothing through in either direction, and say so to nobody."""
        self._passing.clear()

    def speak(self) -> None:
        self._passing.set()

    def cut(self) -> None:
        """Hang up on everybody; who comes again is served."""
        for task in self._running:
            task.cancel()

    async def open(self) -> None:
        """Listen, again on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections, and hang up on those there are."""
        self._server.close()
        self.cut()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # also of a task that never began

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # one end hung up while the other spoke: the caller sees the cut
            await self._forward(reader, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self._target)
        doomed = asyncio.Event()
        directions = [
            asyncio.create_task(self._outward(reader, their_writer, doomed)),
            asyncio.create_task(self._homeward(their_reader, writer, doomed)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            their_writer.transport.abort()  # first of all: what awaits may be cancelled
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _outward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            if self._marker in chunk and self._random.random() < self.share:
                doomed.set()
            await self._pass_on(chunk, writer)

    async def _homeward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            if doomed.is_set():
                self.lost += 1
                return
            await self._pass_on(chunk, writer)

    async def _pass_on(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        await self._passing.wait()
        writer.write(chunk)
        await writer.drain()
