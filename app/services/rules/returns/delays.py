"""By when the price is due back, and delays that the law punishes."""

from datetime import date
from typing import NamedTuple

from app.services.rules.returns.case import Case, Ground, Verdict
from app.services.rules.returns.facts import Moment
from app.services.rules.returns.words import Flag, Outcome


class Delays(NamedTuple):
    """`refund_due_by` is the nominal last day: to pay later than that is safe on one reading of the law only."""

    refund_due_by: date | None = None
    flags: tuple[Flag, ...] = ()
    basis: tuple[str, ...] = ()
    uncertain: bool = False


def delays_of(case: Case, verdict: Verdict) -> Delays:
    """Look at how the request is handled, from the notice or the goods' return to `as_of`."""
    if verdict.outcome not in (Outcome.ELIGIBLE, Outcome.NEEDS_INSPECTION):
        return Delays()
    facts = case.facts
    received = facts.returned_goods_received_at
    due, basis = _refund_due(case, verdict, received)
    flags: tuple[Flag, ...] = ()
    if due is not None and facts.as_of is not None and facts.as_of.day > due:
        flags = (Flag.REFUND_OVERDUE,)
    if _deliberate(case, verdict):
        flags = (*flags, Flag.STATUTORY_DELAY_15D)
        basis = (*basis, *(("PEN-08",) if verdict.ground is Ground.DEFECT else ("PEN-09", "7D-31")))
    moved = case.rest.deadline(due).rolled if due else False
    return Delays(due, flags, (*basis, *(("CC-203-1",) if moved else ())), moved)


def _refund_due(case: Case, verdict: Verdict, received: Moment | None) -> tuple[date | None, tuple[str, ...]]:
    """Within seven days for a return without reason, and within what the edition promises for any."""
    company = case.terms.refund_days
    legal = case.figures.refund_days if verdict.ground is Ground.NO_REASON else None
    days = min((value for value in (company, legal) if value is not None), default=None)
    if received is None or days is None:
        return None, ()
    return date.fromordinal(received.day.toordinal() + days), ("7D-13",) if legal is not None else ()


def _deliberate(case: Case, verdict: Verdict) -> bool:
    """More than the days the law allows since the notice, or since the goods came back, with nothing done."""
    facts, figures = case.facts, case.figures
    if facts.as_of is None:
        return False
    defect = verdict.ground is Ground.DEFECT
    allowed = figures.defect_delay_days if defect else figures.no_reason_delay_days
    handled = facts.handled_at or facts.returned_goods_received_at
    answered = handled.day if handled else facts.as_of.day
    if (answered - case.day).days > allowed:
        return True
    received = facts.returned_goods_received_at
    return received is not None and (facts.as_of.day - received.day).days > allowed
