"""`aftersales notices`: what could not be sent to staff."""

from argparse import ArgumentParser, Namespace

from app.commands.database import on_database
from app.commands.place import add_data_dir
from app.core.ids import id_text
from app.models.notices import Notice
from app.services.notices.history import list_failed, resend_failed


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    failed = actions.add_parser("failed", help="list notices that could not be sent (发送失败的通知)")
    resend = actions.add_parser("resend", help="have all of them sent again (全部重发)")
    for action in (failed, resend):
        add_data_dir(action)


def run(options: Namespace) -> int:
    """Exit status 1 if notices have failed, so that a monitor may ask."""
    if options.action == "resend":
        print(on_database(options, resend_failed))
        return 0
    failed = on_database(options, list_failed)
    for notice in failed:
        print("\t".join((notice.number, id_text("ntc", notice.id), notice.kind, notice.event, _said(notice))))
    return 1 if failed else 0


def _said(notice: Notice) -> str:
    parts = (notice.last_status, notice.last_code, notice.last_text)
    return " ".join(str(part) for part in parts if part is not None)
