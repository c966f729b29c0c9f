"""R42: the rehearsal of a restore. Everything committed by a moment is there, and nothing after it."""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from app.cli import main
from app.core.crypto import KeyRing
from app.core.personal import Tier
from app.core.postgres import DATABASE, SUPERUSER, EmbeddedPostgres
from app.core.schema import migrate
from app.services.audit.verifying import verify_audit
from app.services.erasures.ledger import BEGINNING
from app.services.policy_book import PolicyBook
from app.services.upkeep import seal_audit_trail
from tests.cli.served import ROOT, until
from tests.cli.test_commands import Capture, said
from tests.conftest import SECRET_KEYS
from tests.files import picture
from tests.http.service import Service, connect_beside, open_service, run_sql, take
from tests.http.test_canaries import IN_TEXT, hits
from tests.http.test_erasures import HIDDEN, PERSON, ask, everywhere, finish, work
from tests.reliability.invariants import broken

QUICK = {"fsync": "off", "synchronous_commit": "off"}
BEFORE, AFTER = 3, 8  # tickets around the base backup
NAMED = {"Content-Disposition": 'attachment; filename="1.jpg"'}
SEED = int(os.environ.get("SEED", "42"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where data and backups of the test are; too large for pytest to keep."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", SECRET_KEYS)
    monkeypatch.delenv("AFTERSALES_ATTACHMENTS", raising=False)
    yield tmp_path
    for part in tmp_path.iterdir():
        shutil.rmtree(part)


@contextmanager
def following(folder: Path) -> Iterator[None]:
    """Have `backup follow` copy the log during the block; it ends in order when it is told to."""
    command = [sys.executable, "-m", "app.cli", "backup", "follow", str(folder / "backups"), "--data-dir"]
    process = subprocess.Popen([*command, str(folder / "data")], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        spool = folder / "data" / "backup-log"
        until(lambda: process.poll() is not None or any(spool.glob("*.partial")), seconds=60)
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


async def write_tickets(service: Service, numbers: range) -> list[str]:
    """Record tickets one after another, each with a file; return moments after each had been committed."""
    client, moments = await service.client(), []
    for number in numbers:
        await attach(client, await take(client, external_ref=f"R-{number}"))
        [row] = await service.sql("SELECT clock_timestamp()::text AS at")
        moments.append(row["at"])
    while await seal_audit_trail(service.db):
        pass
    age(Path(service.app.state.settings.attachments))
    return moments


async def attach(client: AsyncClient, ticket: dict[str, Any]) -> None:
    url = f"/v1/tickets/{ticket['id']}/attachments"
    sent = await client.post(url, params={"kind": "photo"}, content=picture(), headers=NAMED)
    assert sent.status_code == 201, sent.text


def age(folder: Path) -> None:
    """Make files as old as a backup takes to be whole."""
    for file in folder.iterdir():
        os.utime(file, (0, 0))


async def close_segment(server: EmbeddedPostgres) -> str:
    """Do at once what `archive_timeout` does within a minute; return the segment's name."""
    url = server.url_for(DATABASE, role=SUPERUSER)
    [row] = await run_sql(url, "SELECT pg_walfile_name(pg_switch_wal()) AS name")
    return str(row["name"])


async def back_up(folder: Path) -> list[str]:
    """Write tickets, take a base, write more while the log is followed; return the moments after each."""
    data, backups = folder / "data", folder / "backups"
    with EmbeddedPostgres(data, settings=QUICK) as server:
        await asyncio.to_thread(migrate, server.url)
        async with open_service(server.url, PolicyBook.load(), attachments=str(data / "attachments")) as service:
            moments = await write_tickets(service, range(BEFORE))
            with following(folder):
                assert await asyncio.to_thread(main, ["backup", "base", str(backups), "--data-dir", str(data)]) == 0
                moments += await write_tickets(service, range(BEFORE, BEFORE + AFTER))
                last = backups / "wal" / await close_segment(server)
                await asyncio.to_thread(until, last.exists)
    return moments


async def look_into(data: Path, tickets: int) -> None:
    """Start the application on what was restored, and hold its promises against it."""
    with EmbeddedPostgres(data, settings=QUICK) as server:
        connection = await connect_beside(server.url)
        assert await broken(connection) == {}
        refs = {row["external_ref"] for row in await connection.fetch("SELECT external_ref FROM ticket")}
        await connection.close()
        assert refs == {f"R-{number}" for number in range(tickets)}
        async with open_service(server.url, PolicyBook.load(), attachments=str(data / "attachments")) as service:
            async with service.db.read() as session:
                verdict = await verify_audit(session)
            assert (verdict.findings, verdict.seals > 0) == ([], True)
            await read_all(service, tickets)


async def read_all(service: Service, tickets: int) -> None:
    """Read contact and file of every ticket, and record one more."""
    client = await service.client(tier=Tier.SENSITIVE)
    found = (await client.get("/v1/tickets", params={"limit": "100"})).json()["items"]
    assert len(found) == tickets
    for item in found:
        ticket = (await client.get(f"/v1/tickets/{item['id']}")).json()
        assert ticket["customer"]["name"] == "王芳"
        [listed] = (await client.get(f"/v1/tickets/{item['id']}/attachments")).json()["items"]
        content = await client.get(f"/v1/tickets/{item['id']}/attachments/{listed['id']}/content")
        assert content.status_code == 200, content.text
    await take(client, external_ref="R-after")


def commands(folder: Path, data: str) -> list[str]:
    return [str(folder / "backups"), "--data-dir", str(folder / data)]


async def test_R42_a_restore_to_a_moment_holds_exactly_what_had_been_committed(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = await back_up(folder)
    chosen = random.Random(SEED).randrange(BEFORE, BEFORE + AFTER - 1)

    async def tell(*arguments: str, to: str, status: int = 0) -> str:
        where = (str(folder / "backups"), "--data-dir", str(folder / to))
        [line] = await asyncio.to_thread(said, capsys, *arguments, *where, status=status)
        return line

    assert f"{BEFORE + AFTER} attachments" in await tell("backup", "verify", to="data")
    assert "gone are 0 bases" in await tell("backup", "prune", "--keep-days", "1", to="data")
    assert f"{chosen + 1} attachments" in await tell("restore", "--until", moments[chosen], to="then")
    await look_into(folder / "then", chosen + 1)
    await tell("restore", to="now")
    await look_into(folder / "now", BEFORE + AFTER)
    assert "is not empty" in await tell("restore", to="now", status=2)
    assert "reach back to" in await tell("restore", "--until", moments[0], to="old", status=2)
    late = "2126-01-01T00:00:00+00:00"
    assert "leave --until out" in await tell("restore", "--until", late, to="old", status=2)
    [base] = (folder / "backups" / "base").iterdir()
    flip(base / "files")
    assert "does not open" in await tell("restore", to="old", status=2)
    assert "does not open" in await tell("backup", "verify", to="data", status=2)
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", KeyRing.new_entry("other"))
    assert "not in the ring" in await tell("restore", to="old", status=2)
    assert not (folder / "old" / "postgres").exists()


async def erase_after_the_base(folder: Path) -> str:
    """Record a person's matter, take a base, erase the person; return a moment in between."""
    data, backups = folder / "data", folder / "backups"
    with EmbeddedPostgres(data, settings=QUICK) as server:
        await asyncio.to_thread(migrate, server.url)
        async with open_service(server.url, PolicyBook.load(), attachments=str(data / "attachments")) as service:
            client = await service.client(tier=Tier.SENSITIVE)
            ticket = await finish(client)
            await attach(client, ticket)
            with following(folder):
                assert await asyncio.to_thread(main, ["backup", "base", str(backups), "--data-dir", str(data)]) == 0
                [moment] = await write_tickets(service, range(1))
                await ask(client, external_id=PERSON["external_id"])
                await work(service)
                assert hits(await everywhere(service), HIDDEN) == set()
                age(data / "attachments")
                last = backups / "wal" / await close_segment(server)
                await asyncio.to_thread(until, last.exists)
    return moment


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if not file.name.startswith(BEGINNING)]


@pytest.mark.parametrize("by_hand", [False, True])
async def test_R26_a_restore_to_before_an_erasure_brings_nobody_back(
    folder: Path, capsys: Capture, by_hand: bool
) -> None:
    moment = await erase_after_the_base(folder)
    where = [str(folder / "backups"), "--data-dir", str(folder / "then"), "--until", moment]
    if by_hand:
        where.append("--unpack-only")
    else:  # what comes to no end leaves nothing in the way of the next attempt
        late = [*where[:-1], "2126-01-01T00:00:00+00:00"]
        assert "leave --until out" in (await asyncio.to_thread(said, capsys, "restore", *late, status=2))[0]
    lines = await asyncio.to_thread(said, capsys, "restore", *where)
    again = ["reapply-erasures", "--data-dir", str(folder / "then")]
    if by_hand:
        with EmbeddedPostgres(folder / "then", settings=QUICK) as server:  # goes through the log
            assert await run_sql(server.url, "SELECT 1 FROM ticket WHERE description LIKE $1", f"%{IN_TEXT}%") != []
        lines = await asyncio.to_thread(said, capsys, *again)
    assert "1 erasures made again" in lines[-1]
    assert "0 erasures made again" in (await asyncio.to_thread(said, capsys, *again))[0]
    with EmbeddedPostgres(folder / "then", settings=QUICK) as server:
        kept = str(folder / "then" / "attachments")
        async with open_service(server.url, PolicyBook.load(), attachments=kept) as service:
            assert hits(await everywhere(service), [*HIDDEN, IN_TEXT]) == set()
            [erasure] = await service.sql("SELECT state, counts FROM erasure")
            assert (erasure["state"], json.loads(erasure["counts"])["tickets"]) == ("done", 1)
            async with service.db.read() as session:
                assert (await verify_audit(session)).findings == []
            refs = await service.sql("SELECT external_ref FROM ticket WHERE external_ref IS NOT NULL")
            assert [row["external_ref"] for row in refs] == ["R-0"]
    assert len(files_in(Path(kept))) == 1  # the other ticket's, and none of the person's


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
