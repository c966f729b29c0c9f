"""The PostgreSQL that a service without `DATABASE_URL` starts for itself: one data folder, one server, one owner."""

import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from app.core.file_lock import FileLock, Held
from app.core.language import Text
from app.core.postgres_processes import end_processes, forget_dead_server, mark_of, read_pid_file, takes_connections
from app.core.postgres_programs import EmbeddedPostgresUnavailable as EmbeddedPostgresUnavailable
from app.core.postgres_programs import copy_programs, find_install
from app.core.private_file import sync_folder
from app.core.row_security import APP_ROLE
from app.core.unprivileged import Account, Way, choose_account, environment, run

ROLE = DATABASE = "aftersales"
SUPERUSER = "postgres"

_LOG_LIMIT_BYTES = 10_000_000
_START_SECONDS = 120.0  # replaying the log after a crash may take its time
_POLL_SECONDS = 0.005
_SOCKET_PREFIX = "aftersales-"
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "archive_timeout": "60",  # what a backup may lack: a segment of the log is closed after as many seconds
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Rows and statements hold personal data, and nothing deletes it from a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# Row-level security lets none but leakproof functions use an index; the new database is a copy of template1.
_FIRST_STATEMENTS = f"""\
ALTER FUNCTION arraycontains(anyarray, anyarray) LEAKPROOF;
ALTER FUNCTION jsonb_object_field_text(jsonb, text) LEAKPROOF;
CREATE ROLE {APP_ROLE} NOLOGIN;
CREATE ROLE {ROLE} LOGIN NOSUPERUSER CREATEDB IN ROLE {APP_ROLE};
CREATE DATABASE {DATABASE} OWNER {ROLE};
"""


