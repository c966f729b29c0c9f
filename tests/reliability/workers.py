"""Worker processes of these tests, killed and started at will."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.reliability.harness import PROCESSES, environment_of
from tests.reliability.processes import work

# A package of Debian and others; LIBFAKETIME names it where it lies elsewhere.
FAKETIME = next(
    (str(file) for file in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), os.environ.get("LIBFAKETIME")
)


class Workers:
    """Worker processes on one database, each started again when it was killed."""

    def __init__(self, database_url: str, number: int, **settings: str) -> None:
        self._environment = environment_of(database_url, **settings)
        self._processes = [self._start() for _ in range(number)]

    def _start(self) -> ForkServerProcess:
        process = PROCESSES.Process(target=work, args=(self._environment,))
        process.start()
        return process

    def kill_one(self, number: int) -> None:
        """SIGKILL one worker, and start another in its place."""
        place = number % len(self._processes)
        self._end(self._processes[place])
        self._processes[place] = self._start()

    def signal_one(self, number: int, signal: int) -> None:
        """Freeze or thaw one worker."""
        process = self._processes[number % len(self._processes)]
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal)

    def kill_all(self) -> None:
        """SIGKILL every worker, and wait until they are gone."""
        for process in self._processes:
            self._end(process)

    def start_all(self) -> None:
        self._processes = [self._start() for _ in self._processes]

    def _end(self, process: ForkServerProcess) -> None:
        process.kill()
        process.join()


@contextmanager
def fooled_worker(database_url: str, offset: str, **settings: str) -> Iterator[None]:
    """A worker whose clock is off by this much; only its measure of durations is right."""
    assert FAKETIME is not None
    faked = {"LD_PRELOAD": FAKETIME, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = [sys.executable, "-m", "app.cli", "worker"]
    process = subprocess.Popen(command, env=environment_of(database_url, **settings) | faked, stdout=subprocess.DEVNULL)
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
