"""购买记录: the words a purchase and a product are described with, and what they say to the rules of returns."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.services.rules.returns.facts import Moment
from app.services.rules.returns.words import BuyerType, ConfirmationMethod, NonreturnableGround, PurchaseChannel

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


class Exclusion(StrEnum):
    """Why a product is not for no-reason return (消费者权益保护法 25, 七日无理由退货暂行办法 6 and 7).

    Downloaded content and unsealed software are not here: those are facts of one purchase, not of a product.
    """

    CUSTOM_MADE = "custom_made"
    PERISHABLE = "perishable"
    NEWSPAPER = "newspaper"
    SAFETY_OR_QUALITY_AFTER_UNSEALING = "safety_or_quality_after_unsealing"
    ACTIVATION_DEPRECIATES = "activation_depreciates"
    NEAR_EXPIRY_OR_FLAWED_DISCLOSED = "near_expiry_or_flawed_disclosed"


_BY_LAW: Final = (Exclusion.CUSTOM_MADE, Exclusion.PERISHABLE, Exclusion.NEWSPAPER)


@dataclass(frozen=True, slots=True)
class PurchaseOnFile:
    """What the archive holds of one purchase, its product and its warranty card; None where it is silent."""

    quantity: int
    unit_price: Decimal | None = None
    purchased_on: date | None = None
    channel: PurchaseChannel | None = None
    buyer_type: BuyerType | None = None
    region: str | None = None
    category: str | None = None
    spec_model: str | None = None
    delivered_at: datetime | None = None
    installed_at: datetime | None = None
    replaced_on: date | None = None
    extended_until: date | None = None
    confirmation_method: ConfirmationMethod | None = None
    exclusion: Exclusion | None = None
    three_guarantee_months: int | None = None
    warranty_months: int | None = None
    repair_days: int | None = None
    gift: dict[str, Any] | None = None
    bundle: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ComingBack:
    """What the file cannot know: how many units come back, whether the gift does, and which items of a bundle."""

    quantity: int | None = 1
    gift: bool = True
    returning: list[str] | None = None


def facts_of_purchase(purchase: PurchaseOnFile, today: date, coming: ComingBack) -> dict[str, object]:
    """Return what the file knows as facts of an eligibility check; what it does not know is left out.

    `today` is a date of Asia/Shanghai: what lies after it has not happened, so that it is no fact yet. `gift` and
    `bundle` are as callers send them.
    """
    facts: dict[str, object] = {
        "purchase_date": purchase.purchased_on,
        "purchase_channel": purchase.channel,
        "buyer_type": purchase.buyer_type,
        "region": purchase.region,
        "product_category": purchase.category,
        "spec_model": purchase.spec_model,
        "delivered_at": _happened(purchase.delivered_at, today),
        "installed_at": _happened(purchase.installed_at, today),
        "replaced_at": purchase.replaced_on and Moment(purchase.replaced_on),
        "quantity_purchased": purchase.quantity,
        "warranty_months": max((purchase.warranty_months or 0, purchase.three_guarantee_months or 0)) or None,
        "three_guarantee_listed": True if purchase.three_guarantee_months else None,
        "extended_until": purchase.extended_until,
        "repair_days_total": purchase.repair_days or None,
        "confirmation_method": purchase.confirmation_method,
        "buyer_confirmed_non_returnable": None
        if purchase.confirmation_method is None
        else purchase.confirmation_method is not ConfirmationMethod.NONE,
    }
    if purchase.exclusion in _BY_LAW:
        facts[purchase.exclusion] = True
    elif purchase.exclusion is not None:
        facts["nonreturnable_ground"] = NonreturnableGround(purchase.exclusion)
    facts |= _money(purchase, coming)
    return {name: value for name, value in facts.items() if value is not None}


def _money(purchase: PurchaseOnFile, coming: ComingBack) -> dict[str, object]:
    """The price on file is that of one unit. Of a bundle the refund turns on what comes back: untold, none is named."""
    gift = purchase.gift and {"returned": coming.gift, "labelled_price": purchase.gift.get("labelled_price")}
    if purchase.bundle is not None:
        bundle = None if coming.returning is None else purchase.bundle | {"returning": coming.returning}
        return {"gift": gift, "bundle": bundle}
    price, count = purchase.unit_price, coming.quantity
    return {"gift": gift, "price_paid": None if price is None or count is None else price * count}


def _happened(instant: datetime | None, today: date) -> Moment | None:
    local = instant and instant.astimezone(SHANGHAI)
    return Moment(local.date(), local.time()) if local is not None and local.date() <= today else None
