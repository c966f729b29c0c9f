"""`aftersales lines`: the business lines of this deployment."""

from argparse import ArgumentParser, Namespace

from app.commands.database import command_settings, on_database, work_with
from app.commands.place import add_data_dir
from app.core.clock import system_clock
from app.core.faults import Fault
from app.services.lines import add_line, list_lines
from app.services.policy_book import SHIPPED, PolicyBook


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list all lines with their policy (列出经营线)")
    add = actions.add_parser("add", help="add a line under a policy (新增经营线)")
    add.add_argument("name")
    add.add_argument("--policy", required=True, help="the policy's name, see `policy list` (适用的制度)")
    for action in (listing, add):
        add_data_dir(action)


def run(options: Namespace) -> int:
    """Raises: Fault if the line cannot be added."""
    if options.action == "list":
        for line in on_database(options, list_lines):
            print(f"{line.name}\t{line.policy}")
        return 0
    try:
        with command_settings(options) as settings:
            book = PolicyBook.load(settings.policies_folder or SHIPPED)
            now = system_clock()
            work_with(settings, lambda db: add_line(db, book, options.name, policy=options.policy, now=now))
    except ValueError as error:
        raise Fault(str(error)) from None
    return 0
