"""The table of a return request's moves, and what may be approved, refused and refunded."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import product

import pytest
from pydantic import BaseModel

from app.schemas import return_requests as bodies
from app.services.policy_book import PolicyBook
from app.services.return_requests.records import ANNOUNCED
from app.services.rules.return_requests import (
    LIFE_CYCLE,
    OVER,
    Approval,
    InspectionResult,
    LineRemedy,
    RefusalBar,
    ReturnMove,
    ReturnStatus,
    Units,
    after_disposal,
    allowed_moves,
    answer_days,
    approval_of,
    bar_to_refusal,
    found_by_inspection,
    found_by_reinspection,
    refund_days,
    refund_limit,
    remedy_to_grant,
)
from app.services.rules.returns.words import Outcome, QualityDefect, Reason, Reinspection, Remedy, RequestedRemedy

_S, _M = ReturnStatus, ReturnMove
# What may be done from where, said again by status: the table says it by move.
ALLOWED: dict[ReturnStatus, set[str]] = {
    _S.SUBMITTED: {"review", "redecide", "cancel"},
    _S.REVIEWED: {"inspect", "redecide", "approve", "refuse", "cancel"},
    _S.INSPECTED: {"inspect", "redecide", "approve", "refuse", "cancel"},
    _S.APPROVED: {"redecide", "schedule-pickup", "ship-back", "cancel"},
    _S.AWAITING_GOODS: {"redecide", "schedule-pickup", "ship-back", "receive", "cancel"},
    _S.RECEIVED: {"redecide", "receive", "reinspect"},
    _S.REINSPECTED: {"redecide", "restock", "scrap", "return-to-customer"},
    _S.DISPOSED: {"redecide", "refund", "ship-replacement", "complete"},
    _S.SETTLED: {"refund", "ship-replacement", "complete"},
    _S.COMPLETED: set(),
    _S.REFUSED: set(),
    _S.CANCELLED: set(),
}
BODIES: dict[ReturnMove, type[BaseModel]] = {
    _M.REVIEW: bodies.MoveIn,
    _M.INSPECT: bodies.InspectIn,
    _M.REDECIDE: bodies.RedecideIn,
    _M.APPROVE: bodies.ApproveIn,
    _M.REFUSE: bodies.ReasonIn,
    _M.SCHEDULE_PICKUP: bodies.PickupIn,
    _M.SHIP_BACK: bodies.ShipBackIn,
    _M.RECEIVE: bodies.ReceiveIn,
    _M.REINSPECT: bodies.InspectIn,
    _M.RESTOCK: bodies.RestockIn,
    _M.SCRAP: bodies.DisposeIn,
    _M.RETURN_TO_CUSTOMER: bodies.DisposeIn,
    _M.REFUND: bodies.RefundIn,
    _M.SHIP_REPLACEMENT: bodies.ReplacementIn,
    _M.COMPLETE: bodies.CompleteIn,
    _M.CANCEL: bodies.ReasonIn,
}


@pytest.mark.parametrize(("status", "move"), list(product(ReturnStatus, ReturnMove)))
def test_a_move_is_allowed_where_the_flow_has_it_and_nowhere_else(status: ReturnStatus, move: ReturnMove) -> None:
    assert (move in allowed_moves(status)) is (move in ALLOWED[status])


def test_every_status_is_reached_and_leads_to_an_end() -> None:
    onward = {status: {LIFE_CYCLE[move].leads[status] for move in allowed_moves(status)} for status in ReturnStatus}
    assert _reached({_S.SUBMITTED}, onward) == set(ReturnStatus)
    for status in ReturnStatus:
        assert _reached({status}, onward) & OVER, status
    assert all(not onward[status] for status in OVER)


def _reached(found: set[ReturnStatus], onward: dict[ReturnStatus, set[ReturnStatus]]) -> set[ReturnStatus]:
    while more := {later for status in found for later in onward[status]} - found:
        found = found | more
    return found


@pytest.mark.parametrize("move", ReturnMove)
def test_what_the_table_says_a_move_needs_its_body_requires(move: ReturnMove) -> None:
    fields = BODIES[move].model_fields
    assert {name for name, field in fields.items() if field.is_required()} == {"staff_no", *LIFE_CYCLE[move].needs}


def test_every_move_is_announced_by_a_name_of_its_own() -> None:
    assert set(ANNOUNCED) == set(ReturnMove)
    assert len(set(ANNOUNCED.values())) == len(ReturnMove)


def test_the_chemicals_edition_has_every_step_that_a_move_is(book: PolicyBook) -> None:
    terms = book.editions("chemicals")[0].edition.returns
    assert terms is not None
    named = {step.step for step in LIFE_CYCLE.values() if step.step is not None}
    assert named == {step.name for step in terms.flow} - {"form"}


def test_goods_are_disposed_of_once_none_is_on_hand() -> None:
    assert [after_disposal(left) for left in (2, 0)] == [_S.REINSPECTED, _S.DISPOSED]


@pytest.mark.parametrize(
    ("outcome", "approval"),
    [
        ("eligible", Approval.AS_DECIDED), ("negotiable", Approval.CONSENT), ("not_eligible", Approval.GOODWILL),
        ("needs_inspection", Approval.GOODWILL), ("needs_facts", Approval.GOODWILL),
    ],
)  # fmt: skip
def test_what_nobody_could_demand_is_consent_or_goodwill(outcome: str, approval: Approval) -> None:
    both = (Remedy.RETURN, Remedy.EXCHANGE)
    assert [approval_of(Outcome(outcome), both, granted) for granted in LineRemedy] == [approval, approval]
    assert approval_of(Outcome(outcome), [Remedy.EXCHANGE], LineRemedy.RETURN) is Approval.GOODWILL
    assert approval_of(Outcome(outcome), [Remedy.RETURN_WITH_DEPRECIATION], LineRemedy.RETURN) is approval


@pytest.mark.parametrize(
    ("asked", "remedies", "granted"),
    [
        ("any", ["return", "exchange"], "return"), ("any", ["exchange", "repair"], "exchange"),
        ("any", ["exchange", "return_with_depreciation"], "return"), ("any", [], "return"),
        ("return", ["exchange"], "return"), ("exchange", ["return"], "exchange"), ("repair", ["exchange"], "exchange"),
    ],
)  # fmt: skip
def test_what_was_asked_for_is_granted_or_else_what_is_due(asked: str, remedies: list[str], granted: str) -> None:
    assert remedy_to_grant(RequestedRemedy(asked), map(Remedy, remedies)) == granted


@pytest.mark.parametrize(
    ("outcomes", "inspected", "bar"),
    [
        (["eligible"], True, RefusalBar.RIGHT_STANDS),
        (["not_eligible", "eligible"], False, RefusalBar.RIGHT_STANDS),
        (["needs_inspection", "eligible"], False, RefusalBar.RIGHT_STANDS),
        (["needs_inspection"], False, RefusalBar.INSPECTION_DUE),
        (["needs_inspection"], True, None),
        (["not_eligible"], False, None),
        (["negotiable", "needs_facts"], False, None),
        ([], False, None),
    ],
)
def test_a_right_is_not_refused_nor_what_an_inspection_decides(
    outcomes: Iterable[str], inspected: bool, bar: RefusalBar | None
) -> None:
    assert bar_to_refusal(map(Outcome, outcomes), inspected=inspected) is bar


def test_an_inspection_that_passes_confirms_the_claimed_defect_and_says_nothing_of_other_reasons() -> None:
    assert [found_by_inspection(Reason.QUALITY, result) for result in InspectionResult] == [
        {"quality_defect": QualityDefect.CONFIRMED_BY_QC},
        {"quality_defect": QualityDefect.REJECTED_BY_QC},
        {"quality_defect": QualityDefect.INCONCLUSIVE},
    ]
    assert found_by_inspection(Reason.NO_REASON, InspectionResult.FAILED) == {}
    assert [found_by_reinspection(result)["reinspection"] for result in InspectionResult] == [
        Reinspection.PASSED, Reinspection.FAILED, Reinspection.NONE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("units", "kept"),
    [
        (Units(3), 0), (Units(3, approved=3), 0), (Units(3, approved=3, received=3), 3),
        (Units(3, approved=2, received=3), 2), (Units(3, approved=3, received=2), 2),
        (Units(3, approved=2, received=3, sent_again=1), 2), (Units(3, approved=3, received=3, sent_again=3), 0),
    ],
)  # fmt: skip
def test_something_is_due_for_approved_units_that_came_back_and_stayed(units: Units, kept: int) -> None:
    assert units.kept == kept


@pytest.mark.parametrize(
    ("decided", "paid", "units", "limit"),
    [
        ("100.00", None, Units(3, 3, 3), "100.00"),
        ("100.00", None, Units(3, 3, 1), "33.33"),
        ("100.00", None, Units(3, 3, 2), "66.67"),
        ("100.00", "300.00", Units(3, 3, 3), "100.00"),  # what was decided goes before what was paid
        (None, "300.00", Units(3, 3, 3), "300.00"),
        (None, None, Units(3, 3, 3), None),
        ("100.00", None, Units(3, 3, 0), "0.00"),
    ],
)
def test_a_refund_is_bounded_by_the_decision_for_the_units_kept(
    decided: str | None, paid: str | None, units: Units, limit: str | None
) -> None:
    found = refund_limit(decided and Decimal(decided), paid and Decimal(paid), units)  # type: ignore[arg-type]
    assert (None if found is None else str(found)) == limit


def test_the_days_are_those_of_the_law_and_an_edition_may_shorten_the_refund(book: PolicyBook) -> None:
    law = book.statutes.on(book.editions("chemicals")[0].effective_from.replace(year=2026))
    assert answer_days([Reason.QUALITY], law) == (15, "PEN-08")
    assert answer_days([Reason.NO_REASON, Reason.MISUSE], law) == (15, "PEN-09")
    terms = book.editions("chemicals")[0].returns
    assert refund_days(law, terms) == 7
    assert refund_days(law, type(terms)(refund_days=3)) == 3
    assert refund_days(law, type(terms)(refund_days=30)) == 7
