"""Facts at random: mostly as they usually are, sometimes rare, in whatever combination."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from app.services.rules.returns.facts import MerchantPromise, Moment, ReturnFacts
from app.services.rules.returns.words import (
    Approval,
    BuyerType,
    ConfirmationMethod,
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

FIRST = date(2025, 1, 1)  # the law has not changed since
CATEGORIES = (
    "stationery", "mobile_phone", "refrigerator", "microwave_oven", "laptop", "clothing", "food", "medicine",
)  # fmt: skip
FLAGS = tuple(name for name, value in ReturnFacts().__dict__.items() if isinstance(value, bool))
DAYS = st.sampled_from((0, 1, 3, 6, 7, 8, 9, 14, 15, 16, 29, 30, 31, 35, 36, 89, 90, 91, 180, 365, 400, 730, 731, 1100))

# For each fact that may be asked for: what it may turn out to be.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "buyer_type": st.sampled_from(BuyerType),
    "purchase_channel": st.sampled_from(PurchaseChannel),
    "product_category": st.sampled_from(CATEGORIES),
    "reason": st.sampled_from(Reason),
    "condition": st.sampled_from(ItemCondition),
    "region": st.sampled_from(("CN", "CN-ZJ", "CN-SH", "CN-SD", "CN-BJ", "CN-GD")),
    "nonreturnable_ground": st.sampled_from(NonreturnableGround),
    "confirmation_method": st.sampled_from(ConfirmationMethod),
    "company_approval": st.sampled_from(Approval),
    "repair_delay_cause": st.sampled_from(RepairDelayCause),
    "repair_count": st.integers(0, 4),
    "repair_days_total": DAYS,
    "current_repair_days": DAYS,
    "quantity_purchased": st.integers(1, 4),
    "quantity_returned_before": st.integers(0, 2),
    "warranty_months": st.sampled_from((1, 3, 6, 12, 24, 36)),
    "spec_model": st.just("S-1"),
    "problem_description": st.just("does not start"),
    "product_photos": st.just("three"),
    "quantity_requested": st.integers(1, 3),
    "purchase_date": st.just(FIRST),
    **dict.fromkeys(FLAGS, st.booleans()),
}

# What an answer depends on beside them; no caller is asked for it.
_GIVEN: dict[str, st.SearchStrategy[Any]] = {
    "requested_remedy": st.sampled_from(RequestedRemedy),
    "buyer_confirmed_non_returnable": st.sampled_from((False, True, None)),
    "merchant_clause": st.sampled_from(MerchantClause),
    "quality_defect": st.sampled_from(QualityDefect),
    "reinspection": st.sampled_from(Reinspection),
    "part": st.sampled_from((None, None, *Part)),
    "part_warranty_months": st.sampled_from((None, 3, 36)),
    "contract_inspection_days": st.sampled_from((None, None, 3, 15)),
}
_CORE = ("buyer_type", "purchase_channel", "product_category", "reason", "condition")
PROMISES = st.builds(
    MerchantPromise,
    no_reason_days=st.sampled_from((None, 1, 7, 15, 60)),
    freight=st.sampled_from((None, *Payer)),
    covers_excluded=st.booleans(),
    gift=st.booleans(),
)


@st.composite
def known_facts(draw: st.DrawFn) -> ReturnFacts:
    """Facts that are all known, up to a dozen of them other than usual."""
    delivered = FIRST + timedelta(days=draw(st.integers(0, 365)))
    facts: dict[str, Any] = {name: draw(VALUES[name]) for name in _CORE}
    facts |= {name: draw(values) for name, values in _GIVEN.items() if draw(st.booleans())}
    rare = draw(st.lists(st.sampled_from([name for name in VALUES if name not in _CORE]), max_size=5, unique=True))
    facts |= {name: draw(VALUES[name]) for name in rare}
    facts["delivered_at"] = Moment(delivered)
    facts["requested_at"] = Moment(delivered + timedelta(days=draw(DAYS)))
    facts["installed_at"] = draw(st.sampled_from((None, None, Moment(delivered + timedelta(days=4)))))
    facts["replaced_at"] = draw(st.sampled_from((None, None, None, Moment(delivered + timedelta(days=30)))))
    facts["merchant_promise"] = draw(st.none() | PROMISES)
    return ReturnFacts(**facts)
