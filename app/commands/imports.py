"""`aftersales import`: purchases from a spreadsheet's CSV file."""

from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import Path

from app.commands.database import command_settings, work_with
from app.commands.place import add_data_dir
from app.core.clock import system_clock
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.faults import Fault
from app.core.language import Text
from app.services.archive.imports import keep
from app.services.archive.purchase_files import FileRefused, Table, decode, read_table
from app.services.lines import line_id

_AT_ONCE = 500  # lines a transaction: what was taken before a break is not lost, and the file may simply come again


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    purchases = actions.add_parser("purchases", help="orders with their products and customers (购买记录)")
    purchases.add_argument("file", type=Path, help="CSV in UTF-8 or GBK (文件)")
    purchases.add_argument("--line", required=True, help="the business line (经营线)")
    add_data_dir(purchases)


def run(options: Namespace) -> int:
    """Take every good line and print the bad ones; the status is 1 if there were any. Raises: Fault."""
    try:
        table = read_table(decode(options.file.read_bytes()))
    except OSError as error:
        raise Fault(Text(f"无法读取文件：{error.strerror}", f"the file cannot be read: {error.strerror}")) from None
    except FileRefused as refused:
        raise Fault(refused.detail) from None
    with command_settings(options) as settings:
        keyring, now = KeyRing.read(settings.secret_keys_file, settings.secret_keys), system_clock()
        imported = work_with(settings, lambda db: _keep(db, options.line, table, keyring, now))
    for bad in table.bad:
        print(f"{bad.line}\t{bad.column or '-'}\t{bad.code}\t{bad.reason.zh} / {bad.reason.en}")
    there = len(table.good) - imported
    print(f"导入 {imported}，已存在 {there}，有误 {table.bad_lines} / ", end="")
    print(f"imported {imported}, already there {there}, bad {table.bad_lines}")
    return 1 if table.bad else 0


async def _keep(db: Database, name: str, table: Table, keyring: KeyRing, now: datetime) -> int:
    line = await line_id(db, name)
    if line is None:
        raise Fault(Text(f"没有经营线 {name}，见 lines list", f"there is no line {name}: see `lines list`"))
    imported = 0
    for start in range(0, len(table.good), _AT_ONCE):
        async with db.begin() as session:
            imported += await keep(session, line, table.good[start : start + _AT_ONCE], keyring, now)
    return imported