class EmbeddedPostgres:
    """A PostgreSQL server on `data_dir/postgres`, for this process and those it gives the URL.

    On Linux it shuts down when this process dies; elsewhere the next `start` ends what a crash left running.
    settings: further `postgresql.conf` settings, which win over ours.
    namespaces: False makes root run it as another user at once, without trying a user namespace.
    patience: how many seconds a start may take.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        namespaces: bool = True,
        patience: float = _START_SECONDS,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._cluster = self._data_dir / "postgres"
        self._log = self._data_dir / "postgres.log"
        self._settings = {**_SETTINGS, **(settings or {})}
        self._namespaces, self._patience = namespaces, patience
        self._mark = ""
        self._lock: FileLock | None = None
        self._socket_dir: Path | None = None
        self._keeper: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the server process runs; it may still be recovering from the crash of a backend."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def url(self) -> str:
        return self.url_for(DATABASE)

    def url_for(self, database: str, *, role: str = ROLE) -> str:
        """The SQLAlchemy URL of a database of this server, once started; the role `SUPERUSER` is its superuser."""
        if self._socket_dir is None:
            raise RuntimeError("the server is not started")
        return _url(self._socket_dir, database, role)

    def start(self) -> str:
        """Return the URL once connections are accepted; the first start creates cluster, role and database.

        Raises: EmbeddedPostgresUnavailable, with nothing left running.
        """
        if self.alive:
            return self.url
        self.stop()
        try:
            self._start()
        except subprocess.CalledProcessError as error:
            self.stop()
            raise EmbeddedPostgresUnavailable(_untranslated(_reason(error.output))) from error
        except (OSError, subprocess.SubprocessError) as error:
            self.stop()
            raise EmbeddedPostgresUnavailable(_untranslated(str(error))) from error
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Shut down within 25 seconds, roll open transactions back, reap the child. May be called at any time."""
        if self._lock is None:
            return
        if self._mark:
            end_processes(self._mark, self.pid)
        if self._keeper is not None:
            self._keeper.join(timeout=5)
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
        self._remove_temporary()
        self._lock.release()
        self._mark = ""
        self._lock = self._socket_dir = self._keeper = self._process = None

    def _start(self) -> None:
        if sys.platform == "win32":
            raise EmbeddedPostgresUnavailable(Text("不支持 Windows", "Windows is not supported"))
        self._data_dir.mkdir(parents=True, exist_ok=True)
        lock = self._lock = self._take_lock()
        self._remove_temporary()
        install = find_install(self._cluster)
        account = choose_account(
            self._data_dir, self._cluster, install / "bin" / "postgres", namespaces=self._namespaces
        )
        if account.way is Way.USER:
            self._check_reach(account)
            install = copy_programs(install, self._make_folder("programs"))
        if not (self._cluster / "PG_VERSION").exists():
            self._create(account, install / "bin")
        self._clear_the_way(lock)
        account.takes_tree(self._cluster)
        self._socket_dir = _make_socket_dir(account)
        lock.note(str(self._socket_dir))
        self._launch(account, install / "bin" / "postgres", self._socket_dir)

    def _take_lock(self) -> FileLock:
        path = self._data_dir / "postgres.lock"
        try:
            lock = FileLock(path)
        except Held as held:
            at = running_url(self._data_dir)
            raise EmbeddedPostgresUnavailable(
                Text(
                    f"进程 {held.holder} 已在 {self._data_dir} 上运行它" + (f"，地址为 {at}" if at else ""),
                    f"process {held.holder} already runs it on {self._data_dir}" + (f", at {at}" if at else ""),
                )
            ) from None
        _give_to_owner_of(self._data_dir, path)
        return lock

    def _make_folder(self, what: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"postgres-temporary-{what}-", dir=self._data_dir))

    def _remove_temporary(self) -> None:
        deadline = time.monotonic() + 2  # an initdb whose owner was killed just now may still be writing
        while left_over := list(self._data_dir.glob("postgres-temporary-*")):
            for folder in left_over:
                shutil.rmtree(folder, ignore_errors=True)
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)

    def _check_reach(self, account: Account) -> None:
        try:
            run(account, Path("/bin/sh"), "-c", ":", folder=self._data_dir)
        except subprocess.CalledProcessError as error:
            raise EmbeddedPostgresUnavailable(
                Text(
                    f"root 不能运行 PostgreSQL，而用户 {account.uid} 进不去 {self._data_dir}；"
                    "请把数据目录放在其他用户可以经过的位置，或用普通用户启动服务",
                    f"it refuses to run as root, and user {account.uid} cannot enter {self._data_dir}; "
                    "put the data where other users may pass, or start the service as an ordinary user",
                )
            ) from error

    def _create(self, account: Account, programs: Path) -> None:
        """Make the cluster under another name, so that what bears the final name is always complete."""
        if self._cluster.exists() and any(self._cluster.iterdir()):
            raise EmbeddedPostgresUnavailable(
                Text(f"{self._cluster} 中有别的文件", f"{self._cluster} holds files and is not a database of ours")
            )
        durable = self._settings["fsync"] != "off"
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        options = [f"--username={SUPERUSER}", "--auth=trust", "--no-instructions", *locale]
        if not durable:
            options.append("--no-sync")
        single = {"exit_on_error": "on", "shared_buffers": "16MB", "fsync": self._settings["fsync"]}
        new = self._make_folder("cluster")
        try:
            account.takes(new)
            run(account, programs / "initdb", "-D", str(new), *options, folder=self._data_dir)
            command = ("--single", "-D", str(new), *_options(single), "template1")
            run(account, programs / "postgres", *command, folder=self._data_dir, stdin=_FIRST_STATEMENTS)
            new.rename(self._cluster)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        if durable:
            sync_folder(self._data_dir)

    def _clear_the_way(self, lock: FileLock) -> None:
        """End what a crashed owner of this cluster left running, and take away its traces."""
        state = read_pid_file(self._cluster)
        if not end_processes(mark_of(self._cluster), state.pid if state else None):
            raise EmbeddedPostgresUnavailable(
                Text(f"{self._cluster} 上的旧进程无法结束", f"an earlier server on {self._cluster} cannot be ended")
            )
        forget_dead_server(self._cluster)
        if lock.left_behind and Path(lock.left_behind).name.startswith(_SOCKET_PREFIX):
            shutil.rmtree(lock.left_behind, ignore_errors=True)

    def _launch(self, account: Account, program: Path, socket_dir: Path) -> None:
        self._mark = mark_of(self._cluster)
        settings = self._settings | {"unix_socket_directories": str(socket_dir), "cluster_name": self._mark}
        command = account.command(program, "-D", str(self._cluster), *_options(settings), folder=self._data_dir)
        log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _give_to_owner_of(self._data_dir, self._log)
            if os.fstat(log).st_size > _LOG_LIMIT_BYTES:
                os.ftruncate(log, 0)
            beginning = os.fstat(log).st_size
            self._keeper, self._process = _spawn(command, log)
        finally:
            os.close(log)
        self._await_ready(beginning)

    def _await_ready(self, beginning: int) -> None:
        """Wait until the server takes connections; its output starts at byte `beginning` of the log."""
        deadline = time.monotonic() + self._patience
        while self.alive:
            state = read_pid_file(self._cluster)
            if state is not None and state.ready and state.pid == self.pid:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not ready within {self._patience:.0f} seconds, see {self._log}")
            time.sleep(_POLL_SECONDS)
        with self._log.open("rb") as log:
            log.seek(beginning)
            output = log.read().decode("utf-8", "replace")
        raise EmbeddedPostgresUnavailable(_untranslated(_reason(output)))


