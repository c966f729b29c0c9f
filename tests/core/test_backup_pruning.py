"""What a folder of backups loses when it is pruned, and what no pruning takes."""

import io
import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.backups.pruning import note_missed, prunable, prune
from app.core.backups.store import BackupStore, Base
from app.core.crypto import KeyRing
from app.core.faults import Fault

RING = KeyRing.read(None, KeyRing.new_entry("ours"))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAYS = (40, 30, 20, 10, 1)  # ago: a base each, whose log begins at ten times as many segments before the last


def segment(days_ago: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{0:08X}{500 - 10 * days_ago:08X}"


def named(days_ago: int) -> str:
    return (NOW - timedelta(days=days_ago)).strftime("%Y%m%dT%H%M%SZ")


def tar_of(label: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as files:
        for name, content in (("backup_label", label.encode()), ("base/1", os.urandom(3 << 20))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            files.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def put_base(store: BackupStore, days_ago: int, *, whole: bool = True) -> None:
    at = NOW - timedelta(days=days_ago)
    label = f"START WAL LOCATION: 0/2000028 (file {segment(days_ago)})\nSTART TIME: 2026\n"
    name = store.put_base(at, [tar_of(label)])
    if whole:
        store.put_record(Base(name, 17, at + timedelta(minutes=1)))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> BackupStore:
    """Bases of five days, with the log from before the first of them on; two were never finished."""
    folder = tmp_path_factory.mktemp("full")
    store = BackupStore(folder / "backups", RING)
    for days_ago in DAYS:
        put_base(store, days_ago)
    for days_ago in (35, 0):
        put_base(store, days_ago, whole=False)
    names = [segment(days_ago) for days_ago in range(45, -1, -5)]
    for name in [*names, segment(0, timeline=2), "00000002.history"]:
        (folder / name).write_bytes(b"log")
        store.put_segment(folder / name)
    return store


@pytest.mark.parametrize(
    ("keep_days", "keep_bases", "gone", "segments_from"),
    [
        (1, 1, [40, 35, 30, 20], 10),  # the youngest is of a minute after that moment
        (9, 1, [40, 35, 30, 20], 10),
        (0, 1, [40, 35, 30, 20, 10], 1),
        (15, 1, [40, 35, 30], 20),
        (15, 4, [40, 35], 30),
        (15, 9, [], 40),
        (39, 2, [], 40),
        (90, 2, [], 40),
    ],
)
def test_any_moment_of_the_days_kept_can_still_be_restored(
    full: BackupStore, keep_days: int, keep_bases: int, gone: list[int], segments_from: int
) -> None:
    found = prunable(full, NOW - timedelta(days=keep_days), keep_bases=keep_bases, attachments=None)
    assert found.bases == [named(days_ago) for days_ago in gone]
    kept = [name for name in full.segments() if name not in found.segments]
    assert kept == sorted(
        name for name in full.segments() if name == "00000002.history" or name[8:] >= segment(segments_from)[8:]
    )
    assert found.since == NOW - timedelta(days=segments_from) + timedelta(minutes=1)


def test_without_a_whole_base_nothing_goes(tmp_path: Path) -> None:
    store = BackupStore(tmp_path / "backups", RING)
    put_base(store, 400, whole=False)
    (tmp_path / segment(45)).write_bytes(b"log")
    store.put_segment(tmp_path / segment(45))
    found = prunable(store, NOW, keep_bases=1, attachments=set())
    assert (found.since, found.bases, found.segments) == (None, [], [])


def test_what_is_pruned_is_gone_and_the_rest_opens(tmp_path: Path) -> None:
    store = BackupStore(tmp_path / "backups", RING)
    for days_ago in (20, 10):
        put_base(store, days_ago)
        (tmp_path / segment(days_ago)).write_bytes(b"log")
        store.put_segment(tmp_path / segment(days_ago))
    prune(store, prunable(store, NOW - timedelta(days=5), keep_bases=1, attachments=None))
    assert ([base.name for base in store.bases()], store.segments()) == ([named(10)], [segment(10)])
    assert len(b"".join(store.files_of(store.bases()[0]))) > 3 << 20


def test_an_old_base_that_does_not_open_stops_the_pruning(tmp_path: Path) -> None:
    store = BackupStore(tmp_path / "backups", RING)
    put_base(store, 10)
    (store.folder / "base" / named(10) / "files").write_bytes(b"not sealed")
    with pytest.raises(Fault, match="not a sealed file"):
        prunable(store, NOW, keep_bases=1, attachments=None)


def test_an_attachment_goes_when_it_has_been_missed_for_the_days_kept(tmp_path: Path) -> None:
    files, store = tmp_path / "files", BackupStore(tmp_path / "backups", RING)
    put_base(store, 1)
    files.mkdir()
    for name in ("kept", "deleted", "back"):
        (files / name).write_bytes(name.encode())
        os.utime(files / name, (0, 0))
    store.put_attachments(files)
    note_missed(store, {"kept"})
    assert set(store.missed()) == {"deleted", "back"}
    note_missed(store, {"kept", "back"})
    assert set(store.missed()) == {"deleted"}
    noted = store.missed()["deleted"]
    for until, gone in ((noted, []), (noted + timedelta(seconds=1), ["deleted"])):
        found = prunable(store, until, keep_bases=1, attachments={"kept", "back"})
        assert found.attachments == gone
        prune(store, found)
    assert (store.attachment_names(), store.missed()) == (["back", "kept"], {})
