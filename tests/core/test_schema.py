"""The migrations bring a database to what the models say."""

from alembic import command
from alembic.config import Config

from app.core.schema import MIGRATIONS


def test_no_migration_is_missing(database_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["database_url"] = database_url
    command.check(config)  # raises where models and database differ
