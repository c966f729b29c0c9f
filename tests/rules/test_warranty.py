"""质保: the last day of a guarantee, what is unknown, and what may be charged."""

from datetime import date
from decimal import Decimal

import pytest

from app.services.rules.clause import Basis, Wording
from app.services.rules.policy_customers import PriceItem, PublicPromise, WarrantyTerms
from app.services.rules.warranty import (
    ChargeRefused,
    Excluded,
    Part,
    WarrantyFacts,
    decide_charge,
    decide_warranty,
    months_after,
)

TITLE = Wording("上门费", "visit")
VISIT = PriceItem(name="visit", title=TITLE, price=Decimal("50.00"), basis=Basis.POLICY, clause="附件3")
LIST = WarrantyTerms(price_list=(VISIT,))
NO_EXTRA = PublicPromise(name="no_extra_fees", title=TITLE, basis=Basis.POLICY, clause="第十一条")


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)), (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 2, 28), 12, date(2024, 2, 28)), (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 11, 15), 2, date(2027, 1, 15)), (date(2026, 12, 31), 12, date(2027, 12, 31)),
    ],
)  # fmt: skip
def test_months_end_on_the_corresponding_day_or_the_last_of_the_month(start: date, months: int, end: date) -> None:
    assert months_after(start, months) == end


START = date(2025, 11, 30)
YEAR = WarrantyFacts(starts_on=START, months=12)


@pytest.mark.parametrize(
    ("facts", "today", "covered", "until", "missing"),
    [
        (YEAR, date(2026, 11, 30), True, date(2026, 11, 30), ()),
        (YEAR, date(2026, 12, 1), False, date(2026, 11, 30), ()),
        (WarrantyFacts(START, 12, repair_days=5), date(2026, 12, 5), True, date(2026, 12, 5), ()),
        (WarrantyFacts(START, 12, extended_until=[date(2027, 6, 1)]), date(2027, 6, 1), True, date(2027, 6, 1), ()),
        (WarrantyFacts(START, 12, extended_until=[date(2026, 1, 1)]), date(2026, 11, 30), True, date(2026, 11, 30), ()),
        (WarrantyFacts(START, 12, {Part.MAIN_PART: 36}, Part.MAIN_PART), date(2028, 11, 30),
         True, date(2028, 11, 30), ()),
        (WarrantyFacts(START, 12, {Part.MAIN_PART: 36}), date(2026, 12, 1), False, date(2026, 11, 30), ()),
        (WarrantyFacts(START, 12, {Part.BATTERY: 6}, Part.BATTERY), date(2026, 11, 1), True, date(2026, 11, 30), ()),
        (WarrantyFacts(START, None), date(2026, 1, 1), None, None, ("warranty_months",)),
        (WarrantyFacts(None, 12), date(2026, 1, 1), None, None, ("delivered_at",)),
        (WarrantyFacts(None, 12, extended_until=[date(2026, 6, 1)]), date(2026, 1, 1), True, date(2026, 6, 1), ()),
        (WarrantyFacts(START, 12, excluded=Excluded.MISUSE_FOUND), date(2026, 1, 1), False, date(2026, 11, 30), ()),
    ],
)  # fmt: skip
def test_a_guarantee(
    facts: WarrantyFacts, today: date, covered: bool | None, until: date | None, missing: tuple[str, ...]
) -> None:
    decided = decide_warranty(facts, today, WarrantyTerms())
    assert (decided.covered, decided.until, decided.missing) == (covered, until, missing)
    assert all(decision.clause for decision in decided.decisions)
    assert bool(decided.decisions) is (covered is not None)


@pytest.mark.parametrize(
    ("item", "amount", "covered", "most", "under_guarantee"),
    [
        ("visit", "50.00", False, "allowed", False), ("visit", "0.01", None, "allowed", False),
        ("visit", "50.01", False, Decimal("50.00"), False), ("parts", "1.00", False, None, False),
        ("visit", "1.00", True, None, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("promises", "clause"), [((NO_EXTRA,), "第十一条"), ((), "价格法 第十三条")])
def test_a_charge_stays_within_the_list_and_out_of_the_guarantee(
    item: str, amount: str, covered: bool | None, most: Decimal | str | None, under_guarantee: bool,
    promises: tuple[PublicPromise, ...], clause: str,
) -> None:  # fmt: skip
    decided = decide_charge(item, Decimal(amount), covered=covered, terms=LIST, promises=promises)
    if most == "allowed":
        assert decided == VISIT
    else:
        assert isinstance(decided, ChargeRefused)
        assert (decided.most, decided.under_guarantee, decided.decision.clause) == (most, under_guarantee, clause)
