"""The schema's revisions: what the program expects, and bringing a database to it."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parents[2] / "migrations"


def alembic_config(database_url: str = "") -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config


@cache
def expected_revision() -> str | None:
    """Return the head revision of the migrations that ship with the program."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def migrate(database_url: str, revision: str = "head") -> None:
    """Bring a database up (or, to an earlier revision, down). Safe to run again, and by two processes at once."""
    config = alembic_config(database_url)
    if revision == "base" or revision.startswith("-"):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
