"""`aftersales policy`: look at editions without a database."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from app.commands.faults import explained
from app.core.faults import Fault
from app.core.language import Text
from app.services.policy_book import SHIPPED, PolicyBook, shipped_statutes
from app.services.rules.policy_check import check_text


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="one line per finding; exit status 1 for an error (校验制度文件)")
    check.add_argument("file", type=Path)
    listing = actions.add_parser("list", help="list the shipped editions (列出内置制度)")
    listing.add_argument("--folder", type=Path, default=SHIPPED, help="another folder of editions (制度目录)")


def run(options: Namespace) -> int:
    """Raises: Fault if the file cannot be read, or the folder's files have errors."""
    return _check(options.file) if options.action == "check" else _list(options.folder)


def _check(file: Path) -> int:
    try:
        report = check_text(file.read_text(encoding="utf-8"), shipped_statutes())
    except OSError as error:
        raise Fault(Text(f"无法读取 {file}：{error.strerror}", f"{file} cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError:
        raise Fault(Text(f"{file} 不是 UTF-8 文本", f"{file} is not UTF-8 text")) from None
    for finding in report.findings:
        place = (finding.level, finding.path or "-", finding.clause or "-")
        print("\t".join((*place, f"{finding.message.zh} / {finding.message.en}")))
    if report.edition is not None:
        header = report.edition.edition
        print(f"ok\t{header.name}\t{header.version}\t{header.effective_from}")
    return 1 if report.errors else 0


def _list(folder: Path) -> int:
    with explained():
        book = PolicyBook.load(folder)
    for name in book.names():
        for policy in book.editions(name):
            print(
                "\t".join(
                    (
                        name,
                        policy.version,
                        policy.effective_from.isoformat(),
                        policy.sha256[:12],
                        policy.edition.edition.document,
                    )
                )
            )
    return 0
