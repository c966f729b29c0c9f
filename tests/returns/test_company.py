"""What an edition of the company's own adds to the law."""

import tomllib
from typing import Any

import pytest

from app.schemas.return_facts import ReturnFactsIn
from app.services.returns.facts import facts_of
from app.services.rules.policy_check import check_edition
from app.services.rules.returns.company import CompanyTerms, company_terms
from app.services.rules.returns.decision import ReturnDecision, decide_return
from tests.returns.cases import BOOK, NOW

WRITTEN = {"basis": "policy", "clause": "第九条"}
TITLE = {"zh": "退货", "en": "a return"}
FACTS = {
    "buyer_type": "consumer",
    "purchase_channel": "online",
    "product_category": "blender",
    "reason": "no_reason",
    "condition": "unused",
    "delivered_at": "2026-03-10",
    "requested_at": "2026-03-12",
}
DEFECT = {"reason": "quality", "quality_defect": "confirmed_by_qc", "condition": "used"}
NO_REASON = {"title": TITLE, "remedies": ["return", "exchange"], "within_days": {"value": 15, **WRITTEN}, **WRITTEN}
BLENDERS = {"categories": ["blender"], "title": {"zh": "搅拌机质保", "en": "guarantee on blenders"}, "months": 30}


def terms(returns: dict[str, Any] | None = None, warranty: dict[str, Any] | None = None) -> CompanyTerms:
    """The law-only edition with other chapters on returns and guarantee."""
    document = tomllib.loads(BOOK.get("statute", "1").text)
    changed = document | {"returns": returns or {}} | ({"warranty": warranty} if warranty else {})
    report = check_edition(changed, BOOK.statutes)
    assert report.edition is not None, report.findings
    return company_terms(report.edition, BOOK.statutes.rules)


def decide(terms: CompanyTerms, **facts: Any) -> ReturnDecision:
    given = facts_of(ReturnFactsIn.model_validate(FACTS | facts), now=NOW)
    return decide_return(given, BOOK.statutes, terms, BOOK.rest_days)


def cited(decision: ReturnDecision) -> set[str]:
    return {rule.id for rule in decision.basis}


@pytest.mark.parametrize(("asked", "outcome"), [("2026-03-25", "eligible"), ("2026-03-26", "not_eligible")])
def test_a_longer_time_for_returns_without_reason(asked: str, outcome: str) -> None:
    decision = decide(terms({"no_reason": NO_REASON}), requested_at=asked)
    assert decision.outcome == outcome
    assert "CO-NO-REASON" in cited(decision)
    assert decision.deadline is not None
    assert decision.deadline.isoformat() == "2026-03-25"


def test_an_exchange_without_reason_where_the_company_gives_it() -> None:
    decision = decide(terms({"no_reason": NO_REASON}), requested_remedy="exchange")
    assert (decision.outcome, decision.remedies) == ("eligible", ("return", "exchange"))


def test_the_way_back_paid_by_the_company() -> None:
    free = NO_REASON | {"freight": {"value": "merchant", **WRITTEN}}
    decision = decide(terms({"no_reason": free}))
    assert decision.freight_payer == "merchant"
    assert {"7D-18", "CO-NO-REASON"} <= cited(decision)


def test_a_promise_to_this_customer_goes_beyond_the_edition() -> None:
    decision = decide(
        terms({"no_reason": NO_REASON}), requested_at="2026-04-01", merchant_promise={"no_reason_days": 30}
    )
    assert decision.outcome == "eligible"
    assert "CO-PROMISE" in cited(decision)


def test_figures_with_the_basis_statute_are_left_to_the_law() -> None:
    law = {"basis": "statute", "clause": "消费者权益保护法 第二十五条"}
    repeating = NO_REASON | {"within_days": {"value": 15, **law}, **law}
    assert decide(terms({"no_reason": repeating}), requested_at="2026-03-20").outcome == "not_eligible"


@pytest.mark.parametrize(("asked", "remedies"), [("2026-04-09", ("return", "repair")), ("2026-04-10", ("repair",))])
def test_a_longer_time_for_returning_listed_goods_that_fail(asked: str, remedies: tuple[str, ...]) -> None:
    quality = {"title": TITLE, "remedies": ["return"], "within_days": {"value": 30, **WRITTEN}, **WRITTEN}
    listed = {"three_guarantee_listed": True, "warranty_months": 12}
    assert decide(terms({"quality": quality}), **DEFECT, **listed, requested_at=asked).remedies == remedies


@pytest.mark.parametrize(("asked", "outcome"), [("2026-03-20", "negotiable"), ("2026-03-21", "not_eligible")])
def test_consent_within_a_time(asked: str, outcome: str) -> None:
    consent = {"title": TITLE, "remedies": ["exchange"], "negotiable": True, "within_days": {"value": 10, **WRITTEN}}
    asked_in_shop = {"purchase_channel": "store", "reason": "customer_mis_selection", "requested_at": asked}
    decision = decide(terms({"customer_cause": consent | WRITTEN}), **asked_in_shop)
    assert decision.outcome == outcome
    assert "CO-CONSENT" in cited(decision)


def test_a_refund_sooner_than_the_law_asks() -> None:
    decision = decide(terms({"refund_days": {"value": 3, **WRITTEN}}), returned_goods_received_at="2026-03-16")
    assert decision.refund_due_by is not None
    assert decision.refund_due_by.isoformat() == "2026-03-19"


def test_the_company_may_pay_where_no_defect_is_found() -> None:
    pays = terms({"unconfirmed_freight": {"value": "merchant", **WRITTEN}})
    decision = decide(pays, **DEFECT | {"quality_defect": "claimed"})
    assert (decision.outcome, decision.freight_if_inspection_fails) == ("needs_inspection", "merchant")


@pytest.mark.parametrize(("asked", "outcome"), [("2026-03-10", "eligible"), ("2026-03-11", "not_eligible")])
def test_the_company_s_own_guarantee(asked: str, outcome: str) -> None:
    own = terms(warranty={"goods": [BLENDERS | WRITTEN]})
    decision = decide(own, **DEFECT, delivered_at="2023-09-10", requested_at=asked)
    assert decision.outcome == outcome
    assert "CO-GUARANTEE-1" in cited(decision)


def test_an_entry_is_cited_by_the_id_it_gives_itself() -> None:
    decision = decide(terms({"no_reason": NO_REASON | {"rule": "CO-SHOP-15"}}), requested_at="2026-03-25")
    (rule,) = (rule for rule in decision.basis if rule.id == "CO-SHOP-15")
    assert (rule.law, rule.article, rule.source) == ("消费者权益保护法、产品质量法", "第九条", "company")
