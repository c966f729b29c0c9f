"""What the policy check reports, and the walk over an edition by which it finds the place."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel

from app.services.rules.clause import Sourced, Wording

_WIDEST = 60  # characters of a name that a path repeats


class FindingLevel(StrEnum):
    ERROR = "error"  # the edition is refused
    WARNING = "warning"  # stands as written, but somebody should look


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` leads to the place in the file; `clause` is the one cited there, None where none is."""

    level: FindingLevel
    path: str
    clause: str | None
    message: Wording


def error(path: str, clause: str | None, zh: str, en: str) -> Finding:
    return Finding(FindingLevel.ERROR, path, clause, Wording(zh, en))


def warning(path: str, clause: str | None, zh: str, en: str) -> Finding:
    return Finding(FindingLevel.WARNING, path, clause, Wording(zh, en))


class Place(NamedTuple):
    path: str
    node: object
    clause: str | None  # of the nearest entry around it that cites one


def join(path: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{path}[{step}]"
    step = step if len(step) <= _WIDEST else step[:_WIDEST] + "…"
    return f"{path}.{step}" if path else step


def walk(node: object, path: str = "", clause: str | None = None) -> Iterator[Place]:
    """Yield every term, text and value of an edition, the outer before the inner, in the edition's order."""
    if isinstance(node, Sourced):
        clause = node.clause
    yield Place(path, node, clause)
    for step, child in _children(node):
        yield from walk(child, join(path, step), clause)


def _children(node: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(node, BaseModel):
        yield from ((name, getattr(node, name)) for name in type(node).model_fields)
    elif isinstance(node, dict):
        yield from ((str(key), value) for key, value in node.items())
    elif isinstance(node, tuple):
        yield from enumerate(node)
