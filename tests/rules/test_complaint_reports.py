"""The handling report: which step comes when, and who may take it."""

from datetime import UTC, date, datetime
from itertools import product

import pytest

from app.services.rules.complaint_reports import (
    ALLOWED,
    FACT_TITLES,
    ApprovalOrder,
    Asked,
    Next,
    Progress,
    ReportFact,
    ReportStatus,
    ReportStep,
    Verdict,
    announcements,
    measure_state,
)

A, B, C = "research_institute", "production", "quality_department"
NOBODY: frozenset[str] = frozenset()


def progress(
    status: str, *, proposed: set[str] | None = None, approved: set[str] | None = None, order: str = "parallel"
) -> Progress:
    asked = Asked((A, B), (C,), (C, A, B), ApprovalOrder(order))
    return Progress(ReportStatus(status), asked, frozenset(proposed or ()), frozenset(approved or ()))


@pytest.mark.parametrize(
    ("at", "step", "departments"),
    [
        (progress("open"), "measures", (A, B)),
        (progress("measures", proposed={A}), "measures", (B,)),
        (progress("measures", proposed={A, B}), "settle", (C,)),
        (progress("settled", proposed={A, B}), "approvals", (C, A, B)),
        (progress("in_approval", proposed={A, B}, approved={A}), "approvals", (C, B)),
        (progress("settled", proposed={A, B}, order="in_order"), "approvals", (C,)),
        (progress("in_approval", proposed={A, B}, approved={C}, order="in_order"), "approvals", (A,)),
        (progress("in_approval", proposed={A, B}, approved={C, A}, order="in_order"), "approvals", (B,)),
        (progress("approved", proposed={A, B}, approved={A, B, C}), "answer", ()),
    ],
)
def test_what_comes_next(at: Progress, step: str, departments: tuple[str, ...]) -> None:
    assert at.next == Next(ReportStep(step), departments)
    assert at.allows(ReportStep(step))


def test_nothing_comes_after_the_answer() -> None:
    done = progress("answered", proposed={A, B}, approved={A, B, C})
    assert done.next is None
    assert not [step for step in ReportStep if done.allows(step)]


@pytest.mark.parametrize(("step", "status"), list(product(ReportStep, ReportStatus)))
def test_each_step_is_taken_at_its_place_only(step: ReportStep, status: ReportStatus) -> None:
    places = {
        "facts": "open measures", "measures": "open measures", "settle": "open measures",
        "approvals": "settled in_approval", "answer": "approved",
    }  # fmt: skip
    assert progress(status, proposed={A, B}).allows(step) is (status in places[step].split())


def test_a_remedy_is_settled_once_every_department_asked_has_proposed() -> None:
    assert not progress("measures", proposed={A}).allows(ReportStep.SETTLE)
    assert progress("measures", proposed={A, B}).allows(ReportStep.SETTLE)


@pytest.mark.parametrize(
    ("approved", "department", "verdict", "status"),
    [
        (set(), C, "approve", "in_approval"),
        ({C, A}, B, "approve", "approved"),
        ({C}, A, "approve", "in_approval"),
        ({C, A}, B, "refuse", "measures"),
        (set(), C, "refuse", "measures"),
    ],
)
def test_where_a_verdict_leads(approved: set[str], department: str, verdict: str, status: str) -> None:
    at = progress("in_approval", proposed={A, B}, approved=approved)
    assert at.after(department, Verdict(verdict)) == status


def test_whoever_alone_is_asked_approves_the_whole() -> None:
    alone = Progress(ReportStatus.SETTLED, Asked((), (C,), (C,), ApprovalOrder.IN_ORDER), NOBODY, NOBODY)
    assert alone.after(C, Verdict.APPROVE) is ReportStatus.APPROVED


@pytest.mark.parametrize("order", list(ApprovalOrder))
def test_every_way_of_approving_ends_with_everybody_having_approved_once(order: ApprovalOrder) -> None:
    at, decided = progress("settled", proposed={A, B}, order=order), []
    while at.next == Next(ReportStep.APPROVALS, at.deciding):
        department = at.deciding[-1]
        decided.append(department)
        status = at.after(department, Verdict.APPROVE)
        at = Progress(status, at.asked, at.proposed, at.approved | {department})
    assert at.status is ReportStatus.APPROVED
    assert sorted(decided) == sorted(at.asked.approved_by)
    assert order is ApprovalOrder.PARALLEL or decided == list(at.asked.approved_by)


def test_every_step_and_every_fact_has_its_row() -> None:
    assert set(ALLOWED) == set(ReportStep)
    assert set(FACT_TITLES) == set(ReportFact)


@pytest.mark.parametrize(
    ("due", "done", "state"),
    [("11-23", None, "planned"), ("11-22", None, "due"), ("11-21", None, "late"), ("11-21", "11-22", "done")],
)
def test_how_a_measure_stands(due: str, done: str | None, state: str) -> None:
    done_on = done and date.fromisoformat(f"2026-{done}")
    assert measure_state(date.fromisoformat(f"2026-{due}"), done_on or None, date(2026, 11, 22)) == state


def test_a_measure_is_announced_as_its_local_day_begins_and_once_it_is_over() -> None:
    assert announcements(date(2026, 11, 25), "Asia/Shanghai") == (
        ("report.measure_due", datetime(2026, 11, 24, 16, tzinfo=UTC)),
        ("report.measure_late", datetime(2026, 11, 25, 16, tzinfo=UTC)),
    )
