"""The folder that backups of one database are kept in. Everything in it is sealed, is written once and never changed.

cluster                      which database cluster this is of
base/20261123T045612Z/files  the cluster as `pg_basebackup` gave it, a tar
base/20261123T045612Z/record what is known of it; written last, so that a base without one does not count
wal/000000010000000000000003 a segment of the write-ahead log, or the history of a timeline
attachments/…                files kept beside the database
missed/…                     an empty file for each of them that is gone there, as old as this has been known
"""

import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.core.backups.sealing import seal_file, unseal
from app.core.crypto import KeyRing
from app.core.faults import Fault
from app.core.language import Text
from app.core.private_file import write_private

_NAMED = "%Y%m%dT%H%M%SZ"
_PART = 1 << 20
_SETTLED_SECONDS = 30.0  # a file that was written to since may not be whole yet


@dataclass(frozen=True, slots=True)
class Base:
    """A copy of the whole cluster. From `finished_at` on, by the server's clock, any moment can be restored."""

    name: str
    version: int
    finished_at: datetime


class BackupStore:
    """The folder, and the ring that opens what is in it."""

    def __init__(self, folder: Path, keyring: KeyRing) -> None:
        self.folder, self._keyring = folder.absolute(), keyring
        self.wal, self.attachments, self._bases = (self.folder / part for part in ("wal", "attachments", "base"))
        self._missed = self.folder / "missed"

    def claim(self, system: str) -> None:
        """Keep the backups of two databases apart. Raises: Fault if the folder is of another one."""
        mark = self.folder / "cluster"
        if not mark.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(mark, f"{system}\n")
        elif mark.read_text("ascii").strip() != system:
            raise Fault(
                Text(
                    f"{self.folder} 中是另一个数据库的备份，请另选目录",
                    f"{self.folder} holds the backups of another database: choose another folder",
                )
            )

    def put_base(self, taken_at: datetime, parts: Iterable[bytes]) -> str:
        """Seal the files of a base; it counts when `put_record` has been called. Return its name."""
        name = taken_at.strftime(_NAMED)
        seal_file(self._bases / name / "files", parts, self._keyring, f"base/{name}/files")
        return name

    def put_record(self, base: Base) -> None:
        text = json.dumps(asdict(base) | {"finished_at": base.finished_at.isoformat()}).encode()
        seal_file(self._bases / base.name / "record", [text], self._keyring, f"base/{base.name}/record")

    def put_segment(self, segment: Path) -> None:
        if not (self.wal / segment.name).exists():
            self._put(segment, self.wal / segment.name, f"wal/{segment.name}")

    def put_attachments(self, folder: Path) -> None:
        """Seal the files of a folder that are not here yet, but for those just being written."""
        if not folder.is_dir():
            return
        known = set(self.attachment_names())
        for file in sorted(folder.iterdir()):
            if file.name not in known and file.is_file() and file.stat().st_mtime < time.time() - _SETTLED_SECONDS:
                self._put(file, self.attachments / file.name, f"attachments/{file.name}")

    def bases(self) -> list[Base]:
        """Return the bases that are whole, oldest first. Raises: Fault if one does not open."""
        names = [name for name in _names(self._bases) if (self._bases / name / "record").exists()]
        return [self._base(name) for name in names]

    def files_of(self, base: Base) -> Iterable[bytes]:
        return unseal(self._bases / base.name / "files", self._keyring, f"base/{base.name}/files")

    def segments(self) -> list[str]:
        """The names of the log's segments and histories, oldest first within a timeline."""
        return _names(self.wal)

    def segment(self, name: str) -> Iterable[bytes]:
        return unseal(self.wal / name, self._keyring, f"wal/{name}")

    def attachment_names(self) -> list[str]:
        return _names(self.attachments)

    def attachment(self, name: str) -> Iterable[bytes]:
        return unseal(self.attachments / name, self._keyring, f"attachments/{name}")

    def base_names(self) -> list[str]:
        """The names of all bases, oldest first, be they whole or not."""
        return _names(self._bases)

    def drop_base(self, name: str) -> None:
        """Delete a base, its record first: what is left if this breaks off does not count."""
        (self._bases / name / "record").unlink(missing_ok=True)
        shutil.rmtree(self._bases / name)

    def drop_segment(self, name: str) -> None:
        (self.wal / name).unlink()

    def drop_attachment(self, name: str) -> None:
        (self.attachments / name).unlink()
        self.forget_missed(name)

    def missed(self) -> dict[str, datetime]:
        """The attachments that were found gone, and since when."""
        return {name: _written(self._missed / name) for name in _names(self._missed)}

    def note_missed(self, name: str) -> None:
        self._missed.mkdir(mode=0o700, exist_ok=True)
        (self._missed / name).touch(mode=0o600)

    def forget_missed(self, name: str) -> None:
        (self._missed / name).unlink(missing_ok=True)

    def _base(self, name: str) -> Base:
        record = b"".join(unseal(self._bases / name / "record", self._keyring, f"base/{name}/record"))
        values = json.loads(record)
        return Base(**values | {"finished_at": datetime.fromisoformat(values["finished_at"])})

    def _put(self, source: Path, target: Path, name: str) -> None:
        with source.open("rb") as file:
            seal_file(target, iter(lambda: file.read(_PART), b""), self._keyring, name)


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith(".")) if folder.is_dir() else []


def _written(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
