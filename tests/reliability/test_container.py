"""What the image holds, run as it is there: by another user without rights, on a file system that is read-only.

No container engine is needed: namespaces do the same. The packages are those of requirements-runtime.lock alone.
"""

import asyncio
import compileall
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests.builders import a_ticket
from tests.reliability.harness import SECRET_KEYS, Measured, Service, free_port, until
from tools.sbom import packages

ROOT = Path(__file__).parents[2]
USER = 65532
MEMORY_MIB = 256

# $1 is a folder to build the root in, $2 Python's, $3 that of packages and service; the rest is run as process 1.
_ENTER = f"""
set -eu
root=$1 python=$2 image=$3; shift 3
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$root"
cd "$root"
mkdir usr etc proc dev tmp data python image
for link in bin lib lib64 sbin; do [ ! -L /$link ] || cp -P /$link .; done
for part in usr etc; do mount --bind /$part $part; mount -o remount,bind,ro $part; done
mount --bind "$python" python; mount -o remount,bind,ro python
mount --bind "$image" image; mount -o remount,bind,ro image
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 none tmp
mount -t tmpfs -o mode=700,uid={USER},gid={USER} none data
mount -o remount,ro "$root"
exec chroot . setpriv --reuid={USER} --regid={USER} --clear-groups --bounding-set=-all --no-new-privs "$@"
"""


def fill(image: Path) -> None:
    """Lay out service and packages as the Dockerfile does."""
    for part in ("app", "migrations"):
        shutil.copytree(ROOT / part, image / "service" / part, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(image / "service", quiet=1)
    (image / "packages").mkdir()
    for name in packages():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:  # for another platform
            continue
        tops = {Path(file).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            source, target = Path(str(distribution.locate_file(top))), image / "packages" / top
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy(source, target)


@dataclass
class Container:
    process: Process
    client: httpx.AsyncClient
    log: Path

    def processes(self) -> list[psutil.Process]:
        """Process 1 and its children, without what made the namespaces."""
        return list(psutil.Process(self.process.pid).children(recursive=True))


def told(process: psutil.Process, what: str) -> str:
    """What the kernel tells of a process."""
    return Path(f"/proc/{process.pid}/{what}").read_text("ascii")


def writable(process: psutil.Process) -> set[str]:
    """Where the file system a process sees may be written to, besides what the kernel keeps there itself."""
    mounts = [line.split() for line in told(process, "mountinfo").splitlines()]
    found = {mount[4] for mount in mounts if "rw" in mount[5].split(",") and "ro" not in mount[-1].split(",")}
    return {place for place in found if not place.startswith(("/dev", "/proc"))}


def command(root: Path, image: Path, port: int) -> list[str]:
    """The command line of the Dockerfile, behind what makes the namespaces."""
    [given] = re.findall(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    arguments = [{"0.0.0.0": "127.0.0.1", "8000": str(port)}.get(word, word) for word in json.loads(given)]
    enter = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", _ENTER, "enter"]
    python = f"/python/bin/{Path(sys.executable).resolve().name}"
    return [*enter, str(root), sys.base_prefix, str(image), python, "-S", "-m", "app.cli", *arguments]


def usable() -> bool:
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False)
    return tried.returncode == 0


@pytest.fixture
async def container(tmp_path: Path) -> AsyncIterator[Container]:
    if not usable():
        pytest.skip("this user may not make namespaces")
    service = await Service.start(tmp_path / "database", apis=0)
    image, root, log, port = tmp_path / "image", tmp_path / "root", tmp_path / "log", free_port()
    root.mkdir()
    fill(image)
    async with service.database() as database:
        await database.execute("CREATE ROLE aftersales_service LOGIN NOINHERIT IN ROLE aftersales_app")
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/bin", "PYTHONPATH": "/image/packages:/image/service",
        "LD_LIBRARY_PATH": "/python/lib", "AFTERSALES_ENVIRONMENT": "production", "AFTERSALES_SECRET_KEYS": SECRET_KEYS,
        "DATABASE_URL": f"postgresql://aftersales_service@127.0.0.1:{service.postgres.port}/aftersales",
    }  # fmt: skip
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command(root, image, port), env=environment, stdout=output, stderr=output, cwd="/"
        )
    try:
        async with service.client(f"http://127.0.0.1:{port}") as client:
            yield Container(process, client, log)
    finally:
        if process.returncode is None:
            psutil.Process(process.pid).children()[0].kill()  # process 1: all others end with it
        await process.wait()
        await service.stop()


async def test_R46_the_image_serves_without_rights_on_a_read_only_root(
    container: Container, measured: Measured
) -> None:
    async def ready() -> bool:
        assert container.process.returncode is None, container.log.read_text()
        try:
            return (await container.client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    await until(ready, "it is ready", seconds=60)
    assert (await container.client.post("/v1/tickets", json=a_ticket())).status_code == 201
    first, *others = container.processes()
    assert len(others) >= 3  # two API processes and a worker
    for process in (first, *others):
        status = told(process, "status")
        assert process.uids() == (USER, USER, USER)
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
        assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert writable(first) == {"/tmp", "/data"}
    memory = sum(process.memory_full_info().pss for process in (first, *others)) / 2**20
    measured("memory of all processes, MiB", round(memory))
    assert memory <= MEMORY_MIB

    os.kill(first.pid, signal.SIGTERM)
    async with asyncio.timeout(60):
        assert await container.process.wait() == 0
    assert container.log.read_text().count("Traceback") == 0
