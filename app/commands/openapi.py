"""`aftersales openapi`: the document of the interface, as `/openapi.json` serves it."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from app.core.crypto import KeyRing
from app.core.settings import Settings
from app.main import create_app


def configure(parser: ArgumentParser) -> None:
    """It takes no options: the document is the same everywhere."""


def document() -> dict[str, Any]:
    """Return the document without a database, and without the test clocks of a sandbox."""
    settings = Settings(
        DATABASE_URL="postgresql://nobody@localhost/never_asked", secret_keys=KeyRing.new_entry("never_used")
    )
    return create_app(settings).openapi()


def run(_options: Namespace) -> int:
    print(json.dumps(document(), ensure_ascii=False, indent=2))
    return 0
