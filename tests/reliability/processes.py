"""The processes of these tests, an API and a worker, bound to the life of the test run.

Forked from a server that has imported this module, they start in a tenth of the time a new interpreter takes; they
are killed, reaped and replaced like any other process.
"""

import multiprocessing
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from app.cli import main
from app.commands import worker  # noqa: F401 — imported before the fork
from app.core.accepting import EagerServer
from app.core.timed_heads import TimedHeads
from app.main import create_app
from app.services.policy_book import PolicyBook

BOOK = PolicyBook.load()


def serve(host: str, port: int, environment: Mapping[str, str], log: Path) -> None:
    """Serve until a signal says stop, or the test run ends."""
    _begin(environment, log)
    uvicorn.run(create_app(book=BOOK), host=host, port=port, access_log=False, log_level="warning")


def serve_at(listener: socket.socket, environment: Mapping[str, str], log: Path) -> None:
    """Serve on a socket that several processes share, as those of `aftersales serve` do."""
    _begin(environment, log)
    config = uvicorn.Config(
        create_app(book=BOOK), loop="uvloop", http=TimedHeads, lifespan="on", access_log=False, log_level="warning"
    )
    server = EagerServer(config, TimedHeads)
    server.leave_seconds = 30.0  # so that no test depends on how busy the machine is
    server.run(sockets=[listener])


def work(environment: Mapping[str, str], log: Path = Path(os.devnull)) -> None:
    """Be a worker until a signal says stop, or the test run ends."""
    _begin(environment, log)
    main(["worker"])


def _begin(environment: Mapping[str, str], log: Path) -> None:
    threading.Thread(target=_end_with_test_run, name="test-run-watch", daemon=True).start()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)


def _end_with_test_run() -> None:
    # A test run that is itself killed runs no clean-up, and must leave no server behind.
    test_run = multiprocessing.parent_process()
    if test_run is not None:
        test_run.join()
    os._exit(1)
