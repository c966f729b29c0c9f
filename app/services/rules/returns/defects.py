"""质量问题: what examination has found, and what follows if it confirms the defect or does not."""

from typing import NamedTuple

from app.services.rules.returns.business_claims import business_claim
from app.services.rules.returns.case import Case, Verdict, refused
from app.services.rules.returns.company import missing
from app.services.rules.returns.consumer_claims import unlisted_claim
from app.services.rules.returns.deadlines import months_after
from app.services.rules.returns.facts import known
from app.services.rules.returns.no_reason import decide_no_reason
from app.services.rules.returns.remedies import closed, feasible
from app.services.rules.returns.three_guarantees import listed_claim
from app.services.rules.returns.warranty import clock_start
from app.services.rules.returns.words import (
    FREE,
    BuyerType,
    Flag,
    Outcome,
    Payer,
    QualityDefect,
    Reinspection,
)


class _Found(NamedTuple):
    """`confirmed` None: not settled. `barred` names the rules by which the cause is not the merchant's."""

    confirmed: bool | None
    basis: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()


def decide_defect(case: Case) -> Verdict:
    """Decide a claim for a defect, a wrong or damaged item. One that fails falls back on the right without reason."""
    found = _found(case)
    if found.confirmed:
        return _confirmed(case, found.basis)
    failed = _failed(case, found)
    if found.confirmed is False:
        return failed
    confirmed = _confirmed(case, found.basis)
    if confirmed.answer == failed.answer or FREE.isdisjoint(confirmed.remedies):
        return confirmed
    return _to_be_examined(case, confirmed)


def _found(case: Case) -> _Found:
    facts = case.facts
    barred = _barred(case)
    if barred:
        return _Found(False, barred=barred)
    if facts.quality_defect is QualityDefect.CONFIRMED_BY_QC:
        return _Found(True)
    if facts.quality_defect is QualityDefect.REJECTED_BY_QC:
        return _Found(False)
    if facts.quality_defect is QualityDefect.INCONCLUSIVE and _presumed(case):
        return _Found(True, ("CPL-23-3",))
    return _Found(None)


def _presumed(case: Case) -> bool:
    """The merchant has to prove that durable goods were not defective, for a time after they were received."""
    facts = case.facts
    if not known(facts.durable_burden_category, "durable_burden_category"):
        return False
    received = known(facts.delivered_at, "delivered_at").day
    return case.rest.deadline(months_after(received, case.figures.burden_months)).met(case.day)


def _barred(case: Case) -> tuple[str, ...]:
    """Causes that are not the merchant's. For listed goods the law has its own list of them (第十七条)."""
    facts = case.facts
    outside = known(facts.misuse_found, "misuse_found") or known(facts.force_majeure, "force_majeure")
    altered = known(facts.unauthorized_repair, "unauthorized_repair")
    mismatch = known(facts.voucher_present, "voucher_present") and not known(facts.voucher_matches, "voucher_matches")
    if not (outside or altered or mismatch) or known(facts.buyer_type, "buyer_type") is BuyerType.BUSINESS:
        return ("CC-617",) if outside else ()
    if known(facts.three_guarantee_listed, "three_guarantee_listed"):
        return ("3G-17",)
    return ("CPL-24-1",) if outside else ()


def _confirmed(case: Case, basis: tuple[str, ...]) -> Verdict:
    claim = _with_company(case, _claim(case))
    claim = claim._replace(basis=(*basis, *claim.basis))
    if not case.satisfied_by(claim.remedies):
        return _with_no_reason(case, claim)
    if case.facts.reinspection is Reinspection.FAILED:
        return _in_conflict(case, claim)
    return claim


def _claim(case: Case) -> Verdict:
    if known(case.facts.buyer_type, "buyer_type") is BuyerType.BUSINESS:
        return business_claim(case)
    if known(case.facts.three_guarantee_listed, "three_guarantee_listed"):
        return listed_claim(case)
    return unlisted_claim(case)


def _with_company(case: Case, claim: Verdict) -> Verdict:
    """Add what the edition gives for a confirmed defect, while the defect may be claimed at all."""
    company = case.terms.quality
    if company is None or FREE.isdisjoint(claim.remedies):
        return claim
    in_time = company.days is None or case.in_days(clock_start(case), company.days).met(case.day)
    if not in_time or (company.days is None and company.rule is None):
        return claim
    remedies = claim.remedies | feasible(case, company.remedies)
    rule = company.rule or "CO-PROMISE"
    basis = (rule, *claim.basis) if company.rule or remedies != claim.remedies else claim.basis
    outcome = Outcome.ELIGIBLE if case.satisfied_by(remedies) else claim.outcome
    return claim._replace(remedies=remedies, basis=basis, outcome=outcome)


def _with_no_reason(case: Case, claim: Verdict) -> Verdict:
    """Where the defect does not give the remedy asked for, the right without a reason may."""
    right = decide_no_reason(case)
    if right.outcome is not Outcome.ELIGIBLE or not case.satisfied_by(right.remedies):
        return claim
    return right._replace(
        remedies=right.remedies | (claim.remedies & FREE),
        basis=(*right.basis, *claim.basis),
        warranty=claim.warranty,
    )


def _in_conflict(case: Case, claim: Verdict) -> Verdict:
    """Two examinations contradict each other: a person decides, and both stay on record."""
    rule = case.terms.receipt_rule or "CO-RECEIPT"
    return claim._replace(
        outcome=Outcome.NEEDS_INSPECTION,
        basis=(rule, *claim.basis),
        freight_if_inspection_fails=_unconfirmed_freight(case),
        flags=(Flag.INSPECTION_CONFLICT,),
    )


def _failed(case: Case, found: _Found) -> Verdict:
    """What is left if there is no defect for which the merchant answers."""
    right = decide_no_reason(case)
    own = (case.terms.inspection_rule,) if case.terms.inspection_rule else ()
    if right.outcome in (Outcome.ELIGIBLE, Outcome.NEEDS_INSPECTION):
        asked = case.satisfied_by(right.remedies)
        outcome = right.outcome if asked else Outcome.NOT_ELIGIBLE
        return right._replace(outcome=outcome, basis=(*right.basis, *own, "CPL-24-1"))
    if found.barred:
        return closed(case, *found.barred, *own, *right.basis, deadline=right.deadline)
    business = known(case.facts.buyer_type, "buyer_type") is BuyerType.BUSINESS
    return refused(*own, "CC-617" if business else "CPL-24-1", *right.basis, deadline=right.deadline)


def _to_be_examined(case: Case, confirmed: Verdict) -> Verdict:
    own = tuple(rule for rule in (case.terms.inspection_rule, case.terms.materials_rule) if rule)
    absent = missing(case.facts, case.terms.material_facts)
    if absent:
        return Verdict(Outcome.NEEDS_FACTS, basis=(*own, "DATA-1"), missing=absent)
    return confirmed._replace(
        outcome=Outcome.NEEDS_INSPECTION,
        basis=(*own, *confirmed.basis, "CO-FREIGHT"),
        freight_if_inspection_fails=_unconfirmed_freight(case),
    )


def _unconfirmed_freight(case: Case) -> Payer:
    return case.terms.unconfirmed_freight or case.figures.inspection_failed_freight
