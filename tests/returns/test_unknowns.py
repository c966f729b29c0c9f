"""Unknown facts, seen from the rules: how often they are run, and what is asked for."""

from collections.abc import Callable
from dataclasses import fields

import pytest

from app.services.rules.returns.case import Case, Verdict, refused
from app.services.rules.returns.facts import Moment, ReturnFacts, known
from app.services.rules.returns.unknowns import decide_with_unknowns
from app.services.rules.returns.verdicts import decide_case
from app.services.rules.returns.words import Outcome, RequestedRemedy
from tests.returns.cases import BOOK, NOW, terms_of

CORE = {"buyer_type", "purchase_channel", "product_category", "reason", "delivered_at", "condition"}
TODAY = Moment(NOW.date())


def a_case(facts: ReturnFacts) -> Case:
    return Case(facts, BOOK.statutes.on(TODAY.day), terms_of("statute"), BOOK.rest_days, TODAY)


def counting(decide: Callable[[Case], Verdict], runs: list[Case]) -> Callable[[Case], Verdict]:
    def counted(case: Case) -> Verdict:
        runs.append(case)
        return decide(case)

    return counted


def test_all_core_facts_unknown_take_few_runs() -> None:
    runs: list[Case] = []
    verdict = decide_with_unknowns(a_case(ReturnFacts(requested_at=TODAY)), counting(decide_case, runs))
    assert set(verdict.missing) == CORE
    assert len(runs) < 200


def test_everything_unknown_asks_for_the_core_first_and_gives_up_in_time() -> None:
    runs: list[Case] = []
    nothing = ReturnFacts(**dict.fromkeys(field.name for field in fields(ReturnFacts)))  # type: ignore[arg-type]
    facts = ReturnFacts(**{**nothing.__dict__, "requested_remedy": RequestedRemedy.ANY})
    verdict = decide_with_unknowns(a_case(facts), counting(decide_case, runs))
    assert (verdict.outcome, set(verdict.missing)) == (Outcome.NEEDS_FACTS, CORE)
    assert not verdict.remedies
    assert len(runs) <= 1000


@pytest.mark.parametrize(
    ("unknown", "asked"),
    [
        ({"custom_made": None, "perishable": True}, set()),  # excepted either way
        ({"custom_made": None, "perishable": False}, {"custom_made"}),
        ({"custom_made": None, "perishable": None}, {"custom_made", "perishable"}),
    ],
)
def test_a_fact_that_changes_nothing_drops_out(unknown: dict[str, bool | None], asked: set[str]) -> None:
    def decide(case: Case) -> Verdict:
        if known(case.facts.custom_made, "custom_made"):
            return refused("CPL-25-1-1")
        if known(case.facts.perishable, "perishable"):
            return refused("CPL-25-1-2")
        return Verdict(Outcome.ELIGIBLE, basis=("CPL-25-1",))

    facts = ReturnFacts(requested_at=TODAY, **unknown)  # type: ignore[arg-type]
    verdict = decide_with_unknowns(a_case(facts), decide)
    assert set(verdict.missing) == asked


def test_branches_that_agree_cite_the_rules_of_both() -> None:
    def decide(case: Case) -> Verdict:
        return refused("CPL-25-1-1" if known(case.facts.custom_made, "custom_made") else "CPL-25-1")

    facts = ReturnFacts(requested_at=TODAY, custom_made=None)
    assert set(decide_with_unknowns(a_case(facts), decide).basis) == {"CPL-25-1", "CPL-25-1-1"}
