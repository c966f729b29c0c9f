"""R41: a new version can be taken back. The program before works on the schema after, unless that says it must not.

Nothing is released yet, so the schema after is made up: one revision that adds what this program knows nothing of.
"""

import re

import pytest

from app.cli import main
from app.core.schema import MIGRATIONS, expected_revision, served_from
from app.services.policy_book import PolicyBook
from tests import story
from tests.cli.test_commands import Capture, said
from tests.conftest import SECRET_KEYS, Databases
from tests.http.service import open_service, run_sql

ADDED = (
    "ALTER TABLE ticket ADD COLUMN mood varchar(40)",
    "ALTER TABLE customer ADD COLUMN nickname text",
    "CREATE TABLE novelty (id uuid PRIMARY KEY, ticket_id uuid REFERENCES ticket (id))",
    "CREATE INDEX ix_ticket_mood ON ticket (mood) WHERE mood IS NOT NULL",
    "UPDATE alembic_version SET version_num = '9001'",
)
# What an upgrade may not do without saying whom the schema still serves.
NARROWS = re.compile(r"drop_(?!index)|alter_column|rename_|DROP (?!INDEX)|RENAME|SET NOT NULL|SET DATA TYPE")
_BEFORE = "0038"  # it says so itself; those before were never run apart from their programs


async def one_ahead(databases: Databases) -> str:
    url = await databases.clone()
    for statement in ADDED:
        await run_sql(url, statement)
    return url


async def test_R41_the_program_before_does_everything_on_the_schema_after(
    databases: Databases, book: PolicyBook
) -> None:
    async with open_service(await one_ahead(databases), book) as service:
        played = await story.play(service, "zh")
        assert len(played) > 100
        ready = await service.anonymous().get("/readyz")
        assert ready.json()["checks"]["schema"] == "ok"


@pytest.mark.parametrize("oldest", [_BEFORE, None])
def test_R41_the_program_before_starts_on_the_schema_after(
    ahead: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, oldest: str | None
) -> None:
    monkeypatch.setenv("DATABASE_URL", ahead)
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", SECRET_KEYS)
    assert said(capsys, "lines", "list") == []


@pytest.fixture
async def ahead(databases: Databases, oldest: str | None) -> str:
    url = await one_ahead(databases)
    if oldest is not None:
        await run_sql(url, served_from(oldest))
    return url


@pytest.mark.parametrize("oldest", ["9001"])
def test_R41_it_does_not_where_the_schema_takes_away_what_it_needs(
    ahead: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("DATABASE_URL", ahead)
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", SECRET_KEYS)
    assert main(["lines", "list"]) == 2
    assert "9001, which this program does not know: run a newer one" in capsys.readouterr().err


def test_R41_a_migration_that_takes_away_says_whom_the_schema_serves() -> None:
    silent = []
    for file in sorted((MIGRATIONS / "versions").glob("*.py")):
        upgrade = file.read_text(encoding="utf-8").partition("def downgrade")[0]
        if file.name[:4] > _BEFORE and NARROWS.search(upgrade) and "served_from(" not in upgrade:
            silent.append(file.name)
    assert silent == [], "op.execute(served_from(revision)), see app/core/schema.py"
    assert NARROWS.search('op.drop_column("ticket", "mood")')
    assert not NARROWS.search('op.add_column("ticket", sa.Column("mood", sa.String(40)))')
    assert expected_revision() > _BEFORE
