"""The life cycle of nonconforming goods, what is looked at again, and whose step each move is."""

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.clause import SILENT, Basis
from app.services.rules.nonconformities import (
    LIFE_CYCLE,
    Disposition,
    NonconformityMove,
    NonconformitySource,
    NonconformityStatus,
    Portion,
    after_correction,
    after_verification,
    allowed_moves,
    decide_step,
    departments_of,
    quantity_to_verify,
    step_of,
)

COMPONENTS = PolicyBook.load().editions("components")[0].edition
CHEMICALS = PolicyBook.load().editions("chemicals")[0].edition


@pytest.mark.parametrize(
    ("status", "moves"),
    [
        ("open", "review cancel"),
        ("reviewed", "review dispose cancel"),
        ("disposed", "correct"),
        ("awaiting_verification", "verify"),
        # once something was decided about the goods they cannot be taken back any more
        ("verification_failed", "review dispose"),
        ("settled", "close"),
        ("closed", ""),
        ("cancelled", ""),
    ],
)
def test_moves_by_status(status: str, moves: str) -> None:
    assert allowed_moves(NonconformityStatus(status)) == tuple(NonconformityMove(move) for move in moves.split())


def test_the_table_knows_every_move_and_every_status_can_be_reached() -> None:
    reached = {after for course in LIFE_CYCLE.values() for after in course.values()}
    # The first is where goods begin, the others where correction and verification lead.
    elsewhere = {"open", "awaiting_verification", "verification_failed"}
    assert reached | {NonconformityStatus(status) for status in elsewhere} == set(NonconformityStatus)
    assert set(LIFE_CYCLE) == set(NonconformityMove)


@pytest.mark.parametrize(
    ("disposition", "verified"),
    [
        ("use_as_is", 0), ("rework", 4), ("repair", 4), ("downgrade", 0), ("return_to_supplier", 0), ("scrap", 0),
        ("sort", 4),
    ],
)  # fmt: skip
def test_what_is_looked_at_again(disposition: str, verified: int) -> None:
    portions = [Portion(Disposition(disposition), 4), Portion(Disposition.SCRAP, 3)]
    assert quantity_to_verify(portions) == verified
    assert after_correction(portions) == ("awaiting_verification" if verified else "settled")


def test_what_fails_is_disposed_of_anew() -> None:
    assert [after_verification(failed) for failed in (0, 1)] == ["settled", "verification_failed"]


@pytest.mark.parametrize(
    ("move", "source", "department"),
    [
        ("review", "complaint", "quality_department"),
        ("dispose", "complaint", "quality_department"),
        ("correct", "return", "quality_department"),
        ("verify", "internal", "quality_department"),
        ("close", "complaint", "marketing"),
        ("close", "return", "marketing"),
        ("close", "inspection", "quality_department"),
        ("close", "internal", "quality_department"),
    ],
)
def test_whose_step_it_is_by_the_edition(move: str, source: str, department: str) -> None:
    assert COMPONENTS.quality is not None
    steps = COMPONENTS.quality.nonconforming_goods
    name = step_of(NonconformityMove(move), NonconformitySource(source))
    assert departments_of(name, steps, COMPONENTS.departments) == [department]
    decision = decide_step(name, department, steps, COMPONENTS.departments)
    assert decision is not None
    assert (decision.rule, decision.clause) == (f"quality.nonconforming_goods.{name}", "6.5.1")
    assert decide_step(name, "sales_centre", steps, COMPONENTS.departments) is None


def test_an_edition_that_names_nobody_leaves_it_to_any_department() -> None:
    steps = CHEMICALS.quality.nonconforming_goods if CHEMICALS.quality else ()
    decision = decide_step("reviewed", "quality_control", steps, CHEMICALS.departments)
    assert decision is not None
    assert (decision.clause, decision.basis) == (SILENT, Basis.ASSUMED)
    assert decide_step("reviewed", "astrology", steps, CHEMICALS.departments) is None
