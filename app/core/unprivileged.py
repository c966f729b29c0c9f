"""Who PostgreSQL runs as: it refuses to be root, and a root service must not loosen the rights of folders for it.

As root there are two ways. A user namespace, where root's own files appear to belong to `nobody`, so that nothing
changes hands. Or, where the kernel or the container refuses that, another user: the owner of the data if that is
not root, else `nobody`; the programs are then copied beside the data, for the installed ones may be out of its reach.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.core import launcher

if sys.platform != "win32":
    import pwd


class Way(StrEnum):
    SELF = "self"
    NAMESPACE = "namespace"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Account:
    """How the server's processes run. `uid` and `gid` are as the server sees itself."""

    way: Way
    uid: int
    gid: int

    def command(self, program: Path, *arguments: str, folder: Path) -> list[str]:
        """The command line that runs `program` under this account, in `folder`, for as long as this process lives."""
        account = self.way if self.way is Way.SELF else f"{self.way}:{self.uid}:{self.gid}"
        script = str(Path(launcher.__file__).resolve())
        prefix = [sys.executable, "-I", "-S", script, str(os.getpid()), account, str(folder)]
        return [*prefix, str(program), *arguments]

    def takes(self, *paths: Path) -> None:
        """Hand over files of ours that the server must own; nothing to do unless it runs as another user."""
        if self.way is Way.USER:
            for path in paths:
                os.chown(path, self.uid, self.gid)

    def takes_tree(self, top: Path) -> None:
        """Hand over a cluster that another way of running left behind; the top goes last, so a crash repeats it."""
        owner = (self.uid, self.gid) if self.way is Way.USER else (os.geteuid(), os.getegid())
        if os.geteuid() != 0 or top.stat().st_uid == owner[0]:
            return
        for folder, _, files in os.walk(top, topdown=False):
            for name in files:
                os.chown(Path(folder, name), *owner, follow_symlinks=False)
            os.chown(folder, *owner)


def choose_account(data_dir: Path, cluster: Path, program: Path, *, namespaces: bool) -> Account:
    """Return the account for the server of `cluster`, which need not exist yet; `program` is run to try.

    namespaces: False leaves out the first way.
    Raises: OSError if the folders cannot be examined, or the system has no user `nobody`.
    """
    if os.geteuid() != 0:
        return Account(Way.SELF, os.geteuid(), os.getegid())
    owner = (cluster if cluster.exists() else data_dir).stat()
    if owner.st_uid != 0 and (cluster.exists() or _has_name(owner.st_uid)):
        return Account(Way.USER, owner.st_uid, owner.st_gid)
    nobody = _nobody()
    inside = Account(Way.NAMESPACE, *nobody)
    if namespaces and sys.platform == "linux" and _works(inside, data_dir, program):
        return inside
    return Account(Way.USER, *nobody)


def _works(account: Account, folder: Path, program: Path) -> bool:
    try:
        run(account, program, "--version", folder=folder)
    except subprocess.SubprocessError:
        return False
    return True


def _has_name(uid: int) -> bool:
    # initdb looks its own name up, and in a container the owner of a mounted folder may have none.
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise OSError("the system has no user `nobody`") from None
    return entry.pw_uid, entry.pw_gid


def run(account: Account, program: Path, *arguments: str, folder: Path, stdin: str = "") -> None:
    """Run a program to its end under `account`, in `folder`.

    Raises: subprocess.CalledProcessError with `output`, subprocess.TimeoutExpired after two minutes.
    """
    command = account.command(program, *arguments, folder=folder)
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    subprocess.run(  # noqa: S603
        command, input=stdin, stdout=pipe, stderr=both, encoding="utf-8", errors="replace",
        timeout=120, env=environment(), check=True,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """What PostgreSQL gets to know of our environment: no secrets, and none of the PG* variables that change it."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return kept | {"LC_ALL": "C"}
