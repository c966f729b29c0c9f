"""Where the service keeps its own things, and the database it works on: `DATABASE_URL`, or its own PostgreSQL there."""

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.crypto import KeyRing
from app.core.faults import Fault
from app.core.language import Text
from app.core.postgres import EmbeddedPostgres
from app.core.private_file import write_private

DEFAULT_DATA_DIR = Path(__file__).parents[2] / ".data"
RING_FILE, KEY_FILE, ATTACHMENTS = "secret.keys", "admin.key", "attachments"
_RING_VARIABLES = ("AFTERSALES_SECRET_KEYS_FILE", "AFTERSALES_SECRET_KEYS")


def add_data_dir(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, default=DEFAULT_DATA_DIR, metavar="FOLDER",
        help="where the service keeps its own database and keys (数据目录；默认 .data)",
    )  # fmt: skip


def given_database() -> str | None:
    """Return `DATABASE_URL`; None where the service is to run its own PostgreSQL.

    Raises: Fault where that is told to be production.
    """
    given = os.environ.get("DATABASE_URL")
    if not given and os.environ.get("AFTERSALES_ENVIRONMENT") == "production":
        raise Fault(
            Text("生产环境请用 DATABASE_URL 指定数据库", "production needs a database of its own: set DATABASE_URL")
        )
    return given or None


@contextmanager
def own_database(data_dir: Path) -> Iterator[tuple[EmbeddedPostgres, dict[str, str]]]:
    """Run the embedded PostgreSQL during the block; with it, the settings of a service that works on it.

    The environment wins over all of them but the database's address. The key ring is made before the database, so
    that no row is ever sealed under a key that a crash took away.
    Raises: EmbeddedPostgresUnavailable; Fault if the key ring is lost.
    """
    settings = {
        "AFTERSALES_ENVIRONMENT": "development",
        "AFTERSALES_LOG_FORMAT": "console",
        "AFTERSALES_ATTACHMENTS": str(data_dir.absolute() / ATTACHMENTS),
    }
    if not _ring_is_given():
        settings["AFTERSALES_SECRET_KEYS_FILE"] = str(_ring(data_dir))
    settings = {name: value for name, value in settings.items() if not os.environ.get(name)}
    with EmbeddedPostgres(data_dir) as server:
        yield server, settings | {"DATABASE_URL": server.url}


def own_place(data_dir: Path) -> dict[str, object]:
    """Return the settings of key ring and attachments in the data folder, unless the environment names others."""
    given: dict[str, object] = {} if _ring_is_given() else {"secret_keys_file": data_dir.absolute() / RING_FILE}
    if not os.environ.get("AFTERSALES_ATTACHMENTS"):
        given["attachments"] = str(data_dir.absolute() / ATTACHMENTS)
    return given


def _ring_is_given() -> bool:
    return any(os.environ.get(name) for name in _RING_VARIABLES)


def _ring(data_dir: Path) -> Path:
    ring = data_dir.absolute() / RING_FILE
    if ring.exists():
        return ring
    if (data_dir / "postgres").exists():
        raise Fault(
            Text(
                f"{ring} 不见了，缺少它就无法读取已加密的个人信息；请放回该文件，或换一个数据目录",
                f"{ring} is gone, and without it the personal data in this database stays sealed; "
                "put the file back, or take another data folder",
            )
        )
    try:
        write_private(ring, KeyRing.new_entry("first") + "\n")
    except OSError as error:
        raise Fault(Text(f"无法写入 {ring}：{error}", f"{ring} cannot be written: {error}")) from None
    return ring
