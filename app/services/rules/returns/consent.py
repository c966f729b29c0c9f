"""协商退换货: what the company may agree to where the customer has no right, under its own edition."""

from app.services.rules.returns.case import Case, Ground, Verdict, refused
from app.services.rules.returns.facts import known
from app.services.rules.returns.words import Approval, ItemCondition, Outcome, Payer

_LITTLE_USED = frozenset({ItemCondition.UNUSED, ItemCondition.TRIED, ItemCondition.USED_LIGHTLY})


def decide_consent(case: Case) -> Verdict:
    """The customer's own cause: unused or little used, resale unharmed, and the company consents."""
    terms, facts = case.terms.consent, case.facts
    if terms is None:
        return refused()
    rule = terms.rule or "CO-PROMISE"
    if known(facts.company_approval, "company_approval") is Approval.REJECTED:
        return refused(rule)
    if known(facts.condition, "condition") not in _LITTLE_USED or known(facts.affects_resale, "affects_resale"):
        return refused(rule)
    if terms.days is not None and not case.in_days(known(facts.delivered_at, "delivered_at").day, terms.days).met(
        case.day
    ):
        return refused(rule)
    return Verdict(
        Outcome.NEGOTIABLE if case.satisfied_by(terms.remedies) else Outcome.NOT_ELIGIBLE,
        terms.remedies,
        terms.freight or Payer.CUSTOMER,
        (rule,),
        Ground.CONSENT,
    )
