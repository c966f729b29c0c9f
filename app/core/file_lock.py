"""One owner at a time: a lock that the kernel takes back when the process ends, however it ends."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class Held(Exception):
    """Another process has the lock; `holder` is its pid, as far as it can be read."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(f"held by process {holder}")


class FileLock:
    """An exclusive lock on `path`, taken at once or not at all.

    The file says who holds it, and keeps one line for whoever comes after a crash: `left_behind`.
    Raises: Held; OSError if the file or its file system does not allow a lock.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            before = os.pread(self._file, 4096, 0).decode("utf-8", "replace").splitlines()
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Held(before[0] if before else "?") from None
        except OSError:
            os.close(self._file)
            raise
        self.left_behind = before[1] if len(before) > 1 else None
        self.note(self.left_behind or "")

    def note(self, line: str) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n{line}\n".encode(), 0)

    def release(self) -> None:
        """Let go, leaving nothing behind."""
        os.ftruncate(self._file, 0)
        os.close(self._file)
