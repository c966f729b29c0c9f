"""No number in the law's data can change without a worked case noticing."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import pytest

from app.services.policy_book import SHIPPED
from app.services.rules.returns.statutes import GoodsTerm, Rule, StatuteBook
from tests.returns.cases import BOOK, differences, worked_cases

RULES = tuple(BOOK.statutes.rules.values())
GOODS = tuple({id(term): term for term in BOOK.statutes.goods.values()}.values())
FEN = Decimal("0.01")


class Mutation(NamedTuple):
    """One number of one rule or goods term, and the law with another in its place."""

    place: str
    law: Callable[[], StatuteBook]


def changed(rules: Mapping[str, Rule], goods: Mapping[int, GoodsTerm]) -> StatuteBook:
    """The law with some entries in place of others."""
    return StatuteBook(
        [rules.get(rule.id, rule) for rule in RULES], [goods.get(id(term), term) for term in GOODS], laws={}
    )


def rule_mutations(rule: Rule) -> Iterator[Mutation]:
    numbers = [(name, value) for name, value in rule.parameters if isinstance(value, int)]
    for name, value in numbers:
        for other in (value - 1, value + 1):
            parameters = rule.parameters.model_copy(update={name: other})
            mutant = rule.model_copy(update={"parameters": parameters})
            yield Mutation(f"{rule.id} {name} {value} → {other}", partial(changed, {rule.id: mutant}, {}))


def goods_mutations(term: GoodsTerm) -> Iterator[Mutation]:
    changes: dict[str, dict[str, object]] = {
        f"months {months}": {"months": months} for months in (term.months - 1, term.months + 1)
    }
    for part, months in term.parts.items():
        for other in (months - 1, months + 1):
            changes[f"{part} {other}"] = {"parts": {**term.parts, part: other}}
    if (percent := term.depreciation_percent) is not None:
        changes |= {f"{other} %": {"depreciation_percent": other} for other in (percent - FEN, percent + FEN)}
    for place, update in changes.items():
        mutant = term.model_copy(update=update)
        yield Mutation(f"{term.title.en}: {place}", partial(changed, {}, {id(term): mutant}))


MUTATIONS = [
    *(mutation for rule in RULES for mutation in rule_mutations(rule)),
    *(mutation for term in GOODS for mutation in goods_mutations(term)),
]


def numbers_in(data: object) -> int:
    """Count the numbers in what TOML gives, dates aside."""
    if isinstance(data, dict):
        return sum(map(numbers_in, data.values()))
    if isinstance(data, list):
        return sum(map(numbers_in, data))
    return int(isinstance(data, int | float) and not isinstance(data, bool))


def test_every_number_in_the_files_is_changed_up_and_down() -> None:
    files = [tomllib.loads(file.read_text(encoding="utf-8")) for file in (SHIPPED / "law/returns").glob("*.toml")]
    assert len(MUTATIONS) == 2 * numbers_in(files)
    assert len(MUTATIONS) >= 70


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.place)
def test_a_changed_number_is_noticed(mutation: Mutation) -> None:
    law = mutation.law()
    assert any(differences(case, case.decide(law)) for case in worked_cases())
