"""`aftersales worker`: one worker, by itself or under `serve`. Any number may run beside each other."""

import asyncio
import signal
from argparse import SUPPRESS, ArgumentParser, Namespace

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
from app.core.supervised import await_orders, report_ready
from app.services.directory import Directory
from app.services.notices.courier import Courier
from app.services.policy_book import SHIPPED, PolicyBook
from app.workers.runner import Tools, run_tasks
from app.workers.tasks import TASKS
from app.workers.webhooks import Deliverer


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--supervised", action="store_true", help=SUPPRESS)
    add_data_dir(parser)


def run(options: Namespace) -> int:
    if options.supervised:
        await_orders()
    with command_settings(options) as settings:
        asyncio.run(_work(settings, supervised=options.supervised))
    return 0


async def _work(settings: Settings, *, supervised: bool) -> None:
    configure_logs(settings)
    keyring, courier = KeyRing.read(settings.secret_keys_file, settings.secret_keys), Courier(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with database(settings) as db:
        await refuse_unsafe(db, settings)
        if supervised:
            report_ready()
        directory = Directory(db, PolicyBook.load(settings.policies_folder or SHIPPED))
        tools = Tools(
            db, system_clock, directory, keyring, courier, Blobs(settings.attachments), Scanner.at(settings.scanner),
            settings.public_url,
        )  # fmt: skip
        async with Deliverer(tools, Egress(settings.webhook_hosts)) as deliverer:
            await run_tasks((*TASKS, deliverer.task), tools, stop)
    await courier.close()
