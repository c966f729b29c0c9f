"""The worked cases, and that they cover the law."""

from collections import Counter

import pytest

from tests.returns.cases import BOOK, Worked, differences, terms_of, worked_cases

# Duties beside the decision, which no fact of a request can call in: the steps of a return and a recall rest on them.
ON_RECORD = {"CPL-19", "REG-07", "7D-11", "7D-19"}


@pytest.mark.parametrize("case", worked_cases(), ids=lambda case: case.name)
def test_worked_case(case: Worked) -> None:
    assert differences(case, case.decide()) == []


def test_there_are_enough_cases_and_no_two_of_a_name() -> None:
    names = Counter(case.name for case in worked_cases())
    assert len(names) >= 150
    assert max(names.values()) == 1


def test_every_rule_decides_in_some_case() -> None:
    named = {rule for case in worked_cases() for rule in case.expect.get("rules", ())}
    own = {
        "CO-LAW",
        "CO-FORM",
        "CO-MATERIALS",
        "CO-INSPECTION",
        "CO-RECEIPT",
    }  # words for editions without an id of their own
    of_companies = {rule for case in worked_cases() for rule in terms_of(case.policy).rules}
    assert (BOOK.statutes.rules.keys() | of_companies) - named - ON_RECORD - own == set()


def test_what_is_only_on_record_is_cited_nowhere() -> None:
    cited = {rule.id for case in worked_cases() for rule in case.decide().basis}
    assert not cited & ON_RECORD
