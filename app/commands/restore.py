"""`aftersales restore`: make a data folder of a backup, as everything was at a moment."""

import shutil
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from app.commands.backup import attachments_of, files_explained, place_settings, store_in
from app.commands.database import on_place
from app.commands.faults import explained
from app.commands.place import add_data_dir, own_place
from app.commands.reapply_erasures import reapply, report
from app.core.backups.restoring import choose_base, make_cluster, restore_attachments, tidy_cluster
from app.core.backups.store import BackupStore
from app.core.db import Database
from app.core.faults import Fault
from app.core.language import Text
from app.core.postgres import EmbeddedPostgres
from app.core.postgres_programs import EmbeddedPostgresUnavailable
from app.core.settings import load_settings
from app.services.attachments.upkeep import blobs_on_file
from app.services.erasures.ledger import BEGINNING

_PATIENCE = 6 * 3600.0
_ERASURES_REMAIN = (
    "开放服务前须运行 aftersales reapply-erasures / run `aftersales reapply-erasures` before the service is opened"
)
_HINT = Text(
    "备份中最后一次提交之后的时刻无法到达，此时请省略 --until；其他版本的 PostgreSQL 请用 --unpack-only",
    "No moment after the last commit can be reached: leave --until out; --unpack-only is for another PostgreSQL",
)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="where the backups are kept (备份目录)")
    parser.add_argument(
        "--until", type=_moment, metavar="TIME",
        help="2026-11-23T12:00:00+08:00: with all that was committed by then, and nothing after; "
        "else with all there is (恢复到的时刻)",
    )  # fmt: skip
    parser.add_argument(
        "--unpack-only", action="store_true",
        help="for another PostgreSQL to start on FOLDER/postgres, which goes on from there (只解包)",
    )  # fmt: skip
    add_data_dir(parser)


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ArgumentTypeError("a moment is written 2026-11-23T12:00:00+08:00, with its zone (时刻须带时区)")
    return moment


def run(options: Namespace) -> int:
    """Exit status 1 where attachments are missing. Raises: Fault, with nothing restored that was not there before."""
    data_dir: Path = options.data_dir.absolute()
    with explained(), files_explained():
        settings = place_settings(data_dir)
        store, attachments = store_in(options.folder, settings), attachments_of(settings)
        cluster = data_dir / "postgres"
        _refuse_filled(*(folder for folder in (cluster, attachments) if folder is not None))
        base = choose_base(store, options.until)
        make_cluster(store, base, cluster, options.until)
        if options.unpack_only:
            if attachments is not None:
                restore_attachments(store, attachments, store.attachment_names())
            print(cluster)
            print(_ERASURES_REMAIN, file=sys.stderr)
            return 0
        try:
            last_commit, erased, blobs = _recovered(data_dir, store, attachments)
        except BaseException:
            for folder in (cluster, attachments):
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)
            raise
        tidy_cluster(cluster)
        missing = restore_attachments(store, attachments, blobs) if attachments else []
    print(
        f"已由备份 {base.name} 恢复，最后一次提交 {last_commit}，附件 {len(blobs) - len(missing)} 个 / "
        f"restored from {base.name}; the last commit is of {last_commit}; {len(blobs) - len(missing)} attachments"
    )
    if erased:
        report(erased)
    for name in missing:
        print(f"备份中没有附件 / not in the backup: {name}")
    return 1 if missing else 0


def _refuse_filled(*folders: Path) -> None:
    for folder in folders:
        if folder.is_dir() and any(folder.iterdir()):
            raise Fault(
                Text(
                    f"{folder} 不是空的，恢复不会覆盖任何数据；请用 --data-dir 另选目录",
                    f"{folder} is not empty, and a restore overwrites nothing: --data-dir chooses another folder",
                )
            )


def _recovered(data_dir: Path, store: BackupStore, attachments: Path | None) -> tuple[str, int, list[str]]:
    """Have the server go through the log, and erase again whom the ledger names.

    Return when the last commit was, how many erasures were made again, and the names of the files on record.
    Raises: Fault with the server's own reason, or for a schema of a newer program, which is to do the restore.
    """

    async def last_commit(db: Database) -> str:
        async with db.read() as session:
            moment = await session.scalar(text("SELECT pg_last_xact_replay_timestamp()"))
            return moment.isoformat() if moment else "-"

    async def on_file(db: Database) -> list[str]:
        async with db.read() as session:
            return await blobs_on_file(session)

    try:
        with EmbeddedPostgres(data_dir, patience=_PATIENCE) as server:
            settings = load_settings(database_url=server.url, **own_place(data_dir))
            moment = on_place(settings, last_commit)
            if attachments is not None:
                ledger = [name for name in store.attachment_names() if name.startswith(BEGINNING)]
                restore_attachments(store, attachments, ledger)
            return moment, reapply(settings, upgrade=True), on_place(settings, on_file)
    except EmbeddedPostgresUnavailable as unavailable:
        reason = unavailable.reason
        raise Fault(
            Text(f"恢复未能完成：{reason.zh}。{_HINT.zh}", f"the restore came to no end: {reason.en}. {_HINT.en}")
        ) from None
