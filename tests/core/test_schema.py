"""The migrations bring a database to what the models say."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.core.schema import MIGRATIONS


def check(database_url: str) -> None:
    """Raises where models and database differ."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    command.check(config)


def test_no_migration_is_missing(database_url: str) -> None:
    check(database_url)


def test_R41_there_is_one_head_and_one_way_to_it() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1
    assert not any(script.is_branch_point or script.is_merge_point for script in scripts.walk_revisions())
