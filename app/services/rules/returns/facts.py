"""What is known of the goods, the purchase and the request when a return is decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import ClassVar, NamedTuple, TypeVar

from pydantic import ConfigDict

from app.services.rules.returns.words import (
    Approval,
    BuyerType,
    ConfirmationMethod,
    Intake,
    ItemCondition,
    MerchantClause,
    NonreturnableGround,
    Part,
    Payer,
    PurchaseChannel,
    QualityDefect,
    Reason,
    Reinspection,
    RepairDelayCause,
    RequestedRemedy,
)

Value = TypeVar("Value")


class Moment(NamedTuple):
    """A day in Asia/Shanghai, with the time of day where it is known."""

    day: date
    at: time | None = None


class Undecided(Exception):
    """A rule depends on a fact that is unknown."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.fact = fact


def known(value: Value | None, fact: str) -> Value:
    """Return the value of a fact. Raises: Undecided if it is unknown."""
    if value is None:
        raise Undecided(fact)
    return value


@dataclass(frozen=True, slots=True)
class MerchantPromise:
    """公开承诺 on the page or in the contract. `gift` says that the gift may be kept."""

    no_reason_days: int | None = None
    freight: Payer | None = None
    covers_excluded: bool = False
    gift: bool = False


@dataclass(frozen=True, slots=True)
class Gift:
    """赠品; `labelled_price` is the price labelled beforehand, in CNY, None if there was none."""

    returned: bool
    labelled_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an order with its price at purchase, in CNY."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Bundle:
    """满减 or 套装: `discount` was taken off because the items reached the `threshold`."""

    items: tuple[Item, ...]
    threshold: Decimal
    discount: Decimal
    returning: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FreeShipping:
    """满额免运费: the `fee` was waived because the items reached the `threshold`."""

    threshold: Decimal
    fee: Decimal
    items: tuple[Item, ...]
    returning: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Payment:
    """How the requested units were paid, in CNY, each way apart."""

    cash: Decimal | None = None
    coupon: Decimal | None = None
    points: Decimal | None = None
    card_fee: Decimal | None = None


@dataclass(frozen=True)
class ReturnFacts:
    """The dictionary of facts.

    None is unknown, but for the facts of the second half, of which None says that there is no such thing. Money is
    CNY. Without `slots`, so that a copy is one of a dictionary: unknown facts are looked at from all sides.
    """

    # Who bought what, how, and why it comes back.
    buyer_type: BuyerType | None = None
    purchase_channel: PurchaseChannel | None = None
    product_category: str | None = None
    reason: Reason | None = None
    delivered_at: Moment | None = None  # 签收
    condition: ItemCondition | None = None
    region: str | None = "CN"
    # Kinds of goods, and what the buyer confirmed.
    custom_made: bool | None = False
    configured_from_stock_options: bool | None = False
    perishable: bool | None = False
    digital_downloaded: bool | None = False
    av_software_unsealed: bool | None = False
    newspaper: bool | None = False
    nonreturnable_ground: NonreturnableGround | None = NonreturnableGround.NONE
    confirmation_method: ConfirmationMethod | None = ConfirmationMethod.NONE
    # The state of the goods.
    sealed_hygiene_opened: bool | None = False
    packaging_opened: bool | None = False
    packaging_intact: bool | None = True
    tags_intact: bool | None = True
    accessories_complete: bool | None = True
    activated: bool | None = False
    label_defaced: bool | None = False
    unauthorized_repair: bool | None = False
    affects_resale: bool | None = False
    company_approval: Approval | None = Approval.NOT_REQUESTED
    # The defect, the guarantee and its proof.
    misuse_found: bool | None = False
    force_majeure: bool | None = False
    purpose_frustrated: bool | None = False
    repairable: bool | None = True
    durable_burden_category: bool | None = False
    three_guarantee_listed: bool | None = False
    repair_count: int | None = 0
    repair_days_total: int | None = 0
    current_repair_days: int | None = 0
    repair_delay_cause: RepairDelayCause | None = RepairDelayCause.NONE
    faults_differ: bool | None = False
    same_model_available: bool | None = True
    customer_declines_exchange: bool | None = False
    invoice_present: bool | None = True
    voucher_present: bool | None = True
    voucher_matches: bool | None = True
    order_record_present: bool | None = True
    seller_knew: bool | None = False
    paid_price_proven: bool | None = False
    abuse_suspected: bool | None = False
    quantity_purchased: int | None = 1
    quantity_returned_before: int | None = 0

    # From here on None means: none, not stated, not yet.
    requested_remedy: RequestedRemedy = RequestedRemedy.ANY
    buyer_confirmed_non_returnable: bool | None = False  # None: no record either way
    merchant_clause: MerchantClause = MerchantClause.NONE
    merchant_promise: MerchantPromise | None = None
    intake: Intake = Intake.WEB
    quality_defect: QualityDefect = QualityDefect.NONE
    reinspection: Reinspection = Reinspection.NONE
    purchase_date: date | None = None
    invoice_date: date | None = None
    shipped_at: Moment | None = None
    installed_at: Moment | None = None  # where the merchant installs
    replaced_at: Moment | None = None
    requested_at: Moment | None = None
    notice_at: Moment | None = None
    qc_decided_at: Moment | None = None
    warranty_months: int | None = None
    part: Part | None = None
    part_warranty_months: int | None = None
    extended_until: date | None = None  # 延保: its last day
    quantity_requested: int | None = 1
    quantity_received: int | None = None
    spec_model: str | None = "given"
    problem_description: str | None = "given"
    product_photos: str | None = "given"
    price_paid: Decimal | None = None  # for the requested units, CNY
    invoice_price: Decimal | None = None
    gift: Gift | None = None
    bundle: Bundle | None = None
    free_shipping: FreeShipping | None = None
    payment: Payment | None = None
    depreciation_daily_rate: Decimal | None = None  # 0.005 is half a per cent a day
    return_date: date | None = None
    returned_goods_received_at: Moment | None = None
    contract_inspection_days: int | None = None
    business_hours_end: time | None = None
    as_of: Moment | None = None
    handled_at: Moment | None = None

    @property
    def notice(self) -> Moment:
        """The earliest recorded notice of the request."""
        if self.notice_at is None and self.requested_at is not None:
            return self.requested_at
        moments = [moment for moment in (self.notice_at, self.requested_at) if moment is not None]
        return min(moments, key=lambda moment: (moment.day, moment.at or time.max))


def facts_from(values: Mapping[str, object]) -> ReturnFacts:
    """Return facts of which every field is given. As `ReturnFacts(**values)`, in a fifth of the time."""
    facts = object.__new__(ReturnFacts)
    facts.__dict__.update(values)
    return facts


def assuming(facts: ReturnFacts, fact: str, value: object) -> ReturnFacts:
    """Return the facts with one of them supposed."""
    return facts_from(facts.__dict__ | {fact: value})
