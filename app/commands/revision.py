"""`aftersales revision`: the draft of a migration, to be read and mended by hand."""

import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from app.core.postgres import EmbeddedPostgres
from app.core.schema import draft_revision, migrate


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("message", help="what changes, in a few words (说明)")


def run(options: Namespace) -> int:
    """Raises: EmbeddedPostgresUnavailable."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), settings={"fsync": "off"}) as server:
        migrate(server.url)
        print(draft_revision(server.url, options.message))
    return 0
