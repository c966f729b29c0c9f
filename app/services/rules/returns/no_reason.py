"""无理由退货: the right to send back what was bought at a distance, its exceptions and what a promise adds."""

from typing import NamedTuple

from app.services.rules.returns.case import Case, Ground, Verdict, refused
from app.services.rules.returns.condition import State, condition_of
from app.services.rules.returns.deadlines import Deadline
from app.services.rules.returns.facts import MerchantPromise, known
from app.services.rules.returns.words import (
    BuyerType,
    ConfirmationMethod,
    GoodsClass,
    NonreturnableGround,
    Outcome,
    Payer,
    PurchaseChannel,
    Remedy,
    RequestedRemedy,
)

_NO_PROMISE = MerchantPromise()
_EXCLUDED_FLAGS = ("custom_made", "perishable", "digital_downloaded", "av_software_unsealed", "newspaper")
_LIKE_ONLINE = frozenset({PurchaseChannel.PHONE, PurchaseChannel.TV, PurchaseChannel.MAIL_ORDER})


class _Right(NamedTuple):
    """Within how many days, by which rules; None days is no right at all."""

    days: int | None
    basis: tuple[str, ...]
    uncertain: bool = False


class _Exception(NamedTuple):
    applies: bool
    basis: tuple[str, ...] = ()
    uncertain: bool = False


def decide_no_reason(case: Case) -> Verdict:
    """Decide whether the goods may be returned without a reason, by law, local rule or promise."""
    right = _right(case)
    if right.days is None:
        return refused(*right.basis)
    deadline = case.in_days(known(case.facts.delivered_at, "delivered_at").day, right.days)
    basis = (*right.basis, "7D-10", *(("CC-203-1",) if deadline.rolled else ()))
    if not deadline.met(case.day):
        return refused(*basis, deadline=deadline)
    exception = _exception(case)
    if exception.applies:
        return refused(*exception.basis, *right.basis, uncertain=exception.uncertain)
    state = condition_of(case, exception.basis)
    if state.state is State.SPOILED:
        return refused(*state.basis, *basis, deadline=deadline, uncertain=state.uncertain)
    after_hours, remedies = _after_hours(case, deadline), _remedies(case)
    return Verdict(
        Outcome.NEEDS_INSPECTION if state.state is State.DOUBTFUL else Outcome.ELIGIBLE,
        remedies,
        _freight(case),
        (*basis, *exception.basis, *state.basis, *_freight_basis(case), *(("CC-203-2",) if after_hours else ())),
        Ground.NO_REASON,
        deadline=deadline,
        uncertain=right.uncertain
        or exception.uncertain
        or state.uncertain
        or after_hours
        # The Act speaks of a return alone: whether the right reaches to an exchange is open.
        or (case.facts.requested_remedy is RequestedRemedy.EXCHANGE and Remedy.EXCHANGE not in remedies)
        or deadline.open_question(case.day),
    )


def _right(case: Case) -> _Right:
    facts, figures = case.facts, case.figures
    promised = (facts.merchant_promise or _NO_PROMISE).no_reason_days
    buyer = known(facts.buyer_type, "buyer_type")
    if buyer is BuyerType.BUSINESS:
        return _promised(promised, ("CPL-2", "7D-02"))
    channel = known(facts.purchase_channel, "purchase_channel")
    if channel in figures.no_reason_channels:
        like_online = "7D-36" if channel in _LIKE_ONLINE else "7D-02"
        # 线上下单到店自提: nothing says clearly whether this is a distance sale.
        pickup = channel is PurchaseChannel.ONLINE_PICKUP
        return _longest(case, figures.no_reason_days, promised, ("CPL-25-1", like_online), uncertain=pickup)
    if channel in figures.local.shanghai_channels and (rule := _local(case, "LOC-SH-30")):
        return _longest(case, figures.local.shanghai_days, promised, (rule,))
    return _promised(promised, ("CPL-25-1",))


