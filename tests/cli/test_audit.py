"""`aftersales audit`: heads for outside, and what is found."""

import asyncio
from pathlib import Path

import pytest

from app.core.db import Database
from app.core.ids import new_id
from app.models.access_log import AccessLog
from app.services.upkeep import seal_audit_trail
from tests.cli.test_commands import Capture, said
from tests.conftest import SECRET_KEYS, SUNDAY_NOON
from tests.http.service import run_sql, settings_for

LINE = new_id()


@pytest.fixture(autouse=True)
def _on_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


async def _write_and_seal(url: str) -> None:
    db = Database(settings_for(url, secret_keys=SECRET_KEYS))
    async with db.begin() as session:
        for number in range(3):
            session.add(AccessLog(
                id=new_id(), business_line_id=LINE, key_id=new_id(), staff_no=None, subject=f"tickets/{number}",
                fields=["name"], purpose=None, request_id="r", at=SUNDAY_NOON,
            ))  # fmt: skip
    await seal_audit_trail(db)
    await db.dispose()


def test_R29_a_chain_is_verified_against_heads_kept_outside(database_url: str, tmp_path: Path, capsys: Capture) -> None:
    assert said(capsys, "audit", "verify") == []
    asyncio.run(_write_and_seal(database_url))
    (head,) = said(capsys, "audit", "head")
    assert head.startswith(f"{LINE}\t3\t")
    file = tmp_path / "heads.txt"
    file.write_text(f"{head}\n", encoding="utf-8")
    assert said(capsys, "audit", "verify", "--head", str(file)) == []
    asyncio.run(run_sql(database_url, "UPDATE access_log SET subject = 'x' WHERE subject = 'tickets/1'"))
    (row,) = asyncio.run(run_sql(database_url, "SELECT id FROM access_log WHERE subject = 'x'"))
    (changed,) = said(capsys, "audit", "verify", status=1)
    assert changed.startswith(f"{LINE}\t2\taccess_log {row['id']}\t")
    asyncio.run(run_sql(database_url, "DELETE FROM access_log"))
    asyncio.run(run_sql(database_url, "DELETE FROM audit_seal"))
    assert said(capsys, "audit", "verify") == []
    (cut,) = said(capsys, "audit", "verify", "--head", str(file), status=1)
    assert cut.startswith(f"{LINE}\t3\t-\t")


@pytest.mark.parametrize("content", [None, "", "tableware 3 abc\n", "tableware\tx\tab\n", "tableware\t3\txyz\n"])
def test_heads_that_cannot_be_read_are_named(tmp_path: Path, capsys: Capture, content: str | None) -> None:
    file = tmp_path / "heads.txt"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    (line,) = said(capsys, "audit", "verify", "--head", str(file), status=2)
    assert str(file) in line
