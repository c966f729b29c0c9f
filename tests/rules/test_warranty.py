"""质保: the last day of a guarantee, what is unknown, and what may be charged."""

from datetime import date
from decimal import Decimal

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.clause import Basis, Wording
from app.services.rules.policy_customers import GuaranteeTerm, PriceItem, PublicPromise, WarrantyTerms
from app.services.rules.returns.words import Part
from app.services.rules.warranty import (
    ChargeRefused,
    Excluded,
    WarrantyFacts,
    decide_charge,
    decide_warranty,
)

TITLE = Wording("上门费", "visit")
VISIT = PriceItem(name="visit", title=TITLE, price=Decimal("50.00"), basis=Basis.POLICY, clause="附件3")
LIST = WarrantyTerms(price_list=(VISIT,))
NO_EXTRA = PublicPromise(name="no_extra_fees", title=TITLE, basis=Basis.POLICY, clause="第十一条")


START = date(2025, 11, 30)
YEAR = WarrantyFacts(starts_on=START, months=12)


@pytest.mark.parametrize(
    ("facts", "today", "covered", "until", "missing"),
    [
        (YEAR, date(2026, 11, 30), True, date(2026, 11, 30), ()),
        (YEAR, date(2026, 12, 1), False, date(2026, 11, 30), ()),
        (WarrantyFacts(START, 12, repair_days=5), date(2026, 12, 7), True, date(2026, 12, 7), ()),
        (WarrantyFacts(START, 12, extended_until=[date(2027, 6, 1)]), date(2027, 6, 1), True, date(2027, 6, 1), ()),
        (WarrantyFacts(START, 12, extended_until=[date(2026, 1, 1)]), date(2026, 11, 30), True, date(2026, 11, 30), ()),
        (WarrantyFacts(START, 12, {Part.MAIN_PART: 36}, Part.MAIN_PART), date(2028, 11, 30),
         True, date(2028, 11, 30), ()),
        (WarrantyFacts(START, 12, {Part.MAIN_PART: 36}), date(2026, 12, 1), False, date(2026, 11, 30), ()),
        (WarrantyFacts(START, 12, {Part.BATTERY: 6}, Part.BATTERY), date(2026, 6, 2), False, date(2026, 6, 1), ()),
        (WarrantyFacts(START, 12, {}, Part.BATTERY), date(2026, 11, 1), True, date(2026, 11, 30), ()),
        (WarrantyFacts(date(2025, 9, 25), 12), date(2026, 9, 28), True, date(2026, 9, 28), ()),
        (WarrantyFacts(START, 0), date(2026, 1, 1), False, None, ()),
        (WarrantyFacts(START, None), date(2026, 1, 1), None, None, ("warranty_months",)),
        (WarrantyFacts(None, 12), date(2026, 1, 1), None, None, ("delivered_at",)),
        (WarrantyFacts(None, 12, extended_until=[date(2026, 6, 1)]), date(2026, 1, 1), True, date(2026, 6, 1), ()),
        (WarrantyFacts(START, 12, excluded=Excluded.MISUSE_FOUND), date(2026, 1, 1), False, date(2026, 11, 30), ()),
    ],
)  # fmt: skip
def test_a_guarantee(
    facts: WarrantyFacts, today: date, covered: bool | None, until: date | None, missing: tuple[str, ...],
    book: PolicyBook,
) -> None:  # fmt: skip
    decided = decide_warranty(facts, today, WarrantyTerms(), book.rest_days)
    assert (decided.covered, decided.until, decided.missing) == (covered, until, missing)
    assert all(decision.clause for decision in decided.decisions)
    assert bool(decided.decisions) is (covered is not None)


OWN = WarrantyTerms(
    goods=(
        GuaranteeTerm(
            categories=("dishwasher",), title=TITLE, months=24, parts={Part.MAIN_PART: 60}, basis=Basis.POLICY,
            clause="附件2",
        ),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("months", "part", "until", "rule"),
    [
        (12, None, date(2027, 11, 30), "warranty.goods"), (None, None, date(2027, 11, 30), "warranty.goods"),
        (36, None, date(2028, 11, 30), None), (36, Part.MAIN_PART, date(2030, 12, 2), "warranty.goods"),
        (12, Part.BATTERY, date(2027, 11, 30), "warranty.goods"),
    ],
)  # fmt: skip
def test_the_companys_own_term_holds_where_it_is_the_longer(
    months: int | None, part: Part | None, until: date, rule: str | None, book: PolicyBook
) -> None:
    facts = WarrantyFacts(START, months, part=part, category="dishwasher")
    decided = decide_warranty(facts, date(2026, 1, 1), OWN, book.rest_days)
    assert decided.until == until
    assert [decision.clause for decision in decided.decisions if decision.rule == "warranty.goods"] == (
        ["附件2"] if rule else []
    )


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
