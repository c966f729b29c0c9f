"""The service and the floor, each started as it is served, for as long as they are measured."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

_START_SECONDS = 60.0


@contextmanager
def service(folder: Path, workers: int = 1, /, **variables: str) -> Iterator[tuple[str, str]]:
    """Start the whole service under these settings; yield its address and the administrator's key."""
    data = folder / "data"
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0", "--workers", str(workers)]
    command += ["--data-dir", str(data)]
    printed = folder / "printed"
    with (
        printed.open("wb") as output,
        subprocess.Popen(command, stdout=output, env=os.environ | variables) as process,
    ):
        try:
            _until(lambda: "Ctrl-C" in printed.read_text(encoding="utf-8"), process)
            address = re.findall(r"http://[\d.]+:\d+", printed.read_text(encoding="utf-8"))[0]
            yield address, (data / "admin.key").read_text(encoding="utf-8").strip()
        finally:
            process.terminate()


def api_process(folder: Path) -> int:
    """Return the id of the process that answers for the service started in a folder."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
            if (entry / "comm").read_text().strip() == "api" and os.fsencode(folder) in command:
                return int(entry.name)
    raise SystemExit("the API process is not found")


@contextmanager
def floor(answers: Mapping[str, Any], **variables: str) -> Iterator[str]:
    """Serve the floor, which gives these answers by path; with `DATABASE_URL` it writes and reads there."""
    port = free_port()
    environment = os.environ | {"FLOOR_ANSWERS": json.dumps(answers, ensure_ascii=False)} | variables
    with subprocess.Popen([sys.executable, "-m", "bench.floor.app", str(port)], env=environment) as process:
        try:
            _until(lambda: _answers(port), process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _until(holds: Any, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("a server did not start")
        time.sleep(0.1)
