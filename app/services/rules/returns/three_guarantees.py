"""三包: what a failure of listed goods gives a consumer, by the day and by the repairs that went before."""

from app.services.rules.returns.case import NOTHING, Case, Verdict
from app.services.rules.returns.company import has_proof
from app.services.rules.returns.facts import known
from app.services.rules.returns.regions import ZHEJIANG, Addition, local_rule, repairs_in_term
from app.services.rules.returns.remedies import claim, closed, feasible
from app.services.rules.returns.warranty import clock_start, listed_term, part_term
from app.services.rules.returns.words import FREE, Remedy, RepairDelayCause

_EXCHANGE = frozenset({Remedy.EXCHANGE})
_REPAIR = frozenset({Remedy.REPAIR})
_PROOF = ("invoice_present", "voucher_present", "order_record_present")


def listed_claim(case: Case) -> Verdict:
    """Return, exchange or repair in the first days, exchange or repair in the next, then repair in the term."""
    proof = _proof(case)
    if proof is None:
        return closed(case, "3G-17")
    start, figures = clock_start(case), case.figures
    window = case.in_days(start, figures.listed_return_days)
    exchange = case.in_days(start, figures.listed_exchange_days)
    if window.met(case.day):
        remedies, basis, uncertain = FREE, ("3G-09",), window.open_question(case.day)
        added, warranty = Addition(), None
    elif exchange.met(case.day):
        remedies, basis, uncertain = _EXCHANGE | _REPAIR, ("3G-10",), exchange.open_question(case.day)
        added, warranty = _added(case), None
    else:
        unit = listed_term(case)
        term = part_term(case, listed=True) or unit
        if not term.end.met(case.day):
            return closed(case, *term.basis, deadline=window, warranty=term.end)
        remedies, basis, warranty = _REPAIR, ("3G-15", *term.basis), term.end
        uncertain = term.end.open_question(case.day)
        added = _added(case) if unit.end.met(case.day) else Addition()
    uncertain = uncertain or proof.uncertain or (added.uncertain and not remedies >= added.remedies)
    offered, extra = _carried_out(case, remedies | added.remedies)
    basis = (*added.basis, *extra, *basis, *proof.basis, "REG-18-1", "CPL-24-2")
    return claim(case, offered, basis, deadline=window, warranty=warranty, uncertain=uncertain)


def _proof(case: Case) -> Addition | None:
    """Return how the purchase is proved, None if by nothing."""
    facts = case.facts
    for name in _PROOF:
        known(getattr(facts, name), name)
    if not has_proof(facts):
        return None
    if facts.invoice_present or facts.voucher_present:
        return Addition()
    # 三包 asks for invoice and card; whether the seller's own record will do is open, but not for phones.
    goods = case.law.goods.get(facts.product_category or "")
    phone = goods is not None and goods.rule == "3GM"
    return Addition(NOTHING, ("3GM",) if phone else ("3G-08",), not phone)


def _added(case: Case) -> Addition:
    """What repairs that failed or took too long add, and a defect that defeats the purpose."""
    facts, local = case.facts, repairs_in_term(case)
    remedies, basis, uncertain = local.remedies, local.basis, local.uncertain
    if known(facts.purpose_frustrated, "purpose_frustrated"):
        # 民法典 563 beside the 三包 ladder: open, and we keep the return.
        remedies, basis, uncertain = remedies | {Remedy.RETURN}, (*basis, "CC-563"), True
    if _too_long(case):
        remedies, basis = remedies | _EXCHANGE, (*basis, "3G-12")
    elif facts.repair_delay_cause is not RepairDelayCause.NONE:
        basis = (*basis, "3G-12")
    if known(facts.repair_count, "repair_count") >= case.figures.repairs:
        uncertain = uncertain or (Remedy.EXCHANGE not in remedies and known(facts.faults_differ, "faults_differ"))
        remedies, basis = remedies | _EXCHANGE, (*basis, "3G-11")
    return Addition(remedies, basis, uncertain)


def _too_long(case: Case) -> bool:
    facts = case.facts
    limits = {
        RepairDelayCause.PARTS: case.figures.parts_days,
        RepairDelayCause.REPAIRER: case.figures.repairer_days,
    }
    limit = limits.get(facts.repair_delay_cause)
    return limit is not None and known(facts.current_repair_days, "current_repair_days") > limit


def _carried_out(case: Case, remedies: frozenset[Remedy]) -> tuple[frozenset[Remedy], tuple[str, ...]]:
    """Put in what stands for an exchange that cannot be had or is not wanted, and for a repair that makes no sense."""
    offered = feasible(case, remedies)
    basis: tuple[str, ...] = ()
    if not offered:
        offered, basis = feasible(case, _EXCHANGE), ("CPL-24-1",)
    if not offered or (Remedy.EXCHANGE in remedies - offered and Remedy.RETURN not in offered):
        return offered | {Remedy.RETURN}, (*basis, "3G-13")
    if Remedy.EXCHANGE in offered and Remedy.RETURN not in offered:
        if known(case.facts.customer_declines_exchange, "customer_declines_exchange"):
            return offered | {_refused_exchange(case)}, (*basis, "3G-13", *_goods_rule(case))
    return offered, basis


def _refused_exchange(case: Case) -> Remedy:
    return Remedy.RETURN if local_rule(case) == ZHEJIANG else Remedy.RETURN_WITH_DEPRECIATION


def _goods_rule(case: Case) -> tuple[str, ...]:
    goods = case.law.goods.get(case.facts.product_category or "")
    return (goods.rule,) if goods else ()
