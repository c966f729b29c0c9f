"""`aftersales secret`: a new key for the ring of `AFTERSALES_SECRET_KEYS_FILE`."""

from argparse import ArgumentParser, Namespace

from app.core.clock import system_clock
from app.core.crypto import KeyRing


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--name", default=f"k{system_clock():%Y%m%d}", help="names the key in what it seals (名称；默认 k加日期)"
    )
    parser.epilog = "Put it first in the ring and keep the older ones: they open what they sealed. (旧密钥须保留)"


def run(options: Namespace) -> int:
    print(KeyRing.new_entry(options.name))
    return 0
