"""The server to be backed up, and the PostgreSQL programs of its version that do it."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import asyncpg
from sqlalchemy.engine import make_url

from app.core.faults import Fault
from app.core.language import Text
from app.core.postgres_programs import EmbeddedPostgresUnavailable, find_install
from app.core.unprivileged import Account, Way, environment

_FACTS = """
    SELECT current_setting('server_version_num')::int / 10000 AS version, system_identifier::text AS system,
        extract(epoch FROM current_setting('archive_timeout')::interval)::int AS archive_timeout,
        (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may_replicate
    FROM pg_control_system()
"""
_PART = 1 << 20


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL. `system` tells its cluster from every other; `archive_timeout`: seconds, 0 for none."""

    url: str
    version: int
    system: str
    archive_timeout: int

    @classmethod
    def at(cls, url: str) -> "Server":
        """Ask a server what it is. Raises: Fault if the user may not read its log; what asyncpg raises."""
        facts = asyncio.run(_ask(url, _FACTS))
        if not facts["may_replicate"]:
            raise Fault(
                Text(
                    "备份须用有 REPLICATION 权限的数据库用户，见 docs/operations.md",
                    "a backup needs a database user with REPLICATION: see docs/operations.md",
                )
            )
        return cls(url, facts["version"], facts["system"], facts["archive_timeout"])

    def now(self) -> datetime:
        """The time by the clock that stamps commits."""
        now: datetime = asyncio.run(_ask(self.url, "SELECT clock_timestamp() AS now"))["now"]
        return now

    @contextmanager
    def running(self, name: str, *arguments: str) -> Iterator["Program"]:
        """Run a client program of PostgreSQL on this server during the block; it ends with it, or with this process."""
        account = Account(Way.SELF, os.geteuid(), os.getegid())
        command = account.command(find_program(name, self.version), *arguments, "--no-password", folder=Path.cwd())
        with TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=_connection(self.url)
            )
            with process:
                try:
                    yield Program(name, process, said)
                finally:
                    process.terminate()


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs, and what it says."""

    name: str
    process: subprocess.Popen[bytes]
    said: IO[bytes]

    def output(self) -> Iterator[bytes]:
        """Return what it writes, to its end. Raises: Fault if it fails."""
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        yield from iter(lambda: self.process.stdout.read(_PART), b"")  # type: ignore[union-attr]
        self.check()

    def check(self) -> None:
        """Wait for its end. Raises: Fault with its own words if it failed."""
        if status := self.process.wait():
            self.said.seek(0)
            said = self.said.read().decode("utf-8", "replace").strip().splitlines()
            reason = said[-1] if said else f"status {status}"
            raise Fault(Text(f"{self.name} 失败：{reason}", f"{self.name} failed: {reason}"))


def find_program(name: str, version: int) -> Path:
    """Return a PostgreSQL program of a major version: the host's, which speaks TLS, or the one in the wheel.

    Raises: Fault if there is none.
    """
    for found in (shutil.which(name), shutil.which(name, path=f"/usr/lib/postgresql/{version}/bin"), _in_wheel(name)):
        if found is None:
            continue
        told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        if re.search(rf"\(PostgreSQL\) {version}\b", told):
            return Path(found)
    raise Fault(Text(f"找不到 PostgreSQL {version} 的程序 {name}", f"{name} of PostgreSQL {version} is not installed"))


def _in_wheel(name: str) -> str | None:
    try:
        return shutil.which(name, path=find_install(Path(os.devnull)) / "bin")
    except EmbeddedPostgresUnavailable:
        return None


async def _ask(url: str, statement: str) -> asyncpg.Record:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql", 1))
    try:
        return await connection.fetchrow(statement)
    finally:
        await connection.close()


def _connection(url: str) -> dict[str, str]:
    """The environment that leads libpq to a server: a command line, and the password in it, is for all to read."""
    parts = make_url(url)
    query = {name: value for name, value in parts.query.items() if isinstance(value, str)}
    given = {
        "PGHOST": parts.host or query.get("host"),
        "PGPORT": str(parts.port) if parts.port else query.get("port"),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGSSLMODE": query.get("ssl") or query.get("sslmode"),
        "PGAPPNAME": "aftersales-backup",
    }
    return environment() | {name: value for name, value in given.items() if value}
