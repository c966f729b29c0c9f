"""`aftersales reapply-erasures`: after a restore, erase again whom the ledger beside the attachments names."""

from argparse import ArgumentParser, Namespace

from app.commands.database import command_settings, work_with
from app.commands.place import add_data_dir
from app.core.blobs import Blobs
from app.core.crypto import KeyRing
from app.core.settings import Settings
from app.services.erasures.erasing import erase_again


def configure(parser: ArgumentParser) -> None:
    add_data_dir(parser)
    parser.epilog = (
        "`restore` does it by itself. Run it before the service is opened on a database that came back in another way. "
        "(以其他方式恢复数据库后，须在开放服务前运行；restore 已自动执行)"
    )


def run(options: Namespace) -> int:
    """Raises: Fault, KeyRingInvalid for an erasure sealed under a key that is not in the ring."""
    with command_settings(options) as settings:
        report(reapply(settings))
    return 0


def reapply(settings: Settings, *, upgrade: bool = False) -> int:
    """Make erasures again that the database does not know of; return how many.

    upgrade: bring an older schema to this program's first. Raises: Fault for one that is not, or newer.
    """
    keyring, blobs = KeyRing.read(settings.secret_keys_file, settings.secret_keys), Blobs(settings.attachments)
    return work_with(settings, lambda db: erase_again(db, keyring, blobs), upgrade=upgrade)


def report(number: int) -> None:
    print(f"重新执行的个人信息删除 {number} 项 / {number} erasures made again")
