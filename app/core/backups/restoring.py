"""A cluster made again from a base and the log after it, up to a moment; and whether that could be done now."""

import json
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO, cast

from app.core.backups.store import BackupStore, Base
from app.core.faults import Fault
from app.core.language import Text

LOG_FOLDER = "restored_wal"  # in the cluster, where the server may read whoever it runs as
_SETTINGS_FILE = "postgresql.auto.conf"
_BLOCK = 1 << 16
_NOTHING = bytes(_BLOCK)
_SEGMENT = re.compile(r"[0-9A-F]{24}")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found whole: the newest base, the log from it on, and the files beside the database.

    missing: the first segment of the log that is not there though a later one is; nothing after it can be restored.
    """

    base: Base
    segments: int
    newest: str
    missing: str | None
    attachments: int


def choose_base(store: BackupStore, until: datetime | None) -> Base:
    """Return the newest base from which `until` can be reached. Raises: Fault if there is none."""
    bases = store.bases()
    usable = [base for base in bases if until is None or base.finished_at <= until]
    if usable:
        return usable[-1]
    if not bases:
        raise Fault(Text(f"{store.folder} 中没有完整的备份", f"there is no whole backup in {store.folder}"))
    first = f"{bases[0].finished_at:%Y-%m-%dT%H:%M:%S.%f%z}"
    raise Fault(
        Text(f"最早只能恢复到 {first}", f"the backups reach back to {first}, and no further"),
    )


def unpack(store: BackupStore, base: Base, target: Path) -> str:
    """Unpack a base into a new folder and hold every file against PostgreSQL's manifest; return its first segment.

    Raises: Fault for what is not whole, or was not when it was taken.
    """
    target.mkdir(mode=0o700, parents=True)
    packed = _Reader(store.files_of(base))
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", packed), mode="r|") as files:
            files.extractall(target, filter="data")
    except tarfile.TarError as error:
        raise _damaged(base, str(error)) from None
    while packed.read():
        pass  # only at its end it shows that all is there
    _check_manifest(target)
    return _segment_in((target / "backup_label").read_bytes())


def first_segment(store: BackupStore, base: Base) -> str:
    """Return the first segment of the log that a base needs, from the beginning of its files alone.

    Raises: Fault for what does not open.
    """
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", _Reader(store.files_of(base))), mode="r|") as files:
            for member in files:
                if member.name == "backup_label" and (label := files.extractfile(member)):
                    return _segment_in(label.read())
    except tarfile.TarError as error:
        raise _damaged(base, str(error)) from None
    raise _damaged(base, "backup_label")


def is_segment(name: str) -> bool:
    """Tell a segment of the log from the history of a timeline."""
    return _SEGMENT.fullmatch(name) is not None


def _segment_in(label: bytes) -> str:
    return re.findall(rb"^START WAL LOCATION: .*\(file (\w+)\)", label, re.MULTILINE)[0].decode()  # type: ignore[no-any-return]


def _damaged(base: Base, reason: str) -> Fault:
    return Fault(Text(f"备份 {base.name} 损坏：{reason}", f"the base {base.name} is damaged: {reason}"))


def make_cluster(store: BackupStore, base: Base, cluster: Path, until: datetime | None) -> None:
    """Lay out a base with the log after it, so that a server started on it goes on to `until` and opens for writes.

    until: None for all there is. A moment after the last commit in the log makes the server refuse to start.
    Raises: Fault, OSError; what was written by then is taken away.
    """
    unfinished = cluster.with_name(f"{cluster.name}-restoring")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        first = unpack(store, base, unfinished)
        log = unfinished / LOG_FOLDER
        log.mkdir(mode=0o700)
        for name in _since(store.segments(), first):
            _write_sparse(log / name, store.segment(name))
        settings = {
            "restore_command": f'cp "{LOG_FOLDER}/%f" "%p"',
            "recovery_target_action": "promote",
            # The server takes nobody before all is restored, and needs no settings as large as those of the lost one.
            "hot_standby": "off",
        }
        if until is not None:
            settings["recovery_target_time"] = until.isoformat()
        with (unfinished / _SETTINGS_FILE).open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        (unfinished / "recovery.signal").touch(mode=0o600)
        unfinished.rename(cluster)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def tidy_cluster(cluster: Path) -> None:
    """Take away what only the recovery needed, once the server has opened for writes."""
    shutil.rmtree(cluster / LOG_FOLDER)
    (cluster / "backup_manifest").unlink()
    file = cluster / _SETTINGS_FILE
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not re.match(r"re(store|covery)_|hot_standby ", line)), "utf-8")


def restore_attachments(store: BackupStore, folder: Path, names: Iterable[str]) -> list[str]:
    """Write the files of these names; return those that the backup lacks."""
    there, missing = set(store.attachment_names()), []
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        if name in there:
            with (folder / name).open("xb") as file:
                file.writelines(store.attachment(name))
        else:
            missing.append(name)
    return missing


def check(store: BackupStore, scratch: Path) -> Checked:
    """Open everything that a restore to the latest moment needs; the base is unpacked into the new folder `scratch`.

    Raises: Fault for the first thing that is not as it was sealed.
    """
    base = choose_base(store, None)
    first = unpack(store, base, scratch)
    names = _since(store.segments(), first)
    size = 0
    for name in names:
        size = max(size, sum(map(len, store.segment(name))))
    for name in store.attachment_names():
        for _ in store.attachment(name):
            pass
    in_base = [file.name for file in (scratch / "pg_wal").iterdir()]
    whole = sorted(name for name in {*names, *in_base} if is_segment(name))
    missing = _first_gap(whole, size) if size else None
    return Checked(base, len(names), whole[-1], missing, len(store.attachment_names()))


def _check_manifest(cluster: Path) -> None:
    """Do what `pg_verifybackup` does, which not every installation has.

    Raises: Fault naming the first file that is not as the server read it.
    """
    text = (cluster / "backup_manifest").read_bytes()
    manifest = json.loads(text)
    # Of its own lines it sums up all but the last.
    wrong = sha256(text[: text.rindex(b"\n", 0, -1) + 1]).hexdigest() != manifest["Manifest-Checksum"]
    faulty = "backup_manifest" if wrong else next(_faulty(cluster, manifest["Files"]), None)
    if faulty is not None:
        raise Fault(Text(f"备份中的文件 {faulty} 损坏", f"the file {faulty} in the backup is damaged"))


def _faulty(cluster: Path, files: Iterable[Mapping[str, str]]) -> Iterator[str]:
    for entry in files:
        name = entry.get("Path") or bytes.fromhex(entry["Encoded-Path"]).decode("utf-8", "surrogateescape")
        file = cluster / name
        if not file.is_file():
            yield name
            continue
        with file.open("rb") as content:
            if file_digest(content, "sha256").hexdigest() != entry["Checksum"]:
                yield name


def _since(names: Iterable[str], first: str) -> list[str]:
    """The segments from `first` on, whatever their timeline, and all histories."""
    return [name for name in names if not is_segment(name) or name[8:] >= first[8:]]


def _first_gap(names: list[str], size: int) -> str | None:
    """The first segment of `size` bytes that is missing in the row; a name is timeline, log and part of it, in hex."""
    each = (1 << 32) // size
    numbers = {int(name[8:16], 16) * each + int(name[16:], 16) for name in names}
    for number in range(min(numbers), max(numbers)):
        if number not in numbers:
            return f"{number // each:08X}{number % each:08X}"
    return None


def _write_sparse(target: Path, parts: Iterable[bytes]) -> None:
    """Write a segment; the zeros that fill one that was closed early take no room."""
    with target.open("wb") as file:
        for part in parts:
            for start in range(0, len(part), _BLOCK):
                block = part[start : start + _BLOCK]
                if block == _NOTHING[: len(block)]:
                    file.seek(len(block), 1)
                else:
                    file.write(block)
        file.truncate()


class _Reader:
    """Parts as `tarfile` reads a stream."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)

    def read(self, _size: int = -1) -> bytes:
        return next(self._parts, b"")