def running_url(data_dir: Path) -> str | None:
    """The URL of the server that another process runs on `data_dir`, or None if none takes connections."""
    state = read_pid_file(data_dir / "postgres")
    if state is None or not state.ready or state.socket_dir is None:
        return None
    if not takes_connections(state.socket_dir / ".s.PGSQL.5432"):
        return None  # it was killed, and its files say what was true before
    return _url(state.socket_dir, DATABASE, ROLE)


def _url(socket_dir: Path, database: str, role: str) -> str:
    return f"postgresql+asyncpg://{role}@/{quote(database, safe='')}?host={quote(str(socket_dir))}"


def _spawn(command: list[str], log: int) -> tuple[threading.Thread, subprocess.Popen[bytes]]:
    """Start the server under a thread that lives as long as it does, and reaps it.

    Its death signal is sent when the *thread* that forked it ends, which the caller's might do early.
    """
    born: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

    def keep() -> None:
        try:
            process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,  # Ctrl-C is for the service, which stops the server when it has drained
            )
        except OSError as error:
            born.put(error)
        else:
            born.put(process)
            process.wait()

    keeper = threading.Thread(target=keep, name="postgres-keeper", daemon=True)
    keeper.start()
    process = born.get()
    if isinstance(process, OSError):
        raise process
    return keeper, process


def _make_socket_dir(account: Account) -> Path:
    """A private folder with a short path: a socket's may have 103 bytes on some systems."""
    base = tempfile.gettempdir()
    if account.way is Way.USER or not re.fullmatch(r"[\w/.-]{1,60}", base, re.ASCII):
        base = "/tmp"  # noqa: S108 - mkdtemp makes the name unforeseeable and the folder private
    folder = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX, dir=base))
    account.takes(folder)
    return folder


def _give_to_owner_of(folder: Path, file: Path) -> None:
    # Else a service once started by root could not be started by its own user any more.
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _options(settings: Mapping[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _reason(output: str) -> str:
    """What PostgreSQL's output says of the reason it gave up: the first fault; the others follow from it."""
    fault = re.search(r"(FATAL|PANIC|ERROR|error): .*|launcher \(.*", output)
    return fault[0] if fault else (output.strip() or "no output").splitlines()[-1]


def _untranslated(message: str) -> Text:
    """What the operating system or PostgreSQL says, in its own words."""
    return Text(message, message)
