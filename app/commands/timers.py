"""`aftersales timers`: what was set aside after three failed tries."""

from argparse import ArgumentParser, Namespace

from app.commands.database import on_database
from app.commands.place import add_data_dir
from app.services.upkeep import list_stuck, try_stuck_again


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    stuck = actions.add_parser("stuck", help="list timers that were set aside (搁置的计时)")
    retry = actions.add_parser("retry", help="give them three tries more (重新尝试)")
    for action in (stuck, retry):
        add_data_dir(action)


def run(options: Namespace) -> int:
    """Exit status 1 if timers are stuck, so that a monitor may ask."""
    if options.action == "retry":
        print(on_database(options, try_stuck_again))
        return 0
    stuck = on_database(options, list_stuck)
    for timer in stuck:
        print("\t".join((timer.number, timer.id, timer.what, f"{timer.due_at:%Y-%m-%dT%H:%M:%SZ}")))
    return 1 if stuck else 0
