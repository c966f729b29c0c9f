"""质保: is a product under guarantee, until when, and what may a service outside it cost?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from app.services.rules.clause import Basis, Decision, DecisionKind, Wording
from app.services.rules.policy_customers import PriceItem, PublicPromise, WarrantyTerms
from app.services.rules.returns.deadlines import RestDays, fixed, months_after
from app.services.rules.returns.words import Part

# Where the company's own text is silent: nothing may be charged beyond the marked price, nor what no price was marked
# for. The article was not read for this, it is from general knowledge.
_PRICE_LAW: Final = "价格法 第十三条"
_NO_EXTRA_FEES: Final = "no_extra_fees"  # the name of the promise by which a company forbids them


class Excluded(StrEnum):
    """What ends the guarantee's duty for a fault (部分商品修理更换退货责任规定 17)."""

    MISUSE_FOUND = "misuse_found"
    UNAUTHORIZED_REPAIR = "unauthorized_repair"
    FORCE_MAJEURE = "force_majeure"


_EXCLUDED_TITLES: Final = {
    Excluded.MISUSE_FOUND: Wording("使用、维护、保管不当造成损坏", "the damage comes of misuse or bad care"),
    Excluded.UNAUTHORIZED_REPAIR: Wording("非授权人员拆动或维修", "opened or repaired by somebody not authorised"),
    Excluded.FORCE_MAJEURE: Wording("因不可抗力造成损坏", "the damage comes of force majeure"),
}


@dataclass(frozen=True, slots=True)
class WarrantyFacts:
    """All dates are those of Asia/Shanghai. `starts_on`: delivery, installation by the merchant, or the exchange."""

    starts_on: date | None = None
    months: int | None = None
    part_months: Mapping[Part, int] = field(default_factory=dict)
    part: Part | None = None  # the part that failed; None: the whole unit
    category: str | None = None
    repair_days: int = 0
    extended_until: Sequence[date] = ()
    excluded: Excluded | None = None


@dataclass(frozen=True, slots=True)
class WarrantyDecision:
    """`covered` is None while a fact in `missing` decides it. `until` is the last day, which ends at 24:00.

    `confirmed` is False if the last day lies in a year whose days off are not published yet.
    """

    covered: bool | None
    until: date | None
    missing: tuple[str, ...]
    decisions: tuple[Decision, ...]
    confirmed: bool = True


def decide_warranty(facts: WarrantyFacts, today: date, terms: WarrantyTerms, rest: RestDays) -> WarrantyDecision:
    """Say whether a fault that shows on `today` is repaired free of charge.

    Of the file's term and the company's the longer holds; a part has its own where one is stated. A term that ends on
    a day off ends on the next working day, an extension on the day it names.
    Sources: 民法典 202 and 203, 消费者权益保护法实施条例 18 (start, repair days, restart at an exchange).
    """
    months, by = _term(facts, terms)
    ends = [fixed(day) for day in facts.extended_until]
    missing = []
    if months is None:
        missing.append("warranty_months")
    elif months and facts.starts_on is None:
        missing.append("delivered_at")
    elif months and facts.starts_on is not None:
        ends.append(rest.in_days(months_after(facts.starts_on, months), facts.repair_days))
    last = max(ends, key=lambda end: end.last, default=None)
    until, confirmed = (last.last, last.confirmed) if last else (None, True)
    if facts.excluded is not None:
        clause = "部分商品修理更换退货责任规定 第十七条"
        ground = _decision("not_covered", "3G-17", clause, _EXCLUDED_TITLES[facts.excluded], Basis.STATUTE)
        return WarrantyDecision(False, until, (), (ground,), confirmed)
    covered = any(end.met(today) for end in ends)
    if missing and not covered:  # were it covered, a later end would change nothing
        return WarrantyDecision(None, until, tuple(missing), (), confirmed)
    decisions = (_by_term(covered, until), *((by,) if by else ()), *_own_words(covered, terms))
    return WarrantyDecision(covered, until, (), decisions, confirmed)


def _term(facts: WarrantyFacts, terms: WarrantyTerms) -> tuple[int | None, Decision | None]:
    """Return the months of the guarantee, and the company's own entry if it is the longer."""
    own = next((goods for goods in terms.goods if facts.category in goods.categories), None)
    given = company = None
    if facts.part is not None:
        given, company = facts.part_months.get(facts.part), own.parts.get(facts.part) if own else None
    if given is None and company is None:
        given, company = facts.months, own.months if own else None
    if own is None or company is None or (given or 0) >= company:
        return given, None
    return company, _decision("term", "warranty.goods", own.clause, own.title, own.basis)


def _by_term(covered: bool, until: date | None) -> Decision:
    if until is None:
        reason = Wording("该产品没有质保期", "the product has no guarantee")
    elif covered:
        reason = Wording(f"质保期至{until}", f"under guarantee until {until}")
    else:
        reason = Wording(f"质保期已于{until}届满", f"the guarantee ended on {until}")
    outcome = "covered" if covered else "not_covered"
    return _decision(outcome, "REG-18-1", "消费者权益保护法实施条例 第十八条", reason, Basis.STATUTE)


def _own_words(covered: bool, terms: WarrantyTerms) -> tuple[Decision, ...]:
    if not covered or terms.guarantees is None:
        return ()
    stated = terms.guarantees
    reason = Wording("质保期内按制度承担", "what the company's guarantee gives")
    return (_decision(", ".join(stated.value), "warranty.guarantees", stated.clause, reason, stated.basis),)


def _decision(outcome: str, rule: str, clause: str, reason: Wording, basis: Basis) -> Decision:
    return Decision(DecisionKind.WARRANTY, outcome, rule, clause, reason, basis)


@dataclass(frozen=True, slots=True)
class ChargeRefused:
    """Why a charge must not be taken. `most` is the price that may be, None if nothing may."""

    under_guarantee: bool
    most: Decimal | None
    decision: Decision


def decide_charge(
    item: str, amount: Decimal, *, covered: bool | None, terms: WarrantyTerms, promises: Sequence[PublicPromise]
) -> PriceItem | ChargeRefused:
    """Return the entry of the price list that allows a charge, or why it must not be taken.

    `covered`: the goods are under guarantee; None where no purchase on file says.
    """
    rule, clause, basis = "price_law", _PRICE_LAW, Basis.STATUTE
    for promise in promises:
        if promise.name == _NO_EXTRA_FEES:
            rule, clause, basis = f"promises.{promise.name}", promise.clause, promise.basis
    listed = next((entry for entry in terms.price_list if entry.name == item), None)
    if covered:
        reason = Wording("质保期内免费维修，不得收费", "under guarantee the repair is free: nothing may be charged")
    elif listed is None:
        reason = Wording("价目表中没有此项，不得收费", "the price list does not have it: nothing may be charged")
    elif amount > listed.price:
        price = f"{listed.price:.2f}"
        reason = Wording(f"价目表为{price}元，不得多收", f"the price list says CNY {price}: nothing beyond it")
    else:
        return listed
    most = None if covered or listed is None else listed.price
    return ChargeRefused(bool(covered), most, _decision("refused", rule, clause, reason, basis))
