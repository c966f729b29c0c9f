"""退款: how much comes back, in money and in kind. CNY, to the fen."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import NamedTuple

from app.services.rules.returns.case import Case, Ground, Verdict
from app.services.rules.returns.facts import Bundle, FreeShipping, Item, MerchantPromise, ReturnFacts
from app.services.rules.returns.words import Remedy

_FEN = Decimal("0.01")
_NONE = Decimal(0)
_HUNDRED = Decimal(100)
_NOTHING: Mapping[str, Decimal] = MappingProxyType({})


class Refund(NamedTuple):
    """`amount` None: not known. `depreciation_days` is there where depreciation is taken."""

    amount: Decimal | None = None
    in_kind: Mapping[str, Decimal] = _NOTHING
    depreciation_days: int | None = None
    basis: tuple[str, ...] = ()


def refund_of(case: Case, verdict: Verdict) -> Refund:
    """Reckon the refund of goods that may be returned."""
    if Remedy.RETURN in verdict.remedies:
        return _plain(case.facts) if verdict.ground is not Ground.DEFECT else _for_defect(case.facts)
    if Remedy.RETURN_WITH_DEPRECIATION in verdict.remedies:
        return _less_depreciation(case)
    return Refund()


def _for_defect(facts: ReturnFacts) -> Refund:
    """The invoice price, unless the merchant proves that something else was paid; nothing is taken off."""
    paid = _paid(facts)
    proven = facts.paid_price_proven and paid is not None
    amount = paid if proven or facts.invoice_price is None else facts.invoice_price
    kind = _in_kind(facts)
    return Refund(_rounded(amount), kind, basis=(*_if(amount is not None, "REG-18-2"), *_if(kind, "7D-15")))


def _plain(facts: ReturnFacts) -> Refund:
    """What was really paid, less what the return itself undoes."""
    amount = _paid(facts)
    basis = ["7D-17", "7D-14"] if amount is not None or facts.bundle or facts.free_shipping else []
    if facts.bundle is not None:
        amount = _resettled(facts.bundle)
    if facts.free_shipping is not None:
        amount = _without_free_shipping(facts.free_shipping, amount)
        basis.append("7D-18")
    if facts.gift is not None:
        basis.append("7D-12")
        amount = _less_gift(facts, amount)
    if facts.payment is not None and facts.payment.card_fee:
        basis.append("7D-16")
    kind = _in_kind(facts)
    return Refund(_rounded(amount), kind, basis=(*basis, *_if(kind, "7D-15")))


def _paid(facts: ReturnFacts) -> Decimal | None:
    if facts.price_paid is not None:
        return facts.price_paid
    return facts.payment.cash if facts.payment else None


def _in_kind(facts: ReturnFacts) -> Mapping[str, Decimal]:
    if facts.payment is None:
        return {}
    ways = {"coupon": facts.payment.coupon, "points": facts.payment.points}
    return {way: value for way, value in ways.items() if value}


def _resettled(bundle: Bundle) -> Decimal:
    """What was paid for everything, less what the items kept cost by themselves."""

    def due(items: Iterable[Item]) -> Decimal:
        total = _sum(items)
        return total - bundle.discount if total >= bundle.threshold else total

    kept = [item for item in bundle.items if item.id not in bundle.returning]
    return max(due(bundle.items) - due(kept), _NONE)


def _without_free_shipping(order: FreeShipping, amount: Decimal | None) -> Decimal:
    """The fee that was waived is taken off if what is kept no longer earns the waiver."""
    kept = [item for item in order.items if item.id not in order.returning]
    back = _sum(order.items) - _sum(kept) if amount is None else amount
    return max(back - order.fee, _NONE) if _sum(order.items) >= order.threshold > _sum(kept) else back


def _sum(items: Iterable[Item]) -> Decimal:
    return sum((item.price for item in items), _NONE)


def _less_gift(facts: ReturnFacts, amount: Decimal | None) -> Decimal | None:
    """A gift that is kept costs the price labelled beforehand, if there was one and nothing else was promised."""
    gift, promise = facts.gift, facts.merchant_promise or MerchantPromise()
    if amount is None or gift is None or gift.returned or gift.labelled_price is None or promise.gift:
        return amount
    return max(amount - gift.labelled_price, _NONE)


def _less_depreciation(case: Case) -> Refund:
    """折旧费 runs from the invoice to the return, without the days of repair."""
    facts = case.facts
    goods = case.law.goods.get(facts.product_category or "")
    legal = goods.depreciation_percent / _HUNDRED if goods and goods.depreciation_percent else None
    rate = legal if facts.depreciation_daily_rate is None else facts.depreciation_daily_rate
    start = _first(facts.invoice_date, facts.purchase_date, facts.delivered_at.day if facts.delivered_at else None)
    if start is None:
        return Refund()
    end = _first(facts.return_date, case.day) or case.day
    days = max((end - start).days - (facts.repair_days_total or 0), 0)
    price = facts.invoice_price if facts.invoice_price is not None and not facts.paid_price_proven else _paid(facts)
    if price is None or rate is None:
        return Refund(depreciation_days=days, basis=("3G-13",))
    return Refund(_rounded(max(price - price * rate * days, _NONE)), depreciation_days=days, basis=("3G-13",))


def _first(*days: date | None) -> date | None:
    return next((day for day in days if day is not None), None)


def _rounded(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(_FEN, ROUND_HALF_UP)


def _if(holds: object, rule: str) -> tuple[str, ...]:
    return (rule,) if holds else ()
