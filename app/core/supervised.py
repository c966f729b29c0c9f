"""A supervised process's side of its channel, a socket to the supervisor.

It says once that it is ready, and ends when the supervisor does, however that came about.
"""

import json
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

_ORPHANED = 1  # exit status: nobody is left to read it


class Channel:
    """Made in the new process. `name` is what `ps -o comm` and `top` show of it (Linux: 15 bytes)."""

    def __init__(self, end: socket.socket, name: str) -> None:
        self._end = end
        with suppress(OSError):
            Path("/proc/self/comm").write_text(name, encoding="ascii")
        threading.Thread(target=self._end_with_supervisor, name="supervisor-watch", daemon=True).start()

    def report_ready(self, **facts: str | None) -> None:
        """Say that the work has begun; `facts` are what the supervisor wants to know of it."""
        self._end.sendall(json.dumps(facts).encode() + b"\n")

    def _end_with_supervisor(self) -> None:
        with suppress(OSError):
            self._end.recv(1)  # nothing is ever sent: this is its end
        os._exit(_ORPHANED)
