"""消费者权益保护法 第二十四条: what a confirmed defect gives a consumer whose goods are on no 三包 list."""

from datetime import date

from app.services.rules.returns.case import Case, Verdict
from app.services.rules.returns.deadlines import Deadline, months_after
from app.services.rules.returns.facts import known
from app.services.rules.returns.regions import BEIJING, Addition, least_term, repairs_in_term, without_period
from app.services.rules.returns.remedies import claim, closed, feasible
from app.services.rules.returns.warranty import Term, clock_start, part_term, unit_term
from app.services.rules.returns.words import FREE, Reason, Remedy

_LATER = frozenset({Remedy.EXCHANGE, Remedy.REPAIR})
_BY_REASON = {
    Reason.QUALITY: (),
    Reason.WRONG_ITEM: ("PQL-40",),
    Reason.NOT_AS_DESCRIBED: ("PQL-40",),
    Reason.SHIPPING_DAMAGE: ("ECL-20",),
}


def unlisted_claim(case: Case) -> Verdict:
    """Seven days for a return, then exchange or repair for as long as a defect may be claimed."""
    start = clock_start(case)
    window = case.in_days(start, case.figures.defect_days)
    term = part_term(case, listed=False) or unit_term(case, listed=False)
    limit, limit_basis = _limit(case, start, term)
    warranty = term.end if term else None
    law = (*_BY_REASON.get(known(case.facts.reason, "reason"), ()), "CPL-24-1", "CPL-24-2", "7D-35")
    if window.met(case.day):
        remedies, basis, uncertain = FREE, law, window.open_question(case.day)
    elif limit.met(case.day):
        added = _added(case, start, term)
        remedies, basis = _LATER | added.remedies, (*added.basis, *law, *limit_basis)
        uncertain = added.uncertain or limit.open_question(case.day)
    elif known(case.facts.seller_knew, "seller_knew"):
        remedies, basis, uncertain = _LATER, ("CC-621-3", *law), False
    else:
        return closed(case, *limit_basis, deadline=window, warranty=warranty)
    offered = feasible(case, remedies)
    if not offered:  # with neither exchange nor repair the purpose cannot be reached
        offered, basis = frozenset({Remedy.RETURN}), (*basis, "CC-563")
    return claim(case, offered, basis, deadline=window, warranty=warranty, uncertain=uncertain)


def _added(case: Case, start: date, term: Term | None) -> Addition:
    """A return after the seven days."""
    if known(case.facts.purpose_frustrated, "purpose_frustrated"):
        return Addition(frozenset({Remedy.RETURN}), ("CC-563",))
    return repairs_in_term(case) if term else without_period(case, start)


def _limit(case: Case, start: date, term: Term | None) -> tuple[Deadline, tuple[str, ...]]:
    """Until when a defect may be claimed: the guarantee, or two years where there is none."""
    if term is None:
        return case.rest.deadline(months_after(start, case.figures.claim_months)), ("CC-621-2",)
    least = least_term(case, start)
    if least is not None and least > term.end:
        return least, (BEIJING, *term.basis)
    return term.end, term.basis
