"""`aftersales worker`: one worker by itself. Any number may run beside each other, and beside that of `serve`."""

import asyncio
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from app.commands.database import command_settings, database
from app.commands.place import add_data_dir
from app.commands.production import refuse_unsafe
from app.core.blobs import Blobs
from app.core.clock import system_clock
from app.core.crypto import KeyRing
from app.core.egress import Egress
from app.core.logs import configure_logs
from app.core.scanner import Scanner
from app.core.settings import Settings
from app.services.directory import Directory
from app.services.notices.courier import Courier
from app.services.policy_book import SHIPPED, PolicyBook
from app.workers.runner import Tools, run_tasks
from app.workers.tasks import TASKS
from app.workers.webhooks import Deliverer


def configure(parser: ArgumentParser) -> None:
    add_data_dir(parser)


def run(options: Namespace) -> int:
    with command_settings(options) as settings:
        book = PolicyBook.load(settings.policies_folder or SHIPPED)
        asyncio.run(work(settings, book, ready=lambda: None))
    return 0


async def work(settings: Settings, book: PolicyBook, *, ready: Callable[[], None]) -> None:
    """Work until a signal says stop; `ready` is called when the database lets it begin."""
    configure_logs(settings)
    keyring, courier = KeyRing.read(settings.secret_keys_file, settings.secret_keys), Courier(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with database(settings) as db:
        await refuse_unsafe(db, settings)
        ready()
        directory = Directory(db, book)
        tools = Tools(
            db, system_clock, directory, keyring, courier, Blobs(settings.attachments), Scanner.at(settings.scanner),
            settings.public_url,
        )  # fmt: skip
        async with Deliverer(tools, Egress(settings.webhook_hosts)) as deliverer:
            await run_tasks((*TASKS, deliverer.task), tools, stop)
    await courier.close()