def _local(case: Case, rule: str) -> str | None:
    return rule if case.law.local_rule(known(case.facts.region, "region")) == rule else None


def _promised(days: int | None, without: tuple[str, ...]) -> _Right:
    """A right that rests on the merchant's promise alone."""
    return _Right(days, ("CO-PROMISE", "REG-12")) if days else _Right(None, without)


def _longest(
    case: Case, by_law: int, promised: int | None, basis: tuple[str, ...], *, uncertain: bool = False
) -> _Right:
    """The longest of law, promise and edition; a shorter promise is worth nothing."""
    company = case.terms.no_reason
    own = company.days if company and company.days else 0
    days = max(by_law, promised or 0, own)
    if promised is not None and promised < by_law:
        basis = (*basis, "CPL-16")
    if days > by_law:
        source = (company.rule or "CO-PROMISE") if company and own == days else "CO-PROMISE"
        basis = (*basis, source, "REG-12", "7D-05", "CC-204")
    return _Right(days, basis, uncertain)


def _exception(case: Case) -> _Exception:
    facts, rules = case.facts, case.figures.exclusions
    promise = facts.merchant_promise or _NO_PROMISE
    for flag in _EXCLUDED_FLAGS:
        if flag == "custom_made" and facts.configured_from_stock_options:
            continue  # choosing among what is in stock is no order of one's own
        if known(getattr(facts, flag), flag):
            return _Exception(False, ("SPC-02",)) if promise.covers_excluded else _Exception(True, rules[flag])
    if case.law.goods_class(known(facts.product_category, "product_category")) is GoodsClass.MEDICINE:
        covered = promise.covers_excluded
        return _Exception(not covered, ("CO-PROMISE",) if covered else rules["medicine"], True)
    return _unconfirmed(case, promise)


def _unconfirmed(case: Case, promise: MerchantPromise) -> _Exception:
    """Goods that may be excepted if the buyer confirmed it for this purchase (第七条)."""
    facts = case.facts
    ground = known(facts.nonreturnable_ground, "nonreturnable_ground")
    if ground is NonreturnableGround.NONE:
        return _Exception(False)
    if ground is NonreturnableGround.OTHER:
        return _Exception(False, ("REG-19-1", "7D-30"))
    explicit = ConfirmationMethod.PER_PURCHASE_EXPLICIT
    confirmed = facts.buyer_confirmed_non_returnable
    if not confirmed or known(facts.confirmation_method, "confirmation_method") is not explicit:
        return _Exception(False, ("7D-20", "REG-19-2"))
    if promise.covers_excluded:
        return _Exception(False, ("CO-PROMISE", "7D-05"))
    return _Exception(True, ("CPL-25-2", *case.figures.exclusions[ground]))


def _remedies(case: Case) -> frozenset[Remedy]:
    company = case.terms.no_reason
    return frozenset({Remedy.RETURN}) | (company.remedies if company else frozenset())


def _freight(case: Case) -> Payer:
    promise, company = case.facts.merchant_promise or _NO_PROMISE, case.terms.no_reason
    if Payer.MERCHANT in (promise.freight, company.freight if company else None):
        return Payer.MERCHANT
    return case.figures.no_reason_freight


def _freight_basis(case: Case) -> tuple[str, ...]:
    if (case.facts.merchant_promise or _NO_PROMISE).freight is Payer.MERCHANT:
        return ("7D-18", "REG-12")
    company = case.terms.no_reason
    if company and company.rule and company.freight is Payer.MERCHANT:
        return ("7D-18", company.rule)
    return ("CPL-25-3",)


def _after_hours(case: Case, deadline: Deadline) -> bool:
    """Say whether the notice came on the last day after the office had closed."""
    closing = case.facts.business_hours_end
    at = case.notice.at
    return closing is not None and at is not None and case.day == deadline.last and at >= closing
