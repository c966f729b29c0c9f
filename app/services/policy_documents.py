"""An edition's document on its way in: read within bounds, checked, and written as the text that is kept.

Reading costs time that grows faster than the document does where it is malicious: a key of 50,000 parts takes
half a minute. The bounds here lie far above what a policy needs and keep any document under a few seconds, in a
thread of its own.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from app.schemas.policies import MOST_CHARACTERS, DraftIn
from app.services.rules.policy_check import PolicyReport, check_edition, parse_edition
from app.services.rules.policy_findings import error, join
from app.services.rules.returns.statutes import StatuteBook

_MOST_DOTS: Final = 200  # on one line of TOML
_MOST_TABLES: Final = 64  # entries of a list of tables; the check compares each with each
_MOST_VALUES: Final = 500
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_WIDEST = 100  # characters of a list on one line


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as it would be kept, with the report on it. `text` is empty where it could not be read."""

    text: str
    report: PolicyReport


def read_draft(body: DraftIn, law: StatuteBook) -> Draft:
    """Check a draft. A JSON object becomes TOML, so that what is kept is always the text of an edition file."""
    if body.document is not None:
        return _read_text(body.document, law)
    document = _without_nulls(body.edition or {})
    report = _refusing_size(document) or check_edition(document, law)
    if report.edition is None:
        return Draft("", report)
    text = toml_text(document)
    return Draft(text, report if len(text) <= MOST_CHARACTERS else _refused("", "内容过长", "is too long"))


def _read_text(text: str, law: StatuteBook) -> Draft:
    if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
        return Draft("", _refused("", "一行之内的点号过多，请分行书写", "has too many dots on one line: break it up"))
    try:
        document, findings = parse_edition(text)
    except ValueError:  # a whole number of thousands of digits
        return Draft("", _refused("", "数字过长", "holds a number that is too long"))
    if document is None:
        return Draft("", PolicyReport(None, findings))
    report = _refusing_size(document) or check_edition(document, law)
    return Draft(text, report)


def _refused(path: str, zh: str, en: str) -> PolicyReport:
    return PolicyReport(None, (error(path, None, zh, en),))


def _refusing_size(document: Mapping[str, object]) -> PolicyReport | None:
    """Return a refusal of the first list that is longer than the check can compare in time."""
    nodes: list[tuple[str, object]] = [("", document)]
    while nodes:
        path, node = nodes.pop()
        if isinstance(node, Mapping):
            nodes += [(join(path, str(key)), child) for key, child in node.items()]
        elif isinstance(node, list):
            most = _MOST_TABLES if any(isinstance(child, Mapping) for child in node) else _MOST_VALUES
            if len(node) > most:
                return _refused(path[-200:], f"最多{most}项", f"takes at most {most}")
            nodes += [(join(path, place), child) for place, child in enumerate(node)]
    return None


def _without_nulls(document: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Drop entries that are null: TOML has none, and absent means the same."""

    def without(node: JsonValue) -> JsonValue:
        if isinstance(node, dict):
            return {key: without(child) for key, child in node.items() if child is not None}
        return [without(child) for child in node] if isinstance(node, list) else node

    return {key: without(child) for key, child in document.items() if child is not None}


def toml_text(document: Mapping[str, JsonValue]) -> str:
    """Write a JSON object without nulls as TOML: a section for every table at its top, one line for each entry."""
    plain = {key: value for key, value in document.items() if not _tables(value)}
    sections = [(key, table) for key, value in document.items() for table in _tables(value)]
    blocks = [_lines(plain.items())] if plain else []
    for key, table in sections:
        head = f"[[{_key(key)}]]" if isinstance(document[key], list) else f"[{_key(key)}]"
        blocks.append(f"{head}\n{_lines(table.items())}")
    return "\n".join(blocks)


def _tables(value: JsonValue) -> list[dict[str, JsonValue]]:
    """The tables a value at the top stands for: itself, or those of a list that holds nothing else."""
    if isinstance(value, dict):
        return [value]
    tables = [child for child in value if isinstance(child, dict)] if isinstance(value, list) else []
    return tables if isinstance(value, list) and len(tables) == len(value) else []


def _lines(entries: Iterable[tuple[str, JsonValue]]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in entries)


def _value(value: JsonValue) -> str:
    line = _inline(value)
    if not isinstance(value, list) or len(line) <= _WIDEST:
        return line
    return "[\n" + "".join(f"  {_inline(child)},\n" for child in value) + "]"


def _inline(value: JsonValue) -> str:
    match value:
        case str():
            return _string(value)
        case bool():
            return "true" if value else "false"
        case list():
            return f"[{', '.join(map(_inline, value))}]"
        case dict():
            inner = ", ".join(f"{_key(key)} = {_inline(child)}" for key, child in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case int() | float():
            return repr(value)
        case None:
            raise TypeError("TOML has no null")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    """JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
