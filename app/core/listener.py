"""The socket a service listens on: taken once, and kept while the processes that answer on it come and go."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.faults import Fault
from app.core.language import Text

_PATIENCE_SECONDS = 1.0  # what a killed predecessor's processes need to be gone
_BACKLOG = 2048
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - for showing an address one can go to


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen during the block; port 0 takes any free one.

    Raises: Fault if the address is taken or not this machine's.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            listener = _listener(host, port)
            break
        except OSError as error:
            if isinstance(error, socket.gaierror) or time.monotonic() > deadline:
                raise Fault(
                    Text(
                        f"无法监听 {host}:{port}（{error.strerror}），可用 --port 另选端口",
                        f"cannot listen on {host}:{port} ({error.strerror}): --port chooses another",
                    )
                ) from None
            time.sleep(0.05)
    with listener:
        yield listener


def _listener(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address, family=family, backlog=_BACKLOG)


def web_address(listener: socket.socket) -> str:
    """Return the address a browser on this machine finds the service at."""
    host, port = listener.getsockname()[:2]
    host = _ANYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
