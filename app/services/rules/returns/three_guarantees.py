"""三包: what a failure of listed goods gives a consumer, by the day and by the repairs that went before."""

from datetime import date
from typing import NamedTuple

from app.services.rules.returns.case import NOTHING, Case, Verdict
from app.services.rules.returns.company import PROOFS, has_proof
from app.services.rules.returns.deadlines import Deadline
from app.services.rules.returns.facts import known
from app.services.rules.returns.regions import ZHEJIANG, Addition, local_rule, repairs_in_term
from app.services.rules.returns.remedies import claim, closed, feasible
from app.services.rules.returns.warranty import clock_start, listed_term, part_term
from app.services.rules.returns.words import FREE, Remedy, RepairDelayCause

_EXCHANGE = frozenset({Remedy.EXCHANGE})
_REPAIR = frozenset({Remedy.REPAIR})


class _Stage(NamedTuple):
    """How far the clock has run: what is open by the day alone, and whether more may be added to it."""

    remedies: frozenset[Remedy]
    basis: tuple[str, ...]
    last: Deadline
    may_grow: bool = True


def listed_claim(case: Case) -> Verdict:
    """Return, exchange or repair in the first days, exchange or repair in the next, then repair in the term."""
    proof = _proof(case)
    if proof is None:
        return closed(case, "3G-17")
    start = clock_start(case)
    window = case.in_days(start, case.figures.listed_return_days)
    stage = _stage(case, start, window)
    if not stage.last.met(case.day):
        return closed(case, *stage.basis, deadline=window, warranty=stage.last)
    added = _added(case) if stage.may_grow else Addition()
    offered, extra = _carried_out(case, stage.remedies | added.remedies)
    in_term = stage.remedies == _REPAIR
    free = ("3G-15",) if in_term else ()
    return claim(
        case,
        offered,
        (*added.basis, *extra, *free, *stage.basis, *proof.basis, "REG-18-1", "CPL-24-2"),
        deadline=window,
        warranty=stage.last if in_term else None,
        uncertain=stage.last.open_question(case.day)
        or proof.uncertain
        or (added.uncertain and not added.remedies <= stage.remedies),
    )


def _stage(case: Case, start: date, window: Deadline) -> _Stage:
    if window.met(case.day):
        return _Stage(FREE, ("3G-09",), window, may_grow=False)
    exchange = case.in_days(start, case.figures.listed_exchange_days)
    if exchange.met(case.day):
        return _Stage(_EXCHANGE | _REPAIR, ("3G-10",), exchange)
    unit = listed_term(case)
    term = part_term(case, listed=True) or unit
    return _Stage(_REPAIR, term.basis, term.end, may_grow=unit.end.met(case.day))


def _proof(case: Case) -> Addition | None:
    """Return how the purchase is proved, None if by nothing."""
    facts = case.facts
    for name in PROOFS:
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
    limit = limits.get(known(facts.repair_delay_cause, "repair_delay_cause"))
    return limit is not None and known(facts.current_repair_days, "current_repair_days") > limit


def _carried_out(case: Case, remedies: frozenset[Remedy]) -> tuple[frozenset[Remedy], tuple[str, ...]]:
    """Put in what stands for an exchange that cannot be had or is not wanted, and for a repair that makes no sense."""
    offered = feasible(case, remedies)
    basis: tuple[str, ...] = ()
    if not offered:
        offered, basis = feasible(case, _EXCHANGE), ("CPL-24-1",)
    if not offered or (Remedy.EXCHANGE in remedies - offered and Remedy.RETURN not in offered):
        return offered | {Remedy.RETURN}, (*basis, "3G-13")
    if Remedy.RETURN in offered or Remedy.EXCHANGE not in offered:
        return offered, basis
    if not known(case.facts.customer_declines_exchange, "customer_declines_exchange"):
        return offered, basis
    return offered | {_refused_exchange(case)}, (*basis, "3G-13", *_goods_rule(case))


def _refused_exchange(case: Case) -> Remedy:
    return Remedy.RETURN if local_rule(case) == ZHEJIANG else Remedy.RETURN_WITH_DEPRECIATION


def _goods_rule(case: Case) -> tuple[str, ...]:
    goods = case.law.goods.get(case.facts.product_category or "")
    return (goods.rule,) if goods else ()
