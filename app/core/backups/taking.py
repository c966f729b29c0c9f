"""What a backup is made of: a base now and then, and between them the log, as it is written."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from app.core.backups.servers import Server
from app.core.backups.store import BackupStore, Base

SLOT = "aftersales_backup"
_LOOK_SECONDS = 1.0
_ATTACHMENTS_SECONDS = 15.0


def take_base(server: Server, store: BackupStore, attachments: Path | None) -> Base:
    """Copy the whole cluster, with the log that makes the copy consistent, and then the files beside it.

    Raises: Fault with the words of `pg_basebackup`; OSError.
    """
    store.claim(server.system)
    form = ("--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--manifest-checksums=SHA256")
    with server.running("pg_basebackup", "-D", "-", *form) as program:
        name = store.put_base(server.now(), program.output())
    base = Base(name, server.version, server.now())
    if attachments is not None:
        store.put_attachments(attachments)
    store.put_record(base)
    return base


def follow(
    server: Server, store: BackupStore, attachments: Path | None, spool: Path, *, stopping: Callable[[], bool]
) -> None:
    """Receive the server's log into the folder `spool` and seal each segment that is full, until told to stop.

    The server keeps what has not been received, in a slot of the name `SLOT`. The files beside it are copied before
    each segment, and every 15 seconds.
    Raises: Fault with the words of `pg_receivewal`; OSError.
    """
    store.claim(server.system)
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    with server.running("pg_receivewal", "--slot", SLOT, "--create-slot", "--if-not-exists") as program:
        program.check()
    copied_at = -_ATTACHMENTS_SECONDS
    with server.running("pg_receivewal", "-D", str(spool), "--slot", SLOT, "--no-loop") as program:
        while program.process.poll() is None and not stopping():
            full = full_segments(spool)
            if attachments is not None and (full or time.monotonic() > copied_at + _ATTACHMENTS_SECONDS):
                store.put_attachments(attachments)
                copied_at = time.monotonic()
            for segment in full:
                store.put_segment(segment)
                segment.unlink()
            _rest(program.process)
        if not stopping():
            program.check()


def full_segments(spool: Path) -> list[Path]:
    """The segments and histories that have been received to their end."""
    return sorted(file for file in spool.iterdir() if not file.name.endswith((".partial", ".tmp")))


def _rest(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return
