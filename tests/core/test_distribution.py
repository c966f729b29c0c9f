"""What docs/citus.md says of the tables and their keys is what they are: the page and the schema cannot drift apart."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import sqlalchemy as sa

import app.core
import app.models
from app.core.db import Base

for _package in (app.core, app.models):
    for _module in pkgutil.iter_modules(_package.__path__, f"{_package.__name__}."):
        import_module(_module.name)

LINE = "business_line_id"
PAGE = Path(__file__).parents[2] / "docs" / "citus.md"
_NAME = re.compile(r"`([^`]+)`")
_CONFLICT = re.compile(r"(?:ON CONFLICT \(|index_elements=\[)([\w\", ]+)[)\]]")
TABLES = Base.metadata.sorted_tables
DISTRIBUTED = {table.name for table in TABLES if LINE in table.columns}


def entries(heading: str) -> list[tuple[list[str], list[str]]]:
    """Return the rows of the table under a heading of the page: what the first cell names, and the other cells."""
    section = PAGE.read_text("utf-8").partition(f"\n## {heading}")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [(_NAME.findall(cells[0]), cells[1:]) for cells in rows]


WITHOUT_LINE = entries("Tables without a line")
KEYS = entries("Unique keys without the line")


def named(rows: list[tuple[list[str], list[str]]]) -> list[str]:
    return sorted(name for names, _ in rows for name in names)


def unique_keys(table: sa.Table) -> Iterator[list[str]]:
    """Yield what each unique key of a table is made of; an expression stands as it is written."""
    yield list(table.primary_key.columns.keys())
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            yield list(constraint.columns.keys())
    for index in table.indexes:
        if index.unique:
            yield [part.name if isinstance(part, sa.Column) else str(part) for part in index.expressions]


def described(table: sa.Table, key: list[str]) -> str:
    """Name a key as the page does: `table (columns)`, and `* (id)` for the primary key that most tables have."""
    return f"{'*' if key == ['id'] else table.name} ({', '.join(key)})"


def test_a_table_has_rows_of_one_line_each_or_the_page_says_where_it_stays() -> None:
    assert named(WITHOUT_LINE) == sorted(table.name for table in TABLES if table.name not in DISTRIBUTED)


def test_no_row_of_a_distributed_table_is_without_a_line() -> None:
    assert [table.name for table in TABLES if table.name in DISTRIBUTED and table.columns[LINE].nullable] == []


def test_a_unique_key_has_the_line_or_the_page_says_what_takes_its_place() -> None:
    short = {
        described(table, key)
        for table in TABLES
        if table.name in DISTRIBUTED
        for key in unique_keys(table)
        if LINE not in key
    }
    assert named(KEYS) == sorted(short)


def test_a_key_that_may_take_the_line_as_it_is_is_named_by_no_statement() -> None:
    sources = [file.read_text("utf-8") for file in (PAGE.parents[1] / "app").rglob("*.py")]
    targets = {target.replace('"', "") for source in sources for target in _CONFLICT.findall(source)}
    assert "event_id, endpoint_id" in targets  # the search is not blind
    answers = {answer for _, (answer, _) in KEYS}
    assert answers == {"yes", "no", "with code"}
    free = {name.partition(" (")[2].rstrip(")") for names, (answer, _) in KEYS if answer == "yes" for name in names}
    assert free & targets == set()


def test_a_table_that_others_refer_to_is_distributed_or_on_every_node() -> None:
    everywhere = {name for names, (place, *_) in WITHOUT_LINE if place.startswith("reference") for name in names}
    references = {(table.name, key.referred_table.name) for table in TABLES for key in table.foreign_key_constraints}
    astray = {
        (child, parent)
        for child, parent in references
        if parent not in everywhere and not {child, parent} <= DISTRIBUTED
    }
    assert astray == set()


def test_the_page_gives_its_reasons_in_both_languages() -> None:
    for names, cells in [*WITHOUT_LINE, *KEYS]:
        assert len(cells) == 2, names
        english, _, chinese = cells[1].partition(" · ")
        assert english.isascii(), names
        assert re.search(r"[\u4e00-\u9fff]", chinese), names
