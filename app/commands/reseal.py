"""`aftersales reseal`: after a new key was put first in the ring, seal what the older ones sealed under it."""

from argparse import ArgumentParser, Namespace

from app.commands.database import command_settings, work_with
from app.commands.place import add_data_dir
from app.core.crypto import KeyRing
from app.services.resealing import reseal


def configure(parser: ArgumentParser) -> None:
    add_data_dir(parser)
    parser.epilog = (
        "Restart every process on the new ring first; the service goes on meanwhile, and a second run finds nothing. "
        "(先让所有进程使用新密钥环；无需停机，可重复运行)"
    )


def run(options: Namespace) -> int:
    """Raises: Fault, KeyRingInvalid for a key that is not in the ring."""
    with command_settings(options) as settings:
        keyring = KeyRing.read(settings.secret_keys_file, settings.secret_keys)
        done = work_with(settings, lambda db: reseal(db, keyring))
    for place, rows in done.items():
        print(f"{place}\t{rows}")
    return 0
