"""Under which step of the edition a determination falls, and what speaks against it."""

from dataclasses import replace

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.clause import Basis
from app.services.rules.responsibility import (
    CONCLUSION_LABELS,
    SHARE_LABELS,
    Conclusion,
    Determination,
    Share,
    determine,
)
from app.services.rules.routing import duty_of
from tests.rules.policies import facts_of


def determined(
    book: PolicyBook,
    policy: str,
    given: str,
    share: str,
    latest: str | None = None,
    *,
    seller: str | None = None,
    service_provider: str | None = None,
) -> Determination:
    edition = book.editions(policy)[0].edition
    facts = replace(facts_of(given), seller=seller, service_provider=service_provider)
    steps = edition.complaints.determination if edition.complaints else ()
    conclusion = Conclusion(latest) if latest else None
    return determine(Share(share), facts, conclusion, duty_of(facts, edition.routing), steps)


@pytest.mark.parametrize(
    ("policy", "given", "share", "step", "clause", "basis"),
    [
        # components 6.4.2b: quality with the technical departments, people and other causes by the same procedure
        ("components", "complaint general quality", "ours", ".quality_cause", "6.4.2b", "policy"),
        ("components", "complaint general quality", "shared", ".quality_cause", "6.4.2b", "policy"),
        ("components", "complaint general non_quality", "ours", ".other_causes", "6.4.2b", "policy"),
        ("components", "complaint general quality", "not_ours", ".not_ours", "6.4.2b", "policy"),
        ("components", "complaint general other", "not_ours", ".not_ours", "6.4.2b", "policy"),
        # chemicals 五.2: quality control samples and determines, whatever comes out
        ("chemicals", "complaint general quality", "ours", ".inspected", "五.2", "policy"),
        ("chemicals", "complaint general quality", "not_ours", ".inspected", "五.2", "policy"),
        # silent
        ("mall", "complaint general quality", "ours", "", "未规定", "assumed"),
    ],
)
def test_step(book: PolicyBook, policy: str, given: str, share: str, step: str, clause: str, basis: str) -> None:
    decision = determined(book, policy, given, share).decision
    assert (decision.rule, decision.clause, decision.basis) == (f"complaints.determination{step}", clause, Basis(basis))
    assert decision.outcome == share


@pytest.mark.parametrize(
    ("given", "share", "latest", "warned"),
    [
        ("complaint general quality", "ours", "confirmed", ""),
        ("complaint general quality", "not_ours", "confirmed", ""),  # confirmed, but through the customer's own doing
        ("complaint general quality", "not_ours", "not_confirmed", ""),
        ("complaint general quality", "ours", "not_confirmed", "inspection_differs"),
        ("complaint general quality", "shared", "not_confirmed", "inspection_differs"),
        ("complaint general quality", "ours", "inconclusive", ""),
        ("complaint general quality", "ours", None, "not_inspected"),
        ("complaint general non_quality service_attitude", "ours", None, ""),  # nothing to put on a bench
    ],
)
def test_what_the_inspection_says(book: PolicyBook, given: str, share: str, latest: str | None, warned: str) -> None:
    warnings = determined(book, "tableware", given, share, latest).warnings
    assert [warning.doubt for warning in warnings] == warned.split()


@pytest.mark.parametrize(
    ("share", "parties", "warned"),
    [
        # home_furnishing 1.3: who sells is responsible for the goods
        ("ours", {"seller": "杭州门店"}, "duty_holder_differs"),
        ("shared", {"seller": "杭州门店"}, ""),
        ("not_ours", {"seller": "杭州门店"}, ""),
        ("ours", {}, ""),  # no seller on the ticket: the company sold it
        ("ours", {"service_provider": "杭州门店"}, ""),
    ],
)
def test_whose_duty_it_is(book: PolicyBook, share: str, parties: dict[str, str], warned: str) -> None:
    found = determined(
        book, "home_furnishing", "complaint general quality product_quality", share, "confirmed", **parties
    )
    assert [warning.doubt for warning in found.warnings] == warned.split()


def test_every_word_has_a_label() -> None:
    assert set(SHARE_LABELS) == set(Share)
    assert set(CONCLUSION_LABELS) == set(Conclusion)
