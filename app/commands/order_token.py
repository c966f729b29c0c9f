"""`aftersales order-token`: what proves an order to the web shop's check, for a link in a message to the customer."""

from argparse import ArgumentParser, Namespace
from datetime import timedelta

from app.commands.database import command_settings, work_with
from app.commands.place import add_data_dir
from app.core.clock import system_clock
from app.core.crypto import KeyRing
from app.core.faults import Fault
from app.core.language import Text
from app.services.archive.orders import sign_order
from app.services.lines import line_id

_LONGEST_DAYS = 365
_WRONG_DAYS = Text("有效天数须为 1 至 365", "a token lives 1 to 365 days")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("order", help="the order's number (订单号)")
    parser.add_argument("--line", required=True, help="the business line (经营线)")
    parser.add_argument("--days", type=int, default=30, help="1 to 365 (有效天数；默认 30)")
    add_data_dir(parser)


def run(options: Namespace) -> int:
    """Raises: Fault for an unknown line or wrong days."""
    if not 1 <= options.days <= _LONGEST_DAYS:
        raise Fault(_WRONG_DAYS)
    with command_settings(options) as settings:
        keyring = KeyRing.read(settings.secret_keys_file, settings.secret_keys)
        line = work_with(settings, lambda db: line_id(db, options.line))
    if line is None:
        raise Fault(Text(f"没有经营线 {options.line}", f"there is no line {options.line}"))
    print(sign_order(keyring, line, options.order, system_clock(), timedelta(days=options.days))[0])
    return 0
