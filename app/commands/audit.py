"""`aftersales audit`: whether the audit records are as they were sealed."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from app.commands.database import on_database
from app.commands.place import add_data_dir
from app.core.db import Database
from app.core.faults import Fault
from app.core.language import Text
from app.services.audit.verifying import Verdict, chain_heads, verify_audit


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="look for what was changed, deleted or put in (校验审计记录)")
    verify.add_argument(
        "--head", type=Path, metavar="FILE", help="of heads kept outside: a cut tail is found too (保存的链头)"
    )
    head = actions.add_parser("head", help="print the head of each line's chain, to be kept outside (输出链头)")
    for action in (verify, head):
        add_data_dir(action)


def run(options: Namespace) -> int:
    """Exit status 1 if anything was found. Raises: Fault for a file of heads that cannot be read."""
    return _head(options) if options.action == "head" else _verify(options)


def _head(options: Namespace) -> int:
    async def heads(db: Database) -> dict[tuple[str, int], bytes]:
        async with db.read() as session:
            return await chain_heads(session)

    for (line, position), chain in sorted(on_database(options, heads).items()):
        print(f"{line}\t{position}\t{chain.hex()}")
    return 0


def _verify(options: Namespace) -> int:
    kept = _kept(options.head) if options.head else {}

    async def verdict(db: Database) -> Verdict:
        async with db.read() as session:
            return await verify_audit(session, kept)

    result = on_database(options, verdict)
    for found in result.findings:
        where = "-" if found.position is None else found.position
        print(f"{found.line}\t{where}\t{found.row or '-'}\t{found.what.zh} / {found.what.en}")
    print(
        f"封条 {result.seals}，待封 {result.pending}，异常 {len(result.findings)} / "
        f"{result.seals} seals, {result.pending} rows awaiting theirs, {len(result.findings)} findings",
        file=sys.stderr,
    )
    return 1 if result.findings else 0


def _kept(file: Path) -> dict[tuple[str, int], bytes]:
    """Read heads as `head` prints them; those of several days may stand in one file."""
    try:
        lines = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        heads = {(line, int(position)): bytes.fromhex(chain) for line, position, chain in lines}
    except (OSError, ValueError) as error:
        raise Fault(Text(f"无法读取链头文件 {file}：{error}", f"the heads in {file} cannot be read: {error}")) from None
    if not heads:
        raise Fault(Text(f"链头文件 {file} 为空", f"there are no heads in {file}"))
    return heads
