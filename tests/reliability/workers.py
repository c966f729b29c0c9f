"""Worker processes of these tests, killed and started at will."""

import os
import subprocess
import sys

from app.core.settings import PREFIX
from tests.reliability.harness import SECRET_KEYS


class Workers:
    """Worker processes on one database, each started again when it was killed."""

    def __init__(self, database_url: str, number: int, **settings: str) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        own = {f"{PREFIX}{name.upper()}": value for name, value in settings.items()}
        self._environment = plain | {"DATABASE_URL": database_url, f"{PREFIX}SECRET_KEYS": SECRET_KEYS} | own
        self._processes = [self._start() for _ in range(number)]

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "app.cli", "worker"]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_one(self, number: int) -> None:
        """SIGKILL one worker, and start another in its place."""
        place = number % len(self._processes)
        victim = self._processes[place]
        victim.kill()
        victim.wait()
        self._processes[place] = self._start()

    def kill_all(self) -> None:
        """SIGKILL every worker, and wait until they are gone."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def start_all(self) -> None:
        self._processes = [self._start() for _ in self._processes]
