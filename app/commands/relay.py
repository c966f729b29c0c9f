"""`aftersales relay`: pass every event on to NATS JetStream, for companies whose systems read from a broker."""

import asyncio
import re
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from app.commands.database import command_settings, database
from app.commands.place import add_data_dir
from app.core.crypto import KeyRing
from app.core.faults import Fault
from app.core.language import Text
from app.core.logs import configure_logs
from app.core.settings import Settings
from app.services.directory import Directory
from app.services.policy_book import SHIPPED, PolicyBook
from app.services.relay import Message, Publish, Relay

_REST_SECONDS = 0.5
_CONFIRM_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 30.0
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_log = structlog.get_logger("aftersales.relay")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--to", required=True, metavar="URL", help="nats://user:password@host:4222 (消息服务器)")
    parser.add_argument("--stream", default="AFTERSALES", help="of JetStream, made by you for PREFIX.> (流名称)")
    parser.add_argument("--name", default="relay", help="keeps its place in the feed under this name (名称)")
    parser.add_argument("--prefix", default="aftersales", help="subjects are PREFIX.LINE.TYPE (主题前缀)")
    parser.add_argument("--from-start", action="store_true", help="a new name begins with all events there are (从头)")
    add_data_dir(parser)


def run(options: Namespace) -> int:
    """Raises: Fault for a name that is none, or where the extra `relay` is not installed."""
    for word in (options.name, options.prefix):
        if not _NAME.fullmatch(word):
            raise Fault(Text("名称与前缀限字母、数字、- 和 _", "a name or prefix takes letters, digits, - and _"))
    with command_settings(options) as settings:
        asyncio.run(_relay(options, settings))
    return 0


async def _relay(options: Namespace, settings: Settings) -> None:
    configure_logs(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with database(settings) as db:
        keyring = KeyRing.read(settings.secret_keys_file, settings.secret_keys)
        relay = Relay(db, keyring, options.name, options.prefix, settings.public_url)
        directory = Directory(db, PolicyBook.load(settings.policies_folder or SHIPPED))
        await relay.begin(from_start=options.from_start)
        failures = 0
        while not stop.is_set():
            try:
                async with jet_stream(options.to, options.stream) as publish:
                    while not stop.is_set():
                        sent = await relay.send_next(await directory.known(), publish)
                        failures = 0
                        await _rest(0.0 if sent else _REST_SECONDS, stop)
            except Fault:
                raise
            except Exception as error:  # of the broker, its library, or the database: all may pass
                failures += 1
                _log.error("relay held up", error=type(error).__name__, reason=str(error)[:200])
                await _rest(min(_REST_SECONDS * 2**failures, _LONGEST_PAUSE_SECONDS), stop)


@asynccontextmanager
async def jet_stream(url: str, stream: str) -> AsyncIterator[Publish]:
    """Open a connection on which to publish with JetStream's confirmation. Raises: Fault without the extra `relay`."""
    try:
        from faststream.nats import NatsBroker  # noqa: PLC0415 — an extra that most do without
    except ImportError:
        raise Fault(
            Text("请先安装：pip install 'aftersales[relay]'", "install it first: pip install 'aftersales[relay]'")
        ) from None
    broker = NatsBroker(url, logger=None, allow_reconnect=False)
    await broker.connect()
    try:

        async def publish(message: Message) -> None:
            # JetStream forgets a repeat of an id within its window; it confirms what it has stored.
            headers = {"Nats-Msg-Id": message.id, "content-type": "application/json"}
            await broker.publish(
                message.body, message.subject, headers=headers, stream=stream, timeout=_CONFIRM_SECONDS
            )

        yield publish
    finally:
        await broker.stop()


async def _rest(seconds: float, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds or 0.001)
