"""The program that `serve` forks its processes from, loaded as far as no database is needed for it."""

from importlib import import_module
from typing import TYPE_CHECKING

from app.commands.faults import explained
from app.core.settings import load_settings
from app.services.policy_book import SHIPPED, PolicyBook

if TYPE_CHECKING:
    from app.commands.program import Program

_NOT_YET_KNOWN = "postgresql:///later"


def load() -> "tuple[type[Program], PolicyBook]":
    """Return the program and the book it is to be built with. Raises: Fault.

    The book comes first: what is imported then fills the memory that reading the book took for a moment (20 MB).
    """
    with explained():
        folder = load_settings(database_url=_NOT_YET_KNOWN).policies_folder
        book = PolicyBook.load(folder or SHIPPED)
    return import_module("app.commands.program").Program, book
