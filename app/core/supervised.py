"""A supervised process's side of its channel, which is its standard input: a socket to the supervisor.

It hears once what only the supervisor can know (the database's address, after that was started), says once that it
is ready, and ends when the supervisor does, however that came about.
"""

import json
import os
import threading

_CHANNEL = 0
_ORPHANED = 1  # exit status: nobody is left to read it


def await_orders() -> None:
    """Wait for the environment variables this process is to work under; end with the supervisor from then on."""
    line = b""
    while not line.endswith(b"\n"):
        received = _hear()
        if not received:
            os._exit(_ORPHANED)
        line += received
    os.environ.update(json.loads(line))
    threading.Thread(target=_end_with_supervisor, name="supervisor-watch", daemon=True).start()


def report_ready(**facts: str | None) -> None:
    """Say that the work has begun; `facts` are what the supervisor wants to know of it."""
    os.write(_CHANNEL, json.dumps(facts).encode() + b"\n")


def _end_with_supervisor() -> None:
    # Plain reads: a thread inside sys.stdin's buffer would break the interpreter's own end.
    while _hear():
        pass
    os._exit(_ORPHANED)


def _hear() -> bytes:
    try:
        return os.read(_CHANNEL, 65536)
    except OSError:
        return b""
