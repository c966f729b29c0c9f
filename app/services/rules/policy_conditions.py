"""How two conditions of an edition relate: does one cover the other, can both hold at once?"""

from typing import Protocol

from app.services.rules.facts import Condition


class Conditional(Protocol):
    """An entry of a list of which the first that holds is taken."""

    @property
    def when(self) -> Condition: ...

    @property
    def clause(self) -> str: ...


class Named(Protocol):
    """An entry that decisions and other chapters refer to by its name."""

    @property
    def name(self) -> str: ...


class Entry(Conditional, Named, Protocol):
    """A conditional entry with a name."""


def covers(wide: Condition, narrow: Condition) -> bool:
    """Say whether `wide` holds whenever `narrow` does."""
    return all(
        field in narrow.model_fields_set and set(getattr(narrow, field)) <= set(getattr(wide, field))
        for field in wide.model_fields_set
    )


def compatible(one: Condition, other: Condition) -> bool:
    """Say whether some ticket satisfies both."""
    shared = one.model_fields_set & other.model_fields_set
    return all(set(getattr(one, field)) & set(getattr(other, field)) for field in shared)


def both(one: Condition, other: Condition) -> Condition:
    """Return the condition that holds where both do; they must be compatible."""
    given = {name: getattr(one, name) for name in one.model_fields_set}
    for name in other.model_fields_set:
        values = getattr(other, name)
        given[name] = tuple(value for value in values if value in given.get(name, values))
    return Condition.model_validate(given)
