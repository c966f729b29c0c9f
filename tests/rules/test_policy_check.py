"""What the policy check refuses and what it only remarks on, each finding provoked once."""

import tomllib
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from app.services.policy_book import PolicyBook, shipped_statutes
from app.services.rules import policy_check
from app.services.rules.classification import Kind, Urgency
from app.services.rules.facts import Condition
from app.services.rules.policy_check import PolicyReport
from app.services.rules.policy_conditions import both, compatible, covers
from app.services.rules.policy_times import maybe_later, surely_later
from app.services.rules.sla import Target, Unit
from tests.rules.documents import MISSING, with_change

LAW = shipped_statutes()
check_edition = partial(policy_check.check_edition, law=LAW)
check_text = partial(policy_check.check_text, law=LAW)
WRITTEN = {"basis": "policy", "clause": "第九条"}
TECHNICAL_TRAINING = {"issue_type": ["technical_use"], "kind": ["training"]}
VISIT = {"milestone": "on_site_visit", "target": {"value": 3, "unit": "days"}, **WRITTEN}
EMAIL = {"milestone": "email_reply", "target": {"value": 4, "unit": "hours"}, "when": {"channel": ["email"]}, **WRITTEN}


@pytest.fixture(scope="session")
def documents(book: PolicyBook) -> dict[str, dict[str, Any]]:
    return {name: tomllib.loads(book.editions(name)[0].text) for name in book.names()}


def findings(report: PolicyReport) -> list[tuple[str, str]]:
    return [(finding.level.value, finding.path) for finding in report.findings]


def test_a_shipped_edition_has_no_error(documents: dict[str, dict[str, Any]]) -> None:
    report = check_edition(documents["tableware"])
    assert report.edition is not None
    assert report.findings == ()


CLOSED_FOR_A_YEAR = {
    date(2026, 1, 5) + timedelta(days=days): {"value": [], "basis": "policy", "clause": "第一条"} for days in range(400)
}


@pytest.mark.parametrize(
    ("name", "path", "value", "expected"),
    [
        # the shape
        ("tableware", "sla.milestones.1.target.value", 0, "sla.milestones[1].target.value"),
        ("tableware", "sla.milestones.1.target.value", "soon", "sla.milestones[1].target.value"),
        ("tableware", "sla.milestones.1.target.unit", "weeks", "sla.milestones[1].target.unit"),
        ("tableware", "sla.pauses", MISSING, "sla.pauses"),
        ("tableware", "sla.pause", {}, "sla.pause"),
        ("tableware", "calendar.chinese_holidays.value", "often", "calendar.chinese_holidays.value"),
        ("tableware", "calendar.contact_hours.value", ["9", "20:00"], "calendar.contact_hours.value[0]"),
        ("tableware", "calendar.weekly_hours.value", {"someday": []}, "calendar.weekly_hours.value.someday"),
        ("tableware", "edition.effective_from", "in spring", "edition.effective_from"),
        ("tableware", "edition.title", "办法", "edition.title"),
        ("tableware", "sla.service_levels", [], "sla.service_levels"),
        ("tableware", "departments", 3, "departments"),
        # sources
        ("tableware", "delays.note", "no_such_note", "delays.note"),
        ("tableware", "delays.note", MISSING, "delays"),
        ("tableware", "delays.clause", " ", "delays"),
        ("tableware", "delays.basis", "policy", "delays"),
        ("tableware", "departments.sales.title.en", " ", "departments.sales.title"),
        # names
        ("tableware", "routing.routes.0.department", "nobody", "routing.routes[0].department"),
        ("tableware", "routing.routes.0.collaborating", ["nobody"], "routing.routes[0].collaborating[0]"),
        ("tableware", "routing.handlers.0.role", "nobody", "routing.handlers[0].role"),
        ("tableware", "escalations.0.role", "nobody", "escalations[0].role"),
        ("tableware", "materials.0.required", ["passport"], "materials[0].required[0]"),
        ("tableware", "routing.handlers.0.name", "others", "routing.handlers"),
        ("tableware", "kpis.0.name", "service_timeliness", "kpis"),
        ("components", "complaints.paths.0.approved_by", ["nobody"], "complaints.paths[0].approved_by[0]"),
        ("components", "complaints.paths.0.severity", "serious", "complaints.paths"),
        (
            "components", "complaints.paths.1.approved_by", ["production", "production"],
            "complaints.paths[1].approved_by",
        ),
        ("components", "complaints.paths.1.approval_order.value", "by_age", "complaints.paths[1].approval_order.value"),
        # lists of which the first entry that holds is taken
        ("tableware", "sla.service_levels.1.when", {"kind": ["repair"]}, "sla.service_levels[1]"),
        ("tableware", "routing.routes.6.when", {"kind": ["repair"]}, "routing.routes[6]"),
        ("tableware", "routing.handlers.2.when", {"kind": ["repair"]}, "routing.handlers[2]"),
        ("tableware", "routing.routes.0.when", {"kind": []}, "routing.routes[0].when"),
        # times
        ("tableware", "edition.effective_from", "1026-01-01", "edition.effective_from"),
        ("tableware", "calendar.timezone", "Asia/Atlantis", "calendar"),
        ("tableware", "calendar.weekly_hours.value", {"mon": [["08:30", "08:30"]]}, "calendar"),
        ("tableware", "calendar.weekly_hours.value", {"mon": []}, "calendar.weekly_hours"),
        ("tableware", "calendar.weekly_hours.value", {"mon": [["08:30", "08:31"]]}, "calendar.weekly_hours"),
        ("tableware", "calendar.timezone", "localtime", "calendar.timezone"),
        ("tableware", "calendar.date_hours", CLOSED_FOR_A_YEAR, "calendar.date_hours.2026-07-04"),
        ("tableware", "calendar.contact_hours.value", ["20:00", "09:00"], "calendar.contact_hours"),
        ("tableware", "sla.warnings_percent.value", [80, 50], "sla.warnings_percent"),
        ("tableware", "sla.warnings_percent.value", [50, 100], "sla.warnings_percent"),
        ("tableware", "sla.escalation_percent.value", [100, 100, 200], "sla.escalation_percent"),
        ("tableware", "sla.escalation_percent.value", [50, 100, 200], "sla.escalation_percent"),
        ("tableware", "sla.service_levels.1.milestones.0.target.value", 73, "sla.service_levels[1].milestones[0]"),
        ("tableware", "escalations.0.level", 3, "escalations"),
        ("tableware", "surveys.scale.value", [5, 1], "surveys.scale"),
        ("tableware", "surveys.dissatisfied_at_most.value", 5, "surveys.dissatisfied_at_most"),
    ],
)  # fmt: skip
def test_is_refused(documents: dict[str, dict[str, Any]], name: str, path: str, value: object, expected: str) -> None:
    report = check_edition(with_change(documents[name], path, value))
    assert report.edition is None
    assert ("error", expected) in findings(report)


