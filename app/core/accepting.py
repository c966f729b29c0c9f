"""A server that takes connections as they come, and takes leave of them before it goes.

uvloop (0.23, by way of libuv) accepts one connection in each turn of its loop. A turn takes some 20 ms under load, and
200 connections that come together were measured to wait up to 4 s, which no limit on requests would ever see.
"""

import asyncio
import socket
from contextlib import suppress
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_IN_ONE_TURN: Final = 16  # no more: other processes accept from the same socket
_POLL_SECONDS: Final = 0.02
LEAVING: Final = "leaving"  # in the state of a request: the process is about to go


class EagerServer(uvicorn.Server):
    """Accepts beside the loop's own server, through another handle on the same sockets."""

    leave_seconds = 2.0  # at most, and no longer than there are connections

    def __init__(self, config: uvicorn.Config, protocol: type[HttpToolsProtocol]) -> None:
        super().__init__(config)
        self._protocol = protocol
        self._handles: list[socket.socket] = []
        self._beginning: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._handles = [listener.dup() for listener in sockets or ()]
        for handle in self._handles:
            handle.setblocking(False)
            asyncio.get_running_loop().add_reader(handle, self._accept, handle)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for handle in self._handles:
            asyncio.get_running_loop().remove_reader(handle)
            handle.close()
        if self.started:
            await self._take_leave()
        await super().shutdown(sockets)

    async def _take_leave(self) -> None:
        """Take no new connections, and ask those there are to end with their next answer, for a while.

        Closed without a word, an idle connection fails whoever is sending into it just then.
        """
        for server in self.servers:
            server.close()
        self.lifespan.state[LEAVING] = True
        self.server_state.default_headers.append((b"connection", b"close"))
        for connection in self.server_state.connections:
            cycle = getattr(connection, "cycle", None)
            if cycle is not None:  # a request under way has the headers of the second in which it came
                cycle.default_headers = self.server_state.default_headers
        now = asyncio.get_running_loop().time
        end = now() + self.leave_seconds
        while now() < end and not self.force_exit:
            await asyncio.sleep(_POLL_SECONDS)  # for those accepted just now too, who are not among the connections yet
            if not self.server_state.connections and not self._beginning:
                break

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # nobody waits any more, or who did has gone
            for _ in range(_IN_ONE_TURN):
                connection, _ = listener.accept()
                connection.setblocking(False)
                beginning = asyncio.create_task(self._begin(connection))
                self._beginning.add(beginning)
                beginning.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(self._new_protocol, connection)

    def _new_protocol(self) -> HttpToolsProtocol:
        return self._protocol(self.config, self.server_state, self.lifespan.state)
