"""Sealed files of backups: what was cut, changed, moved or sealed by somebody else does not open."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.backups.restoring import _first_gap
from app.core.backups.sealing import seal_file, unseal
from app.core.backups.store import BackupStore
from app.core.backups.taking import full_segments
from app.core.crypto import KeyRing, KeyRingInvalid
from app.core.faults import Fault

OURS, THEIRS = KeyRing.new_entry("ours"), KeyRing.new_entry("theirs")
RING = KeyRing.read(None, OURS)
CHUNK = (1 << 20) + 16
HEADER = len(b"aftersales sealed file 1\nours\0") + 32


def opened(file: Path, ring: KeyRing = RING, name: str = "wal/1") -> bytes:
    return b"".join(unseal(file, ring, name))


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_what_is_sealed_opens_again_and_shows_nothing(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    seal_file(tmp_path / "file", [content[:7], b"", content[7:]], RING, "wal/1")
    assert opened(tmp_path / "file") == content
    assert size < 64 or content[:64] not in (tmp_path / "file").read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_an_older_key_of_the_ring_opens_what_it_sealed(tmp_path: Path) -> None:
    seal_file(tmp_path / "file", [b"content"], RING, "wal/1")
    assert opened(tmp_path / "file", KeyRing.read(None, f"{THEIRS},{OURS}")) == b"content"


def swap_chunks(sealed: bytes) -> bytes:
    return sealed[:HEADER] + sealed[HEADER + CHUNK : HEADER + 2 * CHUNK] + sealed[HEADER : HEADER + CHUNK] + (
        sealed[HEADER + 2 * CHUNK :]
    )  # fmt: skip


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda sealed: sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        flipped(3),
        flipped(HEADER - 1),
        flipped(HEADER),
        flipped(HEADER + CHUNK + 5),
        flipped(-1),
        swap_chunks,
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[: HEADER + CHUNK],
        lambda sealed: sealed[: HEADER + 2 * CHUNK],
        lambda sealed: sealed[:HEADER],
        lambda sealed: sealed[: HEADER - 40],
        lambda sealed: sealed[: HEADER + CHUNK] + sealed[HEADER + 2 * CHUNK :],
        lambda sealed: sealed + b"\0",
        lambda _sealed: b"",
    ],
)
def test_a_changed_file_does_not_open(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "file"
    seal_file(file, [os.urandom(3 << 20)], RING, "wal/1")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(Fault):
        opened(file)


def test_another_key_is_refused_by_its_name_or_as_not_the_one(tmp_path: Path) -> None:
    seal_file(tmp_path / "file", [b"content"], RING, "wal/1")
    with pytest.raises(KeyRingInvalid, match="'ours' is not in the ring"):
        opened(tmp_path / "file", KeyRing.read(None, THEIRS))
    with pytest.raises(Fault, match="is not the one that sealed it"):
        opened(tmp_path / "file", KeyRing.read(None, KeyRing.new_entry("ours")))


def test_a_file_under_another_name_does_not_open(tmp_path: Path) -> None:
    seal_file(tmp_path / "file", [b"content"], RING, "wal/1")
    with pytest.raises(Fault):
        opened(tmp_path / "file", name="wal/2")


def test_what_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    def parts() -> object:
        yield b"some"
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        seal_file(tmp_path / "file", parts(), RING, "wal/1")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_for_one_database(tmp_path: Path) -> None:
    store = BackupStore(tmp_path / "backups", RING)
    store.claim("7001")
    store.claim("7001")
    with pytest.raises(Fault, match="another database"):
        store.claim("7002")


def test_a_file_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    files, store = tmp_path / "files", BackupStore(tmp_path / "backups", RING)
    files.mkdir()
    for name in ("old", "new"):
        (files / name).write_bytes(name.encode())
    os.utime(files / "old", (0, 0))
    store.put_attachments(files)
    assert store.attachment_names() == ["old"]
    assert b"".join(store.attachment("old")) == b"old"


def test_what_is_received_in_part_is_not_full(tmp_path: Path) -> None:
    for name in ("000000010000000000000002.partial", "000000010000000000000001", "00000002.history"):
        (tmp_path / name).touch()
    assert [file.name for file in full_segments(tmp_path)] == ["000000010000000000000001", "00000002.history"]


@pytest.mark.parametrize(
    ("names", "gap"),
    [
        (["0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000"], None),
        (["0000000100000000000000FE", "000000010000000100000000"], "00000000000000FF"),
        (["000000010000000000000002", "000000020000000000000002", "000000020000000000000003"], None),
        (["000000010000000000000002", "000000020000000000000004"], "0000000000000003"),
    ],
)
def test_a_gap_in_the_log_is_named(names: list[str], gap: str | None) -> None:
    assert _first_gap(names, 16 << 20) == gap
