"""The processes of one PostgreSQL cluster: found, whoever started them, and brought to an end.

They are known by a mark of the cluster in their command lines, not by the pid in `postmaster.pid`: after a crash that
number may belong to a stranger, to a zombie nobody reaps, or its backends may have outlived it.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class PidFile:
    """What a server last wrote into `postmaster.pid`; `ready` once it takes connections."""

    pid: int
    socket_dir: Path | None
    ready: bool


def read_pid_file(cluster: Path) -> PidFile | None:
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    socket_dir = Path(lines[4]) if len(lines) > 4 and lines[4] else None
    return PidFile(pid, socket_dir, ready=len(lines) > 7 and lines[7].strip() == "ready")


def takes_connections(socket_file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_file))
        except OSError:
            return False
    return True


def mark_of(cluster: Path) -> str:
    """The `cluster_name` that tells the processes of this cluster from all others on the machine."""
    folder = cluster.stat()
    return f"aftersales-{folder.st_dev:x}-{folder.st_ino:x}"


def find_processes(mark: str) -> set[int]:
    """The pids of the server with this mark and of its backends; zombies do not count."""
    titles = (f"cluster_name={mark} ", f"postgres: {mark}: ")
    return {pid for pid, line in _command_lines().items() if any(title in f"{line} " for title in titles)}


def end_processes(mark: str, server: int | None) -> bool:
    """Shut a server down, harder each time it does not obey, together with the backends it left behind.

    Return whether all are gone, which takes 20 seconds at most.
    """
    for number, seconds in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        targets = find_processes(mark)
        if number is signal.SIGINT:  # to the server alone: for a backend it means "cancel the query"
            targets &= {server}
        for pid in targets:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # one that is frozen would not hear it
        if _gone(mark, seconds if targets else 0):
            return True
    return False


def forget_dead_server(cluster: Path) -> None:
    """Remove a `postmaster.pid` that no server stands behind. Call it when none of ours is left.

    PostgreSQL would judge by the pid alone, and refuse to start when the number is a zombie's or was given anew.
    A server of somebody else's making keeps its file, so that PostgreSQL refuses to start beside it.
    """
    state = read_pid_file(cluster)
    line = _command_lines().get(state.pid, "") if state else ""
    if re.match(r"\S*postgres( |$)", line) and "cluster_name=aftersales-" not in line:
        return
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _gone(mark: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while find_processes(mark):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _command_lines() -> dict[int, str]:
    if sys.platform != "linux":
        listing = subprocess.run(["/bin/ps", "-axwwo", "pid=,command="], capture_output=True, text=True, check=True)
        pairs = (line.strip().partition(" ") for line in listing.stdout.splitlines())
        return {int(pid): command for pid, _, command in pairs}
    lines = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                lines[int(process.name)] = (
                    (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                )
    return lines
