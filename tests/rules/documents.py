"""Editions as documents, changed in one place."""

from copy import deepcopy
from typing import Any

MISSING = object()


def with_change(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with one place set, taken away (MISSING) or, after a "+", added to a list."""
    changed = deepcopy(document)
    steps = [int(step) if step.isdigit() else step for step in path.removesuffix(".+").split(".")]
    node: Any = changed
    for step in steps[:-1]:
        node = node[step]
    last: Any = steps[-1]
    if value is MISSING:
        del node[last]
    elif path.endswith(".+"):
        node[last] = [*node[last], value]
    else:
        node[last] = value
    return changed
