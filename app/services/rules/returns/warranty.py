"""质保期与三包有效期: when the clock starts, when it ends, and what a longer or a part's term adds."""

from datetime import date
from typing import NamedTuple

from app.services.rules.returns.case import Case
from app.services.rules.returns.deadlines import Deadline, fixed, months_after
from app.services.rules.returns.facts import known
from app.services.rules.returns.statutes import GoodsTerm
from app.services.rules.returns.words import Certainty


class Term(NamedTuple):
    """A guarantee's last day and the rules that give it."""

    end: Deadline
    basis: tuple[str, ...]


def clock_start(case: Case) -> date:
    """Return the day from which quality terms run: delivery, installation by the merchant, or the exchange."""
    facts = case.facts
    if facts.replaced_at is not None:
        return facts.replaced_at.day
    if facts.installed_at is not None and "REG-18-1" in case.law.rules:
        installed = facts.installed_at.day
        return max(installed, facts.delivered_at.day) if facts.delivered_at else installed
    return known(facts.delivered_at, "delivered_at").day


def listed_term(case: Case) -> Term:
    """Return the term of a listed unit; it always has one, so it is asked for where nobody knows it."""
    return known(unit_term(case, listed=True), "warranty_months")


def unit_term(case: Case, *, listed: bool) -> Term | None:
    """Return the term of the whole unit, None for goods without one that we know of."""
    facts = case.facts
    legal = case.law.goods.get(facts.product_category or "") if listed else None
    own = case.terms.goods.get(facts.product_category or "")
    months, basis = _longest(facts.warranty_months, own.months if own else None, own, legal)
    if months is None or not (months or listed):
        return _extension(facts.extended_until) if facts.extended_until else None
    return _term(case, months, (*basis, "3G-08") if listed else (*basis, "CO-PROMISE"))


def part_term(case: Case, *, listed: bool) -> Term | None:
    """Return the term of the part that failed; None if the whole unit is meant, or the part has no term of its own."""
    facts = case.facts
    if facts.part is None:
        return None
    legal = case.law.goods.get(facts.product_category or "") if listed else None
    own = case.terms.goods.get(facts.product_category or "")
    given = facts.part_warranty_months
    company = own.parts.get(facts.part) if own else None
    law = legal.parts.get(facts.part) if legal else None
    firm = law if legal and legal.certainty is not Certainty.KNOWLEDGE else None
    months = max((value for value in (given, company, firm) if value), default=law)
    if months is None:
        return None
    return _term(case, months, (legal.rule if legal else "3G-CAT", "3G-08") if listed else ("CO-PROMISE",))


def _longest(
    given: int | None, company: int | None, own: GoodsTerm | None, legal: GoodsTerm | None
) -> tuple[int | None, tuple[str, ...]]:
    """The longest term that anybody gives. What we know of the law from hearsay fills a gap and outweighs nobody."""
    stated = max((value for value in (given, company) if value is not None), default=None)
    if legal is not None and (stated is None or (stated < legal.months and legal.certainty is not Certainty.KNOWLEDGE)):
        return legal.months, (legal.rule, *(("3G-04",) if stated is not None else ()))
    return stated, (own.rule,) if own is not None and stated == company else ()


def _term(case: Case, months: int, basis: tuple[str, ...]) -> Term:
    """Months from the start, then the days that repairs took."""
    start = clock_start(case)
    repaired = known(case.facts.repair_days_total, "repair_days_total")
    end = case.in_days(months_after(start, months), repaired)
    extended = case.facts.extended_until
    if extended is not None and extended > end.last:
        return _extension(extended)
    restarted = ("3G-14",) if case.facts.replaced_at is not None else ()
    rolled = ("CC-203-1",) if end.rolled else ()
    return Term(end, ("CC-202", "REG-18-1", *basis, *restarted, *rolled))


def _extension(until: date) -> Term:
    return Term(fixed(until), ("CO-PROMISE",))
