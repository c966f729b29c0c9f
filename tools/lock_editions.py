"""Write `app/policies/editions.lock`: the SHA-256 of every shipped edition, in the format of `sha256sum`.

Decisions are stored with the edition they were made under, so an edition that has been in force does not change. A
policy that changes is a new file, `edition_2.toml` with its own `effective_from`; this then records it.

    python -m tools.lock_editions
"""

import sys
from hashlib import sha256
from pathlib import Path

from app.services.policy_book import SHIPPED

LOCK = SHIPPED / "editions.lock"


def render(folder: Path = SHIPPED) -> str:
    """Return the lock as it should be: one line a file, by path."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/edition_*.toml"))
    return "".join(f"{sha256((folder / file).read_bytes()).hexdigest()}  {file}\n" for file in files)


def main() -> int:
    LOCK.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