def test_an_emergency_slower_than_general_service_is_refused(documents: dict[str, dict[str, Any]]) -> None:
    slow = with_change(documents["tableware"], "sla.service_levels.0.milestones.1.target.value", 96)
    report = check_edition(slow)
    assert [(finding.path, finding.clause) for finding in report.errors] == [
        ("sla.service_levels[0].milestones[1]", "第十八条")
    ]


@pytest.mark.parametrize(
    ("name", "path", "value", "expected"),
    [
        # never reached: behind an entry that holds always, or holds whenever it does
        ("tableware", "routing.routes.+", {"name": "late", "department": "sales", **WRITTEN}, "routing.routes[7]"),
        ("tableware", "routing.routes.2.when", TECHNICAL_TRAINING, "routing.routes[2]"),
        ("tableware", "sla.milestones.+", EMAIL, "sla.milestones[2]"),
        # steps that may come after the end
        ("tableware", "sla.milestones.+", VISIT, "sla.milestones[2]"),
        ("home_furnishing", "incidents.levels.1.first_response.value", 3, "incidents.levels[1].first_response"),
        ("home_furnishing", "tools.mix.0.percent", 60, "tools.mix"),
        # a handling report that leaves something open, or asks for what it has no place for
        ("components", "complaints.paths.1.approved_by", [], "complaints.paths[1].approved_by"),
        ("components", "complaints.paths.1.handling_report", False, "complaints.paths[1].approval_order"),
        ("components", "complaints.facts.items.hue", {"zh": "颜色", "en": "hue"}, "complaints.facts.items.hue"),
    ],
)  # fmt: skip
def test_is_remarked_on_and_stands(
    documents: dict[str, dict[str, Any]], name: str, path: str, value: object, expected: str
) -> None:
    report = check_edition(with_change(documents[name], path, value))
    assert report.edition is not None
    assert ("warning", expected) in findings(report)


def test_a_finding_cites_the_clause_nearest_to_it(documents: dict[str, dict[str, Any]]) -> None:
    wrong = with_change(documents["tableware"], "sla.service_levels.0.milestones.1.target.value", 1.5)
    (finding,) = check_edition(wrong).findings
    assert finding.clause == "第十八条"
    assert (finding.message.zh, finding.message.en) == ("应为整数", "must be a whole number")


