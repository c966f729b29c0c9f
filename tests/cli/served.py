"""`aftersales serve` as a process of its own, read and ended by a test."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0  # a busy machine is no failure
_MARK = "SERVED_BY_TEST"
_numbers = count(1)


@dataclass
class Served:
    """A service that has been started; `printed` is what it has said so far."""

    process: subprocess.Popen[bytes]
    output: Path
    mark: str  # stands in the environment of all its processes but PostgreSQL's

    @property
    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8")

    @property
    def address(self) -> str:
        return str(re.findall(r"http://[\d.]+:\d+", self.printed)[0])

    def paste(self) -> httpx.Response:
        """Send what the printed `curl` command would send."""
        _, _, address, _, kind, _, key, _, body = shlex.split(re.findall(r"^curl .*", self.printed, re.MULTILINE)[0])
        file = re.sub(r".*\$\(cat (.*)\)", r"\1", key)
        headers = {"Content-Type": kind.split(": ")[1], "Authorization": f"Bearer {Path(file).read_text().strip()}"}
        return httpx.post(address, content=body, headers=headers, timeout=20, trust_env=False)

    def client(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=20, trust_env=False)

    def children(self, name: str) -> list[int]:
        """The pids of this service's processes of one kind: `api` or `worker`."""
        return [p.pid for p in processes() if p.parent == self.process.pid and p.name == name]

    def left_over(self) -> list[str]:
        """The command lines of its processes that still run."""
        return [p.command for p in processes() if self.mark in p.environment]

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)


@contextmanager
def serving(data_dir: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Start a service and wait until it says that it runs; whatever becomes of it, nothing is left of it."""
    served = launch(data_dir, *options, environment=environment)
    try:
        until(lambda: "Ctrl-C" in served.printed or served.process.poll() is not None, seconds=START_SECONDS)
        assert served.process.poll() is None, served.printed
        yield served
    finally:
        served.process.kill()
        served.process.wait()
        until(lambda: not served.left_over() and not database_processes(data_dir))


def launch(data_dir: Path, *options: str, environment: Mapping[str, str] | None = None) -> Served:
    number = next(_numbers)
    output, mark = data_dir.with_name(f"{data_dir.name}-{number}.out"), f"{data_dir}/{number}"
    arguments = ("serve", "--data-dir", str(data_dir), "--port", "0", *options)
    process = aftersales(*arguments, environment={**(environment or {}), _MARK: mark}, output=output)
    return Served(process, output, f"{_MARK}={mark}\0")


def aftersales(*arguments: str, environment: Mapping[str, str], output: Path) -> subprocess.Popen[bytes]:
    """Start a command without any setting but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERSALES_", "DATABASE_"))}
    command = [sys.executable, "-m", "app.cli", *arguments]
    with output.open("wb") as file:
        return subprocess.Popen(
            command, cwd=ROOT, stdout=file, stderr=file, env={**kept, **environment}, start_new_session=True
        )


def failing(data_dir: Path, *options: str, environment: Mapping[str, str] | None = None) -> tuple[int, list[str]]:
    """Start a service that cannot come up; return its exit status and the lines it said."""
    served = launch(data_dir, *options, environment=environment)
    try:
        status = served.process.wait(START_SECONDS)
    finally:
        served.process.kill()
        served.process.wait()
    until(lambda: not served.left_over())
    return status, served.printed.splitlines()


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    name: str
    command: str
    environment: str


def processes() -> Iterator[Process]:
    """Every process of ours, but zombies."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            name = (folder / "comm").read_text().strip()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            environment = (folder / "environ").read_bytes().decode("utf-8", "replace")
            if state != "Z":
                yield Process(int(folder.name), int(parent), name, command, environment)


def database_processes(data_dir: Path) -> list[str]:
    return [p.command for p in processes() if f"-D {data_dir}/" in p.command]


def until(holds: Callable[[], object], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
