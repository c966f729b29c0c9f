"""What the processes of `serve` do, loaded and built once: they are forks of the one that holds it."""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlalchemy.orm import configure_mappers

from app.commands.database import bring_up, database
from app.commands.faults import explained
from app.commands.production import refuse_unsafe
from app.commands.worker import work
from app.core.accepting import EagerServer
from app.core.clock import system_clock
from app.core.docs import DOCS
from app.core.faults import EXPLAINED, Fault
from app.core.language import Text
from app.core.private_file import write_private
from app.core.settings import Settings, load_settings
from app.core.supervised import Channel
from app.core.timed_heads import TimedHeads
from app.main import create_app
from app.services.first_start import prepare
from app.services.policy_book import PolicyBook

_KEEP_ALIVE_SECONDS = 75  # longer than reverse proxies keep theirs, so that none sends into a connection we close
_GARBAGE = 10_000  # objects, some tens of requests' worth: by Python's own 700 every request would stop to look for it
_NICENESS = 5  # a third of what an API process gets of a processor that both ask for
_DRAIN_SECONDS = 27  # after the leave; the supervisor waits for 30


@dataclass(frozen=True)
class Program:
    """Nothing in it has a connection, a thread or an event loop yet: those are each process's own."""

    settings: Settings
    book: PolicyBook
    app: FastAPI

    @classmethod
    def build(cls, book: PolicyBook) -> "Program":
        """Build everything from the environment. Raises: Fault."""
        with explained():
            settings = load_settings()
            app = create_app(settings, book=book)
        configure_mappers()
        gc.freeze()  # it is there to stay: a collection that looked at it would copy its pages into each process
        return cls(settings, book, app)

    @property
    def docs(self) -> str | None:
        """Where the documentation is, if it is served."""
        return DOCS if self.app.openapi_url else None

    def prepare(self, channel: Channel, key_file: Path) -> None:
        """Bring the schema to head and a new database to its first state; a first key goes to `key_file`."""
        with _said(), explained():
            key = asyncio.run(_prepare(self.settings, self.book, key_file))
        channel.report_ready(key=key if self.settings.environment != "production" else None)

    def answer(self, channel: Channel, listener: socket.socket) -> None:
        """Be an API process until a signal says stop."""
        gc.set_threshold(_GARBAGE)
        config = uvicorn.Config(
            self.app,
            loop="uvloop",
            http=TimedHeads,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the application believes the proxies it is told of
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        _Server(config, channel).run(sockets=[listener])

    def work(self, channel: Channel) -> None:
        """Be a worker until a signal says stop. Where processors are short, people who wait for answers go first."""
        os.nice(_NICENESS)
        with _said(), explained():
            asyncio.run(work(self.settings, self.book, ready=channel.report_ready))


@contextmanager
def _said() -> Iterator[None]:
    """End the process with a word instead of a traceback where a Fault keeps it from its work."""
    try:
        yield
    except Fault as fault:
        fault.say()
        sys.exit(EXPLAINED)


class _Server(EagerServer):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, channel: Channel) -> None:
        super().__init__(config, TimedHeads)
        self._channel = channel

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._channel.report_ready()


async def _prepare(settings: Settings, book: PolicyBook, key_file: Path) -> str | None:
    """Return the first key if one was made now."""

    def keep(key: str) -> None:
        try:
            write_private(key_file, key + "\n")
        except OSError as error:
            raise Fault(
                Text(
                    f"无法写入管理员密钥 {key_file}：{error.strerror}，可用 --data-dir 另选位置",
                    f"the administrator's key cannot be written to {key_file} ({error.strerror}): "
                    "--data-dir chooses another place",
                )
            ) from None

    async with database(settings) as db:
        await bring_up(db, settings)
        await refuse_unsafe(db, settings)
        return await prepare(db, book, system_clock(), keep=keep)