def test_what_was_given_is_not_repeated(documents: dict[str, dict[str, Any]]) -> None:
    huge = with_change(documents["tableware"], "delays." + "x" * 5000, "y" * 100_000)
    report = check_edition(with_change(huge, "edition.document", ["z" * 100_000]))
    assert len(report.errors) == 2
    assert all(len(f"{finding.path}{finding.clause}{finding.message}") < 400 for finding in report.findings)


def test_a_note_is_text_or_names_one(documents: dict[str, dict[str, Any]]) -> None:
    edition = check_edition(documents["tableware"]).edition
    assert edition is not None
    assert edition.delays.note == edition.notes["silent"]
    inline = with_change(documents["tableware"], "delays.note", {"zh": "待定", "en": "open"})
    edition = check_edition(inline).edition
    assert edition is not None
    assert edition.delays.note is not None
    assert edition.delays.note.en == "open"


def test_a_syntax_error_is_reported_with_its_line() -> None:
    report = check_text('[edition]\nname = "x\n')
    assert report.edition is None
    assert "line 2" in report.errors[0].message.en


@pytest.mark.parametrize("text", ["", "a = 1", "[edition]\n", "edition = 3", "sla = []", "notes = 1"])
def test_what_is_no_edition_is_refused_with_findings(text: str) -> None:
    report = check_text(text)
    assert report.edition is None
    assert report.errors


def test_deep_nesting_is_refused() -> None:
    document: dict[str, object] = {}
    for _ in range(100_000):
        document = {"a": document}
    assert check_edition(document).errors[0].message.en == "nested too deeply"
    assert check_text("a = " + "[" * 5000 + "]" * 5000).errors
    # taken apart from the outside: freeing it in one go would recurse
    while document:
        document = document.pop("a")  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("one", "other", "surely", "maybe"),
    [
        ((25, Unit.HOURS), (24, Unit.HOURS), True, True),
        ((24, Unit.HOURS), (24, Unit.HOURS), False, False),
        ((2, Unit.DAYS), (48, Unit.HOURS), False, True),  # a day ends at 24:00
        ((3, Unit.DAYS), (48, Unit.HOURS), True, True),
        ((8, Unit.WORKING_HOURS), (24, Unit.HOURS), False, False),  # not compared
        ((25, Unit.WORKING_HOURS), (24, Unit.HOURS), True, False),
        ((24, Unit.HOURS), (8, Unit.WORKING_HOURS), False, False),
        ((2, Unit.WORKING_DAYS), (24, Unit.HOURS), True, False),
    ],
)  # fmt: skip
def test_later(one: tuple[int, Unit], other: tuple[int, Unit], surely: bool, maybe: bool) -> None:
    first, second = Target(value=one[0], unit=one[1]), Target(value=other[0], unit=other[1])
    assert (surely_later(first, second), maybe_later(first, second)) == (surely, maybe)


def test_conditions_relate_by_their_fields() -> None:
    always, urgent = Condition(), Condition(urgency=(Urgency.EMERGENCY,))
    repair = Condition(kind=(Kind.REPAIR,))
    urgent_repair = Condition(kind=(Kind.REPAIR,), urgency=(Urgency.EMERGENCY,))
    assert covers(always, urgent)
    assert covers(urgent, urgent_repair)
    assert not covers(urgent_repair, urgent)
    assert not covers(repair, urgent)
    assert compatible(repair, urgent)
    assert not compatible(Condition(kind=(Kind.PRAISE,)), urgent_repair)
    assert both(urgent, repair) == urgent_repair
    assert both(repair, Condition(kind=(Kind.PRAISE, Kind.REPAIR))) == repair


def test_what_never_binds_in_a_level_is_not_compared(documents: dict[str, dict[str, Any]]) -> None:
    replies = [
        {"milestone": "next_reply", "target": {"value": 1, "unit": "hours"}, "when": {"urgency": ["emergency"]}},
        {"milestone": "next_reply", "target": {"value": 4, "unit": "hours"}, "when": {"kind": ["complaint"]}},
    ]
    cited = [reply | {"basis": "policy", "clause": "第九条"} for reply in replies]
    assert check_edition(with_change(documents["tableware"], "sla.milestones", cited)).findings == ()
    slower = with_change(documents["tableware"], "sla.milestones", cited)
    slower["sla"]["milestones"][0]["target"]["value"] = 9
    assert any("slower than general" in finding.message.en for finding in check_edition(slower).errors)
