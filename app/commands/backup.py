"""`aftersales backup`: database and attachments sealed for keeping elsewhere, the log as it grows, and a check."""

import signal
import tempfile
import threading
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from app.commands.database import command_settings
from app.commands.faults import explained
from app.commands.place import add_data_dir, given_database, own_place
from app.core.backups.pruning import note_missed, prunable, prune
from app.core.backups.restoring import check
from app.core.backups.servers import Server
from app.core.backups.store import BackupStore
from app.core.backups.taking import follow, take_base
from app.core.blobs import BUCKET
from app.core.crypto import KeyRing
from app.core.faults import Fault
from app.core.language import Text
from app.core.postgres import SUPERUSER, running_url
from app.core.settings import Settings, load_settings

_LONGEST_ARCHIVE_TIMEOUT = 60
_SPOOL = "backup-log"


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    base = actions.add_parser("base", help="copy database and attachments; run it nightly (整库备份；每夜运行)")
    following = actions.add_parser("follow", help="copy the log as it is written, until stopped (持续备份日志)")
    verify = actions.add_parser("verify", help="open all of it; status 1 where the log has a gap (校验备份)")
    prune = actions.add_parser("prune", help="delete what is no longer needed (清理过期备份)")
    for action in (base, following, verify, prune):
        action.add_argument("folder", type=Path, help="where the backups are kept, on another disk (备份目录)")
        add_data_dir(action)
    following.add_argument(
        "--spool", type=Path, metavar="FOLDER", help="for what is not sealed yet; in the data folder (暂存目录)"
    )

    prune.add_argument(
        "--keep-days", type=_count, required=True, metavar="N",
        help="any moment of the last N days can still be restored (保留天数)",
    )  # fmt: skip
    prune.add_argument(
        "--keep-bases", type=_count, default=2, metavar="M", help="at least; default 2 (至少保留的整库备份数)"
    )
    prune.add_argument("--dry-run", action="store_true", help="only say what would go (仅列出)")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise ArgumentTypeError("a number from 1 to 10000 (1–10000)")
    return int(text)


def run(options: Namespace) -> int:
    """Raises: Fault with what keeps the backup from being taken or opened."""
    with explained(), files_explained():
        if options.action == "verify":
            return _verify(options)
        if options.action == "prune":
            return _prune(options)
        if options.action == "follow" and given_database() is None and running_url(options.data_dir) is None:
            raise Fault(Text("请先启动服务", "start the service first"))
        with command_settings(options) as settings:
            (_take if options.action == "base" else _follow)(options, settings)
    return 0


@contextmanager
def files_explained() -> Iterator[None]:
    """Turn what is wrong with files during the block into a Fault."""
    try:
        yield
    except OSError as error:
        raise Fault(Text(f"备份中断：{error}", f"the backup broke off: {error}")) from None


def store_in(folder: Path, settings: Settings) -> BackupStore:
    return BackupStore(folder, KeyRing.read(settings.secret_keys_file, settings.secret_keys))


def attachments_of(settings: Settings) -> Path | None:
    """The folder of attachments; None where a bucket keeps them, and their backups with it."""
    return None if settings.attachments.startswith(BUCKET) else Path(settings.attachments)


def place_settings(data_dir: Path) -> Settings:
    """Settings for what needs ring and attachments but no database."""
    return load_settings(database_url="postgresql://none/none", **own_place(data_dir))


def _take(options: Namespace, settings: Settings) -> None:
    store = store_in(options.folder, settings)
    base = take_base(_server(settings), store, attachments_of(settings))
    print(f"{base.name}\t{base.finished_at.isoformat(timespec='microseconds')}")


def _follow(options: Namespace, settings: Settings) -> None:
    server, stop = _server(settings), threading.Event()
    if not 0 < server.archive_timeout <= _LONGEST_ARCHIVE_TIMEOUT:
        raise Fault(
            Text(
                f"PostgreSQL 的 archive_timeout 须为 1–{_LONGEST_ARCHIVE_TIMEOUT} 秒，否则备份会落后更久",
                f"set archive_timeout of PostgreSQL to 1–{_LONGEST_ARCHIVE_TIMEOUT} seconds, "
                "or the backup may lag further behind",
            )
        )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    spool = (options.spool or options.data_dir / _SPOOL).absolute()
    follow(server, store_in(options.folder, settings), attachments_of(settings), spool, stopping=stop.is_set)


def _verify(options: Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="aftersales-verify-") as scratch:
        found = check(store_in(options.folder, place_settings(options.data_dir)), Path(scratch) / "base")
    print(
        f"备份 {found.base.name} 完好，日志 {found.segments} 段，至 {found.newest}，附件 {found.attachments} 个 / "
        f"the base {found.base.name} is whole, with {found.segments} segments of log up to {found.newest} "
        f"and {found.attachments} attachments"
    )
    if found.missing is not None:
        print(
            f"日志缺少 {found.missing}，请立即重新做整库备份 / "
            f"{found.missing} is missing from the log: take a new base now"
        )
    return 0 if found.missing is None else 1


def _prune(options: Namespace) -> int:
    settings = place_settings(options.data_dir)
    store, folder = store_in(options.folder, settings), attachments_of(settings)
    if folder is not None and not folder.is_dir():
        raise Fault(Text(f"找不到附件目录 {folder}", f"the folder of attachments {folder} is not there"))
    there = None if folder is None else {file.name for file in folder.iterdir()}
    until = datetime.now(UTC) - timedelta(days=options.keep_days)
    found = prunable(store, until, keep_bases=options.keep_bases, attachments=there)
    if not options.dry_run:
        if there is not None:
            note_missed(store, there)
        prune(store, found)
    since = found.since.isoformat(timespec="seconds") if found.since else "-"
    zh, en = ("可清理", "may go") if options.dry_run else ("已清理", "gone are")
    bases, segments, attachments = len(found.bases), len(found.segments), len(found.attachments)
    print(
        f"{zh}整库备份 {bases} 个、日志 {segments} 段、附件 {attachments} 个；可恢复 {since} 以后的时刻 / "
        f"{en} {bases} bases, {segments} segments of log, {attachments} attachments; "
        f"moments from {since} on can be restored"
    )
    return 0


def _server(settings: Settings) -> Server:
    """The server as the user who may copy it: that of `DATABASE_URL`, or the superuser of our own."""
    url = make_url(settings.database_url)
    if given_database() is None:
        url = url.set(username=SUPERUSER)
    return Server.at(url.render_as_string(hide_password=False))
