"""From a case whose decisive facts are known to one verdict."""

from app.services.rules.returns.case import Case, Verdict, refused
from app.services.rules.returns.company import missing
from app.services.rules.returns.consent import decide_consent
from app.services.rules.returns.defects import decide_defect
from app.services.rules.returns.facts import known
from app.services.rules.returns.no_reason import decide_no_reason
from app.services.rules.returns.remedies import closed
from app.services.rules.returns.words import (
    DEFECT_REASONS,
    BuyerType,
    Flag,
    MerchantClause,
    Outcome,
    Reason,
)

_CLAUSES = {
    MerchantClause.NO_RETURNS_AFTER_SIGNING: ("CPL-26",),
    MerchantClause.SIGNING_ACCEPTS_QUALITY: ("CPL-26", "SPC-01"),
    MerchantClause.CUSTOMER_ALWAYS_PAYS_FREIGHT: ("CPL-26", "CPL-24-2"),
}


def decide_case(case: Case) -> Verdict:
    """Raises: Undecided for the first fact the rules come upon that is unknown."""
    if _asks_for_too_many(case):
        return refused("CO-QUANTITY", "7D-17")._replace(flags=(Flag.QUANTITY_EXCEEDS_RETURNABLE,))
    reason = known(case.facts.reason, "reason")
    verdict = decide_defect(case) if reason in DEFECT_REASONS else _own_wish(case, reason)
    return _with_form(case, _with_void_clause(case, verdict))


def returnable(case: Case) -> int:
    """Return how many units are left that may come back."""
    facts = case.facts
    bought = known(facts.quantity_purchased, "quantity_purchased")
    return max(bought - known(facts.quantity_returned_before, "quantity_returned_before"), 0)


def _asks_for_too_many(case: Case) -> bool:
    left, requested = returnable(case), case.facts.quantity_requested
    return left == 0 or (requested is not None and requested > left)


def _own_wish(case: Case, reason: Reason) -> Verdict:
    """No reason, a wrong choice, improper use: the right without a reason first, then the company's consent."""
    right = decide_no_reason(case)
    law = (case.terms.law_rule,) if case.terms.law_rule else ()
    asked = case.satisfied_by(right.remedies)
    if asked and right.outcome is not Outcome.NOT_ELIGIBLE:
        return right._replace(basis=(*right.basis, *law))
    consent = decide_consent(case)
    if consent.outcome is Outcome.NEGOTIABLE:
        return consent._replace(remedies=consent.remedies | right.remedies, basis=(*consent.basis, *right.basis))
    basis = (*consent.basis, *right.basis)
    if right.remedies:
        return right._replace(outcome=Outcome.NOT_ELIGIBLE, basis=basis)
    if reason is Reason.MISUSE:
        listed = known(case.facts.three_guarantee_listed, "three_guarantee_listed")
        return closed(case, *(("3G-17",) if listed else ()), *basis, deadline=right.deadline, uncertain=right.uncertain)
    return right._replace(basis=basis)


def _with_void_clause(case: Case, verdict: Verdict) -> Verdict:
    void = _CLAUSES.get(case.facts.merchant_clause)
    if void is None or case.facts.buyer_type is BuyerType.BUSINESS:
        return verdict
    return verdict._replace(basis=(*verdict.basis, *void))


def _with_form(case: Case, verdict: Verdict) -> Verdict:
    """The company's form has to be whole before it decides; a consumer's right by law does not wait for it."""
    rule = case.terms.form_rule
    if rule is None or verdict.outcome in (Outcome.NOT_ELIGIBLE, Outcome.NEEDS_FACTS):
        return verdict
    if verdict.outcome is Outcome.ELIGIBLE and known(case.facts.buyer_type, "buyer_type") is BuyerType.CONSUMER:
        return verdict
    absent = missing(case.facts, case.terms.form_facts)
    if not absent:
        return verdict
    return Verdict(Outcome.NEEDS_FACTS, basis=(rule, "DATA-1"), missing=absent)
