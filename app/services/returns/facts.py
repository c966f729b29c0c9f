"""From the facts a caller sends to those the rules take."""

from datetime import datetime
from typing import Final

from app.schemas.return_facts import BundleIn, FreeShippingIn, ItemIn, PromiseIn, ReturnFactsIn, local_moment
from app.services.rules.returns.facts import (
    Bundle,
    FreeShipping,
    Gift,
    Item,
    MerchantPromise,
    Payment,
    ReturnFacts,
    facts_from,
)
from app.services.rules.returns.words import Intake, MerchantClause, QualityDefect, Reinspection, RequestedRemedy

# What an unknown word comes to where nobody would be asked for it.
_UNKNOWN: Final = {
    "requested_remedy": RequestedRemedy.ANY,
    "merchant_clause": MerchantClause.NONE,
    "intake": Intake.WEB,
    "quality_defect": QualityDefect.CLAIMED,
    "reinspection": Reinspection.NONE,
    "paid_price_proven": False,
}


def facts_of(given: ReturnFactsIn, *, now: datetime) -> ReturnFacts:
    """Return what a caller knows as the rules take it; what is asked for now is asked for at `now`."""
    values = dict(given.__dict__)
    del values["policy"]
    for name, unknown in _UNKNOWN.items():
        if values[name] is None:
            values[name] = unknown
    if given.requested_at is None:
        values["requested_at"] = local_moment(now)
    if given.merchant_promise is not None:
        values["merchant_promise"] = _promise(given.merchant_promise)
    if given.gift is not None:
        values["gift"] = Gift(given.gift.returned, given.gift.labelled_price)
    if given.payment is not None:
        values["payment"] = Payment(**given.payment.__dict__)
    if given.bundle is not None:
        values["bundle"] = _bundle(given.bundle)
    if given.free_shipping is not None:
        values["free_shipping"] = _free_shipping(given.free_shipping)
    return facts_from(values)


def _promise(given: PromiseIn) -> MerchantPromise:
    kept = given.gift is True or given.gift == "keep"
    return MerchantPromise(given.no_reason_days, given.freight, given.covers_excluded, kept)


def _bundle(given: BundleIn) -> Bundle:
    return Bundle(_items(given.items), given.threshold, given.discount, tuple(given.returning))


def _free_shipping(given: FreeShippingIn) -> FreeShipping:
    return FreeShipping(given.threshold, given.fee, _items(given.items), tuple(given.returning))


def _items(given: list[ItemIn]) -> tuple[Item, ...]:
    return tuple(Item(item.id, item.price) for item in given)
