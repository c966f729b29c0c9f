"""The life cycle of a CAPA, when its work is done, who may close it, and when its timers are due."""

from datetime import UTC, datetime, timedelta

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.capa import (
    LIFE_CYCLE,
    CapaMove,
    CapaStatus,
    TaskKind,
    Work,
    after_work,
    allowed_moves,
    decide_check,
    decide_closure,
)
from app.services.rules.clause import Basis
from app.services.rules.thresholds import next_plain_firing, thresholds_of

START = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "moves"),
    [
        ("open", "analyse plan complete drop cancel"),
        ("root_cause", "analyse plan complete drop cancel"),
        ("planned", "plan complete drop cancel"),
        ("in_progress", "plan complete drop cancel"),
        ("awaiting_effectiveness", "verify cancel"),
        ("effective", "close reopen"),
        ("not_effective", "analyse cancel"),
        ("closed", "reopen"),
        ("cancelled", ""),
    ],
)
def test_moves_by_status(status: str, moves: str) -> None:
    assert allowed_moves(CapaStatus(status)) == tuple(CapaMove(move) for move in moves.split())


def test_the_table_knows_every_move_and_every_status_can_be_reached() -> None:
    reached = {after for course in LIFE_CYCLE.values() for after in course.values()}
    # These two are where the work and the check lead.
    assert reached | {CapaStatus.AWAITING_EFFECTIVENESS, CapaStatus.NOT_EFFECTIVE} == set(CapaStatus)
    assert set(LIFE_CYCLE) == set(CapaMove)


@pytest.mark.parametrize(
    ("status", "work", "after"),
    [
        # nothing that deals with the cause: a correction alone never leads to the check
        ("in_progress", "correction:done", "in_progress"),
        ("in_progress", "", "in_progress"),
        # something still to do
        ("in_progress", "correction:done corrective:open", "in_progress"),
        ("planned", "corrective:open", "planned"),
        # all done
        ("in_progress", "corrective:done", "awaiting_effectiveness"),
        ("planned", "preventive:done", "awaiting_effectiveness"),
        ("in_progress", "correction:done corrective:done preventive:done", "awaiting_effectiveness"),
        # the cause is not known yet
        ("open", "correction:done", "open"),
        ("root_cause", "correction:done", "root_cause"),
    ],
)
def test_when_the_work_is_done(status: str, work: str, after: str) -> None:
    actions = [
        Work(TaskKind(kind), state == "done") for kind, _, state in (word.partition(":") for word in work.split())
    ]
    assert after_work(CapaStatus(status), actions) == after


@pytest.mark.parametrize(
    ("policy", "department", "clause"),
    [
        ("tableware", "production", "第九条"),
        ("chemicals", "quality_control", "五.2"),
        ("components", "quality_department", "6.5.1"),
        ("bath_appliances", "product_engineering", "二.3.3"),
        ("home_furnishing", "customer_service_centre", "未规定"),
        ("general", "after_sales", "未规定"),
        ("mall", "after_sales", "未规定"),
        ("statute", "after_sales", "未规定"),
    ],
)
def test_one_department_of_each_edition_closes_after_its_period(
    book: PolicyBook, policy: str, department: str, clause: str
) -> None:
    edition = book.editions(policy)[0].edition
    assert edition.quality is not None
    terms = edition.quality.capa
    closing = {name for name in edition.departments if decide_closure(name, terms, edition.departments)}
    assert closing == {department}
    decision = decide_closure(department, terms, edition.departments)
    assert decision is not None
    assert (decision.rule, decision.clause, decision.basis) == ("quality.capa.closed_by", clause, Basis.ASSUMED)
    days, period = decide_check(terms)
    assert (days, period.rule) == (30, "quality.capa.effectiveness_days")


def test_an_edition_that_says_nothing_has_a_default_and_lets_any_department_of_its_own_close(book: PolicyBook) -> None:
    departments = book.editions("tableware")[0].edition.departments
    days, period = decide_check(None)
    assert (days, period.basis, period.clause) == (30, Basis.ASSUMED, "未规定")
    assert all(decide_closure(name, None, departments) for name in departments)
    assert decide_closure("astrology", None, departments) is None


def test_a_plain_deadline_fires_at_each_share_of_its_time_and_then_no_more(book: PolicyBook) -> None:
    thresholds = thresholds_of(book.editions("tableware")[0].edition.sla)
    due_at = START + timedelta(days=10)
    fired = [next_plain_firing(START, due_at, number, thresholds) for number in range(len(thresholds) + 1)]
    assert fired == [START + timedelta(days=days) for days in (5, 8, 10, 10, 15, 20)] + [None]
