"""The schema's revisions: what the program expects, what a database has, and bringing one to the other."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parents[2] / "migrations"

_OLDEST = "oldest program: "
_REVISION = re.compile(r"""^(down_)?revision\b[^=\n]*= *["'](\w+)""", re.MULTILINE)


@cache
def _revisions() -> tuple[frozenset[str], str]:
    """All revisions and the head, from the files: importing alembic takes a third of a second of every start."""
    found = [
        match
        for file in (MIGRATIONS / "versions").glob("*.py")
        for match in _REVISION.finditer(file.read_text(encoding="utf-8"))
    ]
    known = frozenset(match[2] for match in found if not match[1])
    (head,) = known - {match[2] for match in found if match[1]}
    return known, head


def expected_revision() -> str:
    """Return the head revision of the migrations that ship with the program."""
    return _revisions()[1]


def known_revisions() -> frozenset[str]:
    """Return every revision that ships with the program."""
    return _revisions()[0]


async def current_revision(session: AsyncSession) -> str | None:
    """Return the revision a database is at; None if it has no schema yet."""
    if await session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def served_from(revision: str) -> str:
    """Return the statement by which a migration says which programs its schema serves: from this revision's on.

    One that only adds what older programs need not know of says nothing, and what was said before goes on holding. One
    that takes away, renames or narrows says its own revision, and in its downgrade the one that held before.
    """
    return f"COMMENT ON TABLE alembic_version IS '{_OLDEST}{revision}'"


async def serves_this_program(session: AsyncSession) -> bool:
    """Tell whether a schema of a revision this program does not know is made so that this program may work on it."""
    said = await session.scalar(text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"))
    return said is not None and said.removeprefix(_OLDEST) in known_revisions()


def migrate(database_url: str, revision: str = "head") -> None:
    """Bring a database up (or, to an earlier revision, down). Safe to run again, and by two processes at once."""
    from alembic import command  # noqa: PLC0415 - see `_revisions`

    config = _config(database_url)
    if revision != "base" and not revision.startswith("-"):
        command.upgrade(config, revision)  # does nothing where the database is beyond it
    if revision != "head" and not revision.startswith("+"):
        command.downgrade(config, revision)


def draft_revision(database_url: str, message: str) -> Path:
    """Write the next revision, as far as it can be told from a database at head and the models; return its file."""
    from alembic import command  # noqa: PLC0415

    number = f"{int(expected_revision()[:4]) + 1:04}"
    script = command.revision(_config(database_url), message, autogenerate=True, rev_id=number)
    if script is None or isinstance(script, list):
        raise RuntimeError("alembic wrote more than one file")
    return Path(script.path)


def _config(database_url: str) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config
