"""How long until the service is ready, from the command to the first 200 of `/readyz`: `python -m bench.start`.

With a data folder that is there already, and with a new one, whose database is made in that time.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench._servers import free_port

ROUNDS = 5
GOALS = {"existing": 2.0, "new": 4.0}
_PATIENCE_SECONDS = 60.0


def main() -> int:
    taken: dict[str, list[float]] = {name: [] for name in GOALS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            data = Path(folder) / str(number)
            taken["new"].append(seconds_until_ready(data))
            taken["existing"].append(seconds_until_ready(data))
    print(f"{'data folder':<14}{'median':>7}  goal   each")
    for name, goal in GOALS.items():
        each = " ".join(f"{seconds:.2f}" for seconds in taken[name])
        print(f"{name:<14}{median(taken[name]):>5.2f} s {goal:>3.0f} s   {each}")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    return sum(median(taken[name]) > goal for name, goal in GOALS.items())


def seconds_until_ready(data: Path) -> float:
    """Start the service with a data folder, measure, and end it."""
    port = free_port()
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port), "--data-dir", str(data)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while not is_ready(port):
                if process.poll() is not None or time.perf_counter() - began > _PATIENCE_SECONDS:
                    raise SystemExit("the service did not start")
                time.sleep(0.005)
            return time.perf_counter() - began
        finally:
            process.terminate()


def is_ready(port: int) -> bool:
    """Ask; once the service listens, this waits until it answers."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    try:
        client.request("GET", "/readyz")
        return client.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.close()


if __name__ == "__main__":
    sys.exit(main())
