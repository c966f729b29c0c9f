"""Schemathesis with every check it has, over every operation of a server of its own.

    python -m tests.http.fuzz --examples 500 --seed 1

What it sends are the document's examples, values at each edge of the schemas, random bodies right and wrong, and chains
of operations. Exit code 0: no check failed.
"""

import asyncio
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from app.core.auth import MAX_LIFETIME
from app.core.call import EVERYTHING
from app.core.db import Database
from app.core.heartbeat import beat
from app.core.personal import Tier
from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.services.first_start import add_shipped_lines
from app.services.policy_book import PolicyBook
from tests.http.service import make_key, settings_for
from tests.http.wire import Server, running_server

PHASES = "examples,coverage,fuzzing,stateful"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# All that there is is served, and a caller who guesses keys is not slowed down: a check would take 429 for an answer.
SETTINGS = {"SANDBOX": "true", "PUBLIC_DOCS": "true", "WRONG_KEY_LIMIT": "1000000", "LOG_LEVEL": "error"}
_SCHEMATHESIS = "from schemathesis.cli import schemathesis; schemathesis()"


async def key_for(url: str, book: PolicyBook) -> str:
    """Put the shipped lines into a database and return a key that may do everything everywhere."""
    db, now = Database(settings_for(url)), datetime.now(UTC)
    async with db.begin() as session:
        await add_shipped_lines(session, book, now)
        await beat(session, uuid4(), now + timedelta(days=1))  # as if a worker ran all the time: it is ready
    key = await make_key(db, now, (EVERYTHING,), (EVERYTHING,), Tier.GENERAL, MAX_LIFETIME)
    await db.dispose()
    return key


def fuzz(server: Server, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run schemathesis against a server; what it prints is kept."""
    command = [
        sys.executable, "-c", _SCHEMATHESIS, "--config-file", str(CONFIGURATION), "run",
        f"http://127.0.0.1:{server.port}/openapi.json", *options,
    ]  # fmt: skip
    root = Path(__file__).parents[2]  # where the hooks are found
    return subprocess.run(
        command,
        check=False,
        cwd=root,
        env=os.environ | {"FUZZ_KEY": server.key},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _options() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.http.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=50, help="cases for each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default=PHASES)
    parser.add_argument("--seconds", type=int, default=1200, help="time limit of the whole run")
    parser.add_argument("rest", nargs="*", help="further options of schemathesis, after --")
    return parser.parse_args()


def main() -> int:
    options = _options()
    with TemporaryDirectory() as data, TemporaryDirectory() as folder, EmbeddedPostgres(Path(data)) as postgres:
        migrate(postgres.url)
        key = asyncio.run(key_for(postgres.url, PolicyBook.load()))
        with running_server(postgres.url, key, Path(folder), **SETTINGS) as server:
            done = fuzz(
                server, "-n", str(options.examples), "--seed", str(options.seed), "--phases", options.phases,
                "--max-time", str(options.seconds), *options.rest,
            )  # fmt: skip
    print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
