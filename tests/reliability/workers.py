"""Worker processes of these tests, killed and started at will."""

from multiprocessing.context import ForkServerProcess

from tests.reliability.harness import PROCESSES, environment_of
from tests.reliability.processes import work


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

    def kill_all(self) -> None:
        """SIGKILL every worker, and wait until they are gone."""
        for process in self._processes:
            self._end(process)

    def start_all(self) -> None:
        self._processes = [self._start() for _ in self._processes]

    def _end(self, process: ForkServerProcess) -> None:
        process.kill()
        process.join()
