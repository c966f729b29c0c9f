"""What a complaint goes through, by its severity and the company's own words."""

from datetime import date

import pytest

from app.services.policy_book import PolicyBook
from app.services.rules.classification import Severity
from app.services.rules.clause import SILENT, Basis, Cited
from app.services.rules.complaint_reports import ApprovalOrder, Asked
from app.services.rules.handling import Handling, HandlingPath, decide_handling, plan_report
from app.services.rules.policy import Edition
from tests.rules.policies import facts_of

TODAY = date(2026, 11, 22)
EVERYBODY = ("sales_centre", "quality_department", "research_institute", "production", "technical_application_centre")


def edition_of(book: PolicyBook, name: str) -> Edition:
    return book.in_force(name, TODAY).edition


def paths_of(edition: Edition) -> tuple[HandlingPath, ...]:
    return edition.complaints.paths if edition.complaints else ()


@pytest.mark.parametrize(
    ("name", "words", "outcome", "rule", "clause", "basis"),
    [
        # components 6.4.2c: minor registered, serious with a report; nothing on critical, so at least as serious
        ("components", "complaint general minor", "registered", "complaints.paths.minor", "6.4.2c", "policy"),
        ("components", "complaint general serious", "handling_report", "complaints.paths.serious", "6.4.2c", "policy"),
        (
            "components", "complaint general critical", "handling_report", "complaints.paths.serious", "6.4.2c",
            "assumed",
        ),
        ("components", "complaint general", "registered", "complaints.paths.minor", "6.4.2c", "policy"),
        # what reads as a complaint is one, whatever it came as
        (
            "components", "repair general serious quality", "handling_report", "complaints.paths.serious", "6.4.2c",
            "policy",
        ),
        # chemicals 二.2: the manager takes critical ones; the document says nothing of the others
        (
            "chemicals", "complaint general critical", "after_sales_manager", "complaints.paths.critical", "二.2",
            "policy",
        ),
        ("chemicals", "complaint general serious", "registered", "complaints.paths", SILENT, "assumed"),
        # no chapter at all
        ("tableware", "complaint emergency critical", "registered", "complaints.paths", SILENT, "assumed"),
    ],
)  # fmt: skip
def test_the_path_of_a_complaint(
    book: PolicyBook, name: str, words: str, outcome: str, rule: str, clause: str, basis: str
) -> None:
    handling = decide_handling(facts_of(words), paths_of(edition_of(book, name)))
    assert handling is not None
    decision = handling.decision
    assert (decision.outcome, decision.rule, decision.clause, decision.basis) == (outcome, rule, clause, basis)
    assert handling.report_required is (outcome == "handling_report")
    assert decision.reason.zh
    assert decision.reason.en


@pytest.mark.parametrize("words", ["consultation general", "praise general", "repair general serious"])
def test_what_is_no_complaint_has_no_path(book: PolicyBook, words: str) -> None:
    assert decide_handling(facts_of(words), paths_of(edition_of(book, "components"))) is None


@pytest.mark.parametrize("severity", [Severity.MINOR, Severity.SERIOUS, Severity.CRITICAL])
@pytest.mark.parametrize("name", ["components", "chemicals", "statute"])
def test_a_graver_complaint_never_goes_through_less(book: PolicyBook, name: str, severity: Severity) -> None:
    paths = [path for path in paths_of(edition_of(book, name)) if path.role is None]
    required = [
        bool((found := decide_handling(facts_of(f"complaint general {grade}"), paths)) and found.report_required)
        for grade in (Severity.MINOR, Severity.SERIOUS, Severity.CRITICAL)
    ]
    assert required == sorted(required)


def planned(edition: Edition, words: str, department: str, *helpers: str) -> tuple[Asked, str, Basis | None]:
    paths = paths_of(edition)
    handling = decide_handling(facts_of(words), paths)
    asked, decision = plan_report(
        handling, paths, department=department, collaborating=helpers, departments=edition.departments
    )
    return asked, decision.rule, decision.basis


def test_a_serious_complaint_asks_the_departments_the_document_names(book: PolicyBook) -> None:  # components 6.4.2c
    edition = edition_of(book, "components")
    asked, rule, basis = planned(edition, "complaint general serious", "sales_centre")
    assert asked == Asked(
        ("research_institute", "production", "technical_application_centre"),
        ("sales_centre", "quality_department"), EVERYBODY, ApprovalOrder.PARALLEL,
    )  # fmt: skip
    assert (rule, basis) == ("complaints.paths.serious", Basis.POLICY)


def test_a_report_nobody_asked_for_follows_the_path_that_has_one(book: PolicyBook) -> None:
    edition = edition_of(book, "components")
    asked, rule, basis = planned(edition, "complaint general minor", "sales_centre")
    assert asked.approved_by == EVERYBODY
    assert (rule, basis) == ("complaints.paths.serious", Basis.ASSUMED)


def test_where_the_document_is_silent_the_department_in_charge_settles_and_approves(book: PolicyBook) -> None:
    edition = edition_of(book, "tableware")
    asked, rule, basis = planned(edition, "complaint general serious", "production", "after_sales")
    in_charge = ("production",)
    assert asked == Asked(("production", "after_sales"), in_charge, in_charge, ApprovalOrder.PARALLEL)
    assert (rule, basis) == ("complaints.paths", Basis.ASSUMED)


def test_a_path_may_ask_for_approvals_in_order_and_leave_open_who_gives_them(book: PolicyBook) -> None:
    edition = edition_of(book, "components")
    minor, serious = paths_of(edition)
    in_order = Cited[ApprovalOrder](value=ApprovalOrder.IN_ORDER, basis=Basis.POLICY, clause="6.4.2c")
    path = serious.model_copy(update={"approval_order": in_order, "approved_by": (), "settled_by": ()})
    handling = decide_handling(facts_of("complaint general serious"), (minor, path))
    assert isinstance(handling, Handling)
    asked, decision = plan_report(
        handling, (minor, path), department="sales_centre", collaborating=(), departments=edition.departments
    )
    assert (asked.order, asked.approved_by) == (ApprovalOrder.IN_ORDER, ("sales_centre",))
    assert "依次" in decision.reason.zh
    assert "in order" in decision.reason.en
