"""The dictionary of facts on which returns are decided, as callers send it.

A fact given as null is unknown. A fact left out has the default here: the core facts are unknown, what is rare has
not happened, `requested_at` is now.
"""

import re
from datetime import datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, WithJsonSchema

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Count,
    Flag,
    Line,
    LocalDate,
    Money,
    RequestBody,
    ShortText,
    Word,
    read_instant,
    read_local_date,
)
from app.services.rules.returns.facts import Moment
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

SHANGHAI = ZoneInfo("Asia/Shanghai")
_DATE_LENGTH = len("2026-03-10")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_RATE = re.compile(r"0(\.\d{1,6})?|1(\.0{1,6})?", re.ASCII)


def local_moment(instant: datetime) -> Moment:
    """Return an instant as a day and a time in Asia/Shanghai."""
    local = instant.astimezone(SHANGHAI)
    return Moment(local.date(), local.time())


def _moment(value: Any) -> Moment:
    """Take a time with its offset, or a date where only that is known."""
    if isinstance(value, str) and len(value) <= _DATE_LENGTH:
        return Moment(read_local_date(value))
    return local_moment(read_instant(value))


def _clock(value: Any) -> time:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise Refusal("wrong_format", Text("时间格式为 HH:MM", "A time of day is written HH:MM"))
    return time.fromisoformat(value)


def _rate(value: Any) -> Decimal:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = f"{Decimal(str(value)):f}" if number else value
    if not isinstance(text, str) or not _RATE.fullmatch(text):
        raise Refusal("wrong_format", Text("费率为0至1的小数，如 0.005", "A rate lies between 0 and 1, such as 0.005"))
    return Decimal(text)


MomentIn = Annotated[
    Moment,
    PlainValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
            "examples": ["2026-03-10T10:15:00+08:00", "2026-03-10"],
        }
    ),
]
ClockTime = Annotated[
    time,
    PlainValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["17:30"]}),
]
DailyRate = Annotated[
    Decimal,
    PlainValidator(_rate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^({_RATE.pattern})$"},
                {"type": "number", "minimum": 0, "maximum": 1},
            ],
            "examples": ["0.005"],
        }
    ),
]
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,6})?$", examples=["CN-ZJ"])]
Days = Annotated[int, Field(strict=True, ge=0, le=3660)]
Months = Annotated[int, Field(strict=True, ge=0, le=600)]


class PromiseIn(RequestBody):
    """A public promise; `gift` that the gift may be kept."""

    no_reason_days: Days | None = None
    freight: Payer | None = None
    covers_excluded: Flag = False
    gift: Flag | Literal["keep", "return"] = False


class GiftIn(RequestBody):
    """`labelled_price` is the price labelled beforehand, null if there was none."""

    returned: Flag
    labelled_price: Money | None = None


class ItemIn(RequestBody):
    id: Line
    price: Money


Items = Annotated[list[ItemIn], Field(min_length=1, max_length=100)]
Returning = Annotated[list[Line], Field(max_length=100)]


class BundleIn(RequestBody):
    """A discount that was given because the items reached the threshold."""

    items: Items
    threshold: Money
    discount: Money
    returning: Returning


class FreeShippingIn(RequestBody):
    """A delivery fee that was waived because the items reached the threshold."""

    threshold: Money
    fee: Money
    items: Items
    returning: Returning


class PaymentIn(RequestBody):
    """How the requested units were paid."""

    cash: Money | None = None
    coupon: Money | None = None
    points: Money | None = None
    card_fee: Money | None = None


