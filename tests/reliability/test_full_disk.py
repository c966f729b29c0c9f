"""A disk that fills up under PostgreSQL: writes are refused, and nothing acknowledged is lost."""

import asyncio
import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.builders import a_ticket
from tests.reliability.harness import Measured, Service, attempt
from tests.reliability.invariants import broken, stored

_SIZE_MB, _ROOM_BYTES = 160, 1 << 20
_MOST_POSTS, _ENOUGH_REFUSED = 3000, 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, capture_output=True, check=True, timeout=10)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=10)


def fill(file: Path) -> None:
    """Take all the room there is but a little."""
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(_ROOM_BYTES))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        ballast.truncate(ballast.tell() - _ROOM_BYTES)


@pytest.mark.timeout(180)
async def test_R39_on_a_full_disk_writes_are_refused_and_nothing_acknowledged_is_lost(
    small_disk: Path, measured: Measured
) -> None:
    service = await Service.start(small_disk, apis=1)
    ballast = small_disk / "ballast"
    acknowledged, refused, sent = set(), 0, set()
    try:
        client = service.clients[0]
        fill(ballast)
        for number in range(_MOST_POSTS):
            what = f"full {number:05} " + "满" * 1500
            sent.add(what)
            outcome = await attempt(client, "/v1/tickets", a_ticket(description=what))
            assert isinstance(outcome, httpx.Response)
            if outcome.status_code == 201:
                acknowledged.add(what)
            else:
                assert (outcome.status_code, outcome.json()["code"]) == (503, "database_unavailable")
                refused += 1
            if refused >= _ENOUGH_REFUSED:
                break
        ballast.unlink()
        await asyncio.to_thread(service.postgres.start)  # where it gave up altogether
        await service.settled(seconds=20)
        measured("acknowledged, refused", (len(acknowledged), refused))
        assert acknowledged
        assert refused >= _ENOUGH_REFUSED
        async with service.database() as connection:
            kept = await stored(connection, "full ")
            assert acknowledged <= set(kept) <= sent
            assert set(kept.values()) <= {1}
            assert not await broken(connection)
        assert "request failed" not in service.logged()
    finally:
        ballast.unlink(missing_ok=True)
        await service.stop()
