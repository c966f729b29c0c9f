"""Servers of our own that notices are sent to: a robot's, which behaves as a test says, and a mail server."""

import asyncio
import json
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class Said:
    """One request a robot got. `path` has the query."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        text: str = (self.body.get("text") or self.body["content"]).get("content") or self.body["content"]["text"]
        return text

    @property
    def reference(self) -> str:
        return self.text.rsplit("\n", 1)[1]


Behaviour = Callable[[asyncio.StreamWriter], Any]


def answers(document: object, status: int = 200, headers: str = "") -> Behaviour:
    """Answer with a document as JSON, or with bytes as they are."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


async def hangs(_writer: asyncio.StreamWriter) -> None:
    """Say nothing, for longer than anybody waits."""
    await asyncio.sleep(3600)


async def resets(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))


async def never_ends(writer: asyncio.StreamWriter) -> None:
    """Promise an answer of a gigabyte, and go on with it for as long as somebody reads."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


OK = answers({"errcode": 0, "errmsg": "ok", "code": 0, "msg": "success"})


@dataclass
class Robots:
    """Any number of robots, told apart by the path of their address."""

    url: str = ""
    said: list[Said] = field(default_factory=list)
    behaviour: dict[str, list[Behaviour]] = field(default_factory=dict)
    spoken_to: asyncio.Event = field(default_factory=asyncio.Event)

    def address(self, name: str) -> str:
        return f"{self.url}{name}?access_token=0123456789abcdef"

    def behave(self, name: str, *behaviours: Behaviour) -> None:
        """Say what a robot does next; after the last of it, it takes everything."""
        self.behaviour[name] = list(behaviours)

    def told(self, name: str) -> list[Said]:
        return [said for said in self.said if said.path.startswith(f"/{name}?")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-1])}
            body = json.loads(await reader.readexactly(int(headers["content-length"])))
            path = lines[0].split(" ")[1]
            self.said.append(Said(path, headers, body))
            self.spoken_to.set()
            planned = self.behaviour.get(path[1:].split("?")[0], [])
            await (planned.pop(0) if planned else OK)(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def robots_at_work() -> AsyncIterator[Robots]:
    robots, under_way = Robots(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(robots.serve(reader, writer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    robots.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield robots
    server.close()
    for task in list(under_way):
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


@dataclass
class MailServer:
    """A mail server that keeps what it gets. `refusal` is what it says to every recipient instead."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    refusal: str | None = None
    silent: bool = False

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.silent:
            await asyncio.sleep(3600)
        if self.refusal is not None:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        letter = message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.envelopes.append(envelope)
        return "250 OK"


LOGIN = LoginPassword(b"duty@example.com", b"p@ss/word")


def _authenticate(_server: object, _session: object, _envelope: object, _mechanism: object, given: Any) -> AuthResult:
    return AuthResult(success=given == LOGIN, handled=False)


@asynccontextmanager
async def mail_at_work(tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[MailServer]:
    """Run a mail server; with `tls` from the first byte on, unless the options say STARTTLS."""
    mail, loop = MailServer(), asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(mail, hostname="mail.test", authenticator=_authenticate, loop=loop, **options)

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    mail.port = server.sockets[0].getsockname()[1]
    yield mail
    server.close()
