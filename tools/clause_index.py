"""Write `docs/clauses.md`: for every clause that became data, the key it stands under and the code that reads it.

python -m tools.clause_index
"""

import re
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from app.services.policy_book import Policy, PolicyBook
from app.services.rules.clause import Basis, Sourced
from app.services.rules.policy import SILENT, Edition
from app.services.rules.policy_findings import walk

INDEX = Path(__file__).resolve().parent.parent / "docs" / "clauses.md"

HEAD = """# Clauses: from the source to the code

Written by `python -m tools.clause_index`; do not edit. A row is one clause of a company's document, as the document
numbers itself: the keys of the edition that state it, and the code that decides by them. "On record" is what no rule
decides by yet, with the module that owns its shape. A decision's `rule` is one of these keys. Below each table stands
what is assumed because the document is silent, with the clause that leaves it open where there is one.
"""

_RETURNS = "`returns/decision.py` decide_return"

# Sections, or parts of one, by which something is decided, and where; the others are on record.
DECIDED = {
    "calendar": "`calendar.py` WorkingCalendar",
    "sla": "`sla.py` decide_sla",
    "routing": "`routing.py` decide_routing",
    "departments": "`routing.py` decide_routing",
    "roles": "`routing.py` decide_routing",
    "materials": "`materials.py` decide_materials",
    "complaints.paths": "`handling.py` decide_handling",
    "complaints.facts": "`complaint_reports.py` ReportFact",
    "complaints.determination": "`responsibility.py` determine",
    "quality.capa": "`capa.py` decide_check, decide_closure",
    "quality.nonconforming_goods": "`nonconformities.py` decide_step",
    "warnings": "`notices.py` told_of",
    "escalations": "`notices.py` told_of",
    "delays": "`notices.py` told_of_delay",
    "surveys": "`surveys.py` is_dissatisfied",
    "returns.flow": None,
    "returns": _RETURNS,
    "warranty.goods": _RETURNS,
}

_NAMING = ("name", "milestone", "severity", "item_class", "level")  # the fields by which an entry is known


class Row(NamedTuple):
    clause: str
    code: str
    key: str
    assumed: bool


def render(book: PolicyBook) -> str:
    return "\n".join([HEAD, *(_section(policy) for name in book.names() for policy in book.editions(name))])


def _section(policy: Policy) -> str:
    head, rows = policy.edition.edition, list(_rows(policy.edition))
    assumed = ", ".join(f"`{row.key}`" + _open(row.clause) for row in rows if row.assumed)
    table = "".join(_lines([row for row in rows if not row.assumed]))
    return (
        f"## {policy.ref}\n\n{head.document}, in force from {head.effective_from}\n\n"
        f"| clause | data key | code |\n|---|---|---|\n{table}\nAssumed: {assumed}\n"
    )


def _open(clause: str) -> str:
    return "" if clause == SILENT else f" ({clause})"


def _rows(edition: Edition) -> Iterator[Row]:
    """Every entry that cites a clause, in the edition's order."""
    places = list(walk(edition))
    nodes = {path: node for path, node, _ in places}
    for path, node, _ in places:
        if isinstance(node, Sourced):
            yield Row(node.clause, _code(edition, path), _key(path, nodes), node.basis is Basis.ASSUMED)


def _code(edition: Edition, path: str) -> str:
    decided = next((code for entry, code in DECIDED.items() if re.match(rf"{re.escape(entry)}(?![a-z_])", path)), None)
    if decided is not None:
        return decided
    section = re.split(r"[.\[]", path)[0]
    chapter = getattr(edition, section)
    owner = chapter[0] if isinstance(chapter, tuple) else chapter
    return f"on record, `{type(owner).__module__.rpartition('.')[2]}.py`"


def _key(path: str, nodes: Mapping[str, object]) -> str:
    """The path with the names of entries in place of their numbers, as decisions cite it."""

    def named(number: re.Match[str]) -> str:
        node = nodes[path[: number.end()]]
        name = next((getattr(node, field) for field in _NAMING if hasattr(node, field)), None)
        return number[0] if name is None else f".{name}"

    key = re.sub(r"\[\d+\]", named, path)
    return key.replace(".milestones.", ".") if key.startswith("sla.service_levels.") else key


def _lines(rows: list[Row]) -> Iterator[str]:
    """One line for each clause and piece of code, in the order in which the edition first cites the clause."""
    first = {row.clause: place for place, row in reversed(list(enumerate(rows)))}
    rows.sort(key=lambda row: (first[row.clause], row.code))
    for (clause, code), group in groupby(rows, key=lambda row: (row.clause, row.code)):
        keys = ", ".join(f"`{key}`" for key in dict.fromkeys(row.key for row in group))
        yield f"| {clause} | {keys} | {code} |\n"


def main() -> int:
    INDEX.write_text(render(PolicyBook.load()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
