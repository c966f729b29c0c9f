"""One API process of `serve`, on the socket it inherits."""

import asyncio
import gc
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import uvicorn

from app.commands.database import bring_up, database
from app.commands.faults import explained
from app.commands.production import refuse_unsafe
from app.core.accepting import EagerServer
from app.core.clock import system_clock
from app.core.docs import DOCS
from app.core.faults import Fault
from app.core.language import Text
from app.core.private_file import write_private
from app.core.settings import Settings, load_settings
from app.core.supervised import await_orders, report_ready
from app.core.timed_heads import TimedHeads
from app.main import create_app
from app.services.first_start import prepare
from app.services.policy_book import SHIPPED, PolicyBook

_KEEP_ALIVE_SECONDS = 75  # longer than reverse proxies keep theirs, so that none sends into a connection we close
_GARBAGE = 10_000  # objects, some tens of requests' worth: by Python's own 700 every request would stop to look for it
_DRAIN_SECONDS = 27  # after the leave; the supervisor waits for 30


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--socket", type=int, required=True, help="the number of the inherited socket")
    parser.add_argument("--prepare", type=Path, metavar="FILE", help="bring the database up; a first key goes to FILE")


def run(options: Namespace) -> int:
    await_orders()
    with explained():
        settings = load_settings()
        book = PolicyBook.load(settings.policies_folder or SHIPPED)
        app = create_app(settings, book=book)
        gc.freeze()  # rules, words and model are there to stay: reading a text takes a quarter less without them
        gc.set_threshold(_GARBAGE)
        key = asyncio.run(_prepare(settings, book, options.prepare)) if options.prepare else None
    config = uvicorn.Config(
        app,
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
    docs = DOCS if app.openapi_url else None
    shown = key if settings.environment != "production" else None
    with socket.socket(fileno=options.socket) as listener:
        _Server(config, lambda: report_ready(docs=docs, key=shown)).run(sockets=[listener])
    return 0


class _Server(EagerServer):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config, TimedHeads)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


async def _prepare(settings: Settings, book: PolicyBook, key_file: Path) -> str | None:
    """Bring the schema to head and a new database to its first state; return the first key if one was made now."""

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
