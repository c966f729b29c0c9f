"""`aftersales migrate`: bring a database to a revision of the schema."""

from argparse import ArgumentParser, Namespace

from app.commands.database import command_settings
from app.commands.place import add_data_dir
from app.core.faults import Fault
from app.core.language import Text
from app.core.schema import expected_revision, known_revisions, migrate


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--revision", default="head", help="head, base or a revision's name (结构版本；默认 head)")
    add_data_dir(parser)


def run(options: Namespace) -> int:
    if options.revision not in {"head", "base", *known_revisions()}:
        known = ", ".join(sorted(known_revisions()))
        raise Fault(Text(f"没有该结构版本，可用：{known}", f"there is no such revision; known are {known}"))
    with command_settings(options) as settings:
        migrate(settings.database_url, options.revision)
    revision = expected_revision() if options.revision == "head" else options.revision
    print(f"数据库结构版本 · the schema is at {revision}")
    return 0
