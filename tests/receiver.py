"""A webhook receiver on this machine that writes down what it gets, and answers as badly as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Answer = Callable[[Seen], Awaitable[bytes | None]]


def reply(status: int, *headers: str, body: bytes = b"") -> bytes:
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def always(status: int, *headers: str, body: bytes = b"") -> Answer:
    async def answer(_seen: Seen) -> bytes:
        return reply(status, *headers, body=body)

    return answer


async def reset(_seen: Seen) -> bytes | None:
    """Take the request and hang up."""
    return None


async def hang(_seen: Seen) -> bytes | None:
    """Take the request and say nothing."""
    await asyncio.Event().wait()
    return None


@dataclass
class Receiver:
    """`answer` may be changed at any time."""

    port: int
    answer: Answer = field(default_factory=lambda: always(204))
    scheme: str = "http"
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0

    @property
    def host(self) -> str:
        """What a deployment names to let webhooks come here."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}/hooks?from=aftersales"

    def ids(self) -> list[str]:
        return [request.id for request in self.seen]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _read(reader)
                self.seen.append(request)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    answer = await self.answer(request)
                finally:
                    self.at_once -= 1
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
    body = await reader.readexactly(int(headers["content-length"]))
    return Seen(head[0].split(" ")[1], headers, body)


@asynccontextmanager
async def receiving(
    answer: Answer | None = None, *, port: int = 0, tls: SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Listen during the block, on a port of its own unless one is given."""
    receiver = Receiver(port, scheme="https" if tls else "http")
    if answer is not None:
        receiver.answer = answer
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await receiver.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
