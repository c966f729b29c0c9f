"""Give up privileges, then become another program: `python -I -S launcher.py PARENT ACCOUNT FOLDER PROGRAM ARGUMENT…`.

A program of its own and not a `preexec_fn`: between fork and exec of a process with threads, Python code may
deadlock. It imports nothing of `app`, and no pathlib, so that it starts in some 10 ms.
"""

import ctypes
import os
import signal
import sys

CANNOT_LAUNCH = 126  # the exit status of shells for "found, but cannot be run"

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process by PROGRAM, run under ACCOUNT; FOLDER is where it starts.

    ACCOUNT: `self`, `namespace:UID:GID` (ids seen inside a new user namespace) or `user:UID:GID`.
    PARENT: the pid whose death sends SIGINT to the program (Linux only).
    """
    parent, account, folder, program, *rest = arguments
    try:
        _become(account)
        os.chdir(folder)  # the new rights must suffice to get here: exec alone would not tell
        _die_with(int(parent))
        os.execv(program, [program, *rest])  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"launcher ({account}): {error}\n")
        sys.exit(CANNOT_LAUNCH)


def _become(account: str) -> None:
    kind, _, ids = account.partition(":")
    if kind == "self":
        return
    uid, gid = map(int, ids.split(":"))
    if kind == "namespace":
        _enter_user_namespace(uid, gid)
    else:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _enter_user_namespace(uid: int, gid: int) -> None:
    """Appear as `uid`:`gid` to ourselves while the files we own stay ours; exec then drops every capability."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER)
    _tell_kernel("setgroups", "deny")  # its condition for a process that maps its own group
    _tell_kernel("gid_map", f"{gid} {outer_gid} 1")
    _tell_kernel("uid_map", f"{uid} {outer_uid} 1")


def _tell_kernel(name: str, value: str) -> None:
    file = os.open(f"/proc/self/{name}", os.O_WRONLY)
    os.write(file, value.encode())
    os.close(file)


def _die_with(parent: int) -> None:
    # After the change of user, which clears the setting; before exec, which keeps it.
    if sys.platform != "linux":
        return
    _call("prctl", _PR_SET_PDEATHSIG, int(signal.SIGINT))
    if os.getppid() != parent:
        sys.exit(CANNOT_LAUNCH)  # it died before we asked


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](*map(ctypes.c_ulong, arguments)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), name)


if __name__ == "__main__":
    main(sys.argv[1:])