class ReturnFactsIn(RequestBody):
    """Facts ending `_at` take a time with its offset, or a date where only that is known (Asia/Shanghai)."""

    buyer_type: BuyerType | None = None
    purchase_channel: PurchaseChannel | None = None
    product_category: Word | None = None
    reason: Reason | None = None
    delivered_at: Annotated[MomentIn | None, Field(description="signed for (签收)")] = None
    condition: ItemCondition | None = None
    region: Region | None = "CN"
    policy: Annotated[Word | None, Field(description="the line's policy; `none`: the law alone")] = None
    custom_made: Flag | None = False
    configured_from_stock_options: Flag | None = False
    perishable: Flag | None = False
    digital_downloaded: Flag | None = False
    av_software_unsealed: Flag | None = False
    newspaper: Flag | None = False
    nonreturnable_ground: NonreturnableGround | None = NonreturnableGround.NONE
    buyer_confirmed_non_returnable: Annotated[Flag | None, Field(description="null: no record either way")] = False
    confirmation_method: ConfirmationMethod | None = ConfirmationMethod.NONE
    sealed_hygiene_opened: Flag | None = False
    packaging_opened: Flag | None = False
    packaging_intact: Flag | None = True
    tags_intact: Flag | None = True
    accessories_complete: Flag | None = True
    activated: Flag | None = False
    label_defaced: Flag | None = False
    unauthorized_repair: Flag | None = False
    affects_resale: Flag | None = False
    company_approval: Approval | None = Approval.NOT_REQUESTED
    quality_defect: QualityDefect | None = QualityDefect.NONE
    qc_decided_at: MomentIn | None = None
    reinspection: Reinspection | None = Reinspection.NONE
    misuse_found: Flag | None = False
    force_majeure: Flag | None = False
    purpose_frustrated: Flag | None = False
    repairable: Flag | None = True
    durable_burden_category: Flag | None = False
    three_guarantee_listed: Flag | None = False
    warranty_months: Months | None = None
    part: Part | None = None
    part_warranty_months: Months | None = None
    extended_until: Annotated[LocalDate | None, Field(description="延保: its last day")] = None
    repair_count: Days | None = 0
    repair_days_total: Days | None = 0
    current_repair_days: Days | None = 0
    repair_delay_cause: RepairDelayCause | None = RepairDelayCause.NONE
    faults_differ: Flag | None = False
    same_model_available: Flag | None = True
    customer_declines_exchange: Flag | None = False
    invoice_present: Flag | None = True
    voucher_present: Flag | None = True
    voucher_matches: Flag | None = True
    order_record_present: Flag | None = True
    seller_knew: Flag | None = False
    abuse_suspected: Flag | None = False
    requested_remedy: RequestedRemedy | None = RequestedRemedy.ANY
    merchant_clause: MerchantClause | None = MerchantClause.NONE
    merchant_promise: PromiseIn | None = None
    intake: Intake | None = Intake.WEB
    purchase_date: LocalDate | None = None
    invoice_date: LocalDate | None = None
    shipped_at: MomentIn | None = None
    installed_at: Annotated[MomentIn | None, Field(description="finished, where the merchant installs")] = None
    replaced_at: MomentIn | None = None
    requested_at: MomentIn | None = None
    notice_at: Annotated[MomentIn | None, Field(description="an earlier recorded notice")] = None
    business_hours_end: ClockTime | None = None
    contract_inspection_days: Days | None = None
    quantity_purchased: Count | None = 1
    quantity_returned_before: Count | None = 0
    quantity_requested: Annotated[Count | None, Field(description="null: not stated")] = 1
    quantity_received: Count | None = None
    spec_model: Annotated[Line | None, Field(description="null: not stated")] = "given"
    problem_description: Annotated[ShortText | None, Field(description="null: none given")] = "given"
    product_photos: Annotated[ShortText | None, Field(description="null: none given")] = "given"
    price_paid: Annotated[Money | None, Field(description="really paid for the requested units")] = None
    invoice_price: Money | None = None
    paid_price_proven: Flag | None = False
    gift: GiftIn | None = None
    bundle: BundleIn | None = None
    free_shipping: FreeShippingIn | None = None
    payment: PaymentIn | None = None
    depreciation_daily_rate: DailyRate | None = None
    return_date: LocalDate | None = None
    returned_goods_received_at: MomentIn | None = None
    as_of: Annotated[MomentIn | None, Field(description="the moment asked about, for delays")] = None
    handled_at: MomentIn | None = None
