"""民法典 617–621: what a confirmed defect gives a business under its contract."""

from datetime import date

from app.services.rules.returns.case import Case, Verdict
from app.services.rules.returns.deadlines import Deadline, months_after
from app.services.rules.returns.facts import known
from app.services.rules.returns.remedies import claim, closed, feasible
from app.services.rules.returns.warranty import Term, clock_start, part_term, unit_term
from app.services.rules.returns.words import FREE, Remedy

_RIGHTS = ("CC-617", "CC-582")


def business_claim(case: Case) -> Verdict:
    """A reasonable choice of remedies, if notice came within the inspection period or the guarantee."""
    start = clock_start(case)
    term = part_term(case, listed=False) or unit_term(case, listed=False)
    limit, basis = _limit(case, start, term)
    warranty = term.end if term else None
    offered = feasible(case, FREE)
    if limit.met(case.day):
        uncertain = limit.open_question(case.day)
        return claim(case, offered, (*basis, *_RIGHTS), deadline=limit, warranty=warranty, uncertain=uncertain)
    if known(case.facts.seller_knew, "seller_knew"):
        return claim(case, offered, ("CC-621-3", *_RIGHTS), deadline=limit, warranty=warranty)
    if term is not None and term.end.met(case.day):
        # The goods count as conforming on receipt; the guarantee still answers for faults that show later.
        mended = feasible(case, frozenset({Remedy.REPAIR})) or feasible(case, frozenset({Remedy.EXCHANGE}))
        return claim(case, mended, (*term.basis, *basis), deadline=limit, warranty=warranty)
    return closed(case, *basis, deadline=limit, warranty=warranty)


def _limit(case: Case, start: date, term: Term | None) -> tuple[Deadline, tuple[str, ...]]:
    """Until when notice is in time: the agreed period, the guarantee, or two years."""
    agreed = case.facts.contract_inspection_days
    if agreed is not None:
        return case.in_days(start, agreed), ("CC-621-1", "CC-201")
    if term is not None:
        return term.end, ("CC-621-2", *term.basis)
    return case.rest.deadline(months_after(start, case.figures.claim_months)), ("CC-621-2",)
