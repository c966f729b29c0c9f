"""投诉处理路径: what a complaint goes through before it is answered, by its severity.

A minor one is registered and reported to its department; a serious one needs a handling report with measures and
approvals (components 6.4.2c); a critical one goes to whom the edition names (chemicals 二.2).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.services.rules.classification_words import ComplaintClass, Kind, Severity
from app.services.rules.clause import SILENT, Basis, Cited, Decision, DecisionKind, Sourced, Wording
from app.services.rules.complaint_reports import ApprovalOrder, Asked
from app.services.rules.facts import TicketFacts
from app.services.rules.labels import SEVERITY_LABELS
from app.services.rules.routing import Name, Titled

_GRAVITY = (Severity.MINOR, Severity.SERIOUS, Severity.CRITICAL)
_RULE = "complaints.paths"


class HandlingPath(Sourced):
    """What a complaint of this severity goes through before it is answered."""

    severity: Severity
    title: Wording
    handling_report: bool
    measures_by: tuple[Name, ...] = ()  # departments that propose measures
    settled_by: tuple[Name, ...] = ()  # departments that settle the remedy
    approved_by: tuple[Name, ...] = ()  # departments that approve before the answer goes out
    approval_order: Cited[ApprovalOrder] | None = None  # None: in parallel
    role: Name | None = None


@dataclass(frozen=True, slots=True)
class Handling:
    """`path` is None where the edition says nothing of complaints as grave as this or less."""

    path: HandlingPath | None
    decision: Decision

    @property
    def report_required(self) -> bool:
        return self.path is not None and self.path.handling_report


def is_complaint(facts: TicketFacts) -> bool:
    """Tell whether the matter came as a complaint, or reads as one."""
    found = facts.complaint_class
    return facts.kind is Kind.COMPLAINT or found not in (None, ComplaintClass.NOT_COMPLAINT)


def decide_handling(facts: TicketFacts, paths: Sequence[HandlingPath]) -> Handling | None:
    """Return what a complaint goes through; None for what is no complaint.

    A severity without a path of its own takes that of the next lesser one: what is done for a serious complaint is the
    least that is done for a critical one. An unknown severity is minor.
    """
    if not is_complaint(facts):
        return None
    severity = facts.severity if facts.severity in _GRAVITY else Severity.MINOR
    by_severity = {path.severity: path for path in paths}
    lesser = reversed(_GRAVITY[: _GRAVITY.index(severity) + 1])
    path = next((by_severity[grade] for grade in lesser if grade in by_severity), None)
    if path is None:
        reason = Wording("登记备案，反馈责任部门", "Registered and reported to the department in charge")
        return Handling(None, Decision(DecisionKind.HANDLING, "registered", _RULE, SILENT, reason, Basis.ASSUMED))
    reason, basis = path.title, path.basis
    if path.severity is not severity:
        own, taken = SEVERITY_LABELS[severity], SEVERITY_LABELS[path.severity]
        reason = Wording(
            f"文件未规定{own.zh}投诉的处理，按{taken.zh}投诉：{path.title.zh}",
            f"The document is silent on {own.en.lower()} complaints, so as {taken.en.lower()} ones: {path.title.en}",
        )
        basis = Basis.ASSUMED
    outcome = "handling_report" if path.handling_report else path.role or "registered"
    rule = f"{_RULE}.{path.severity}"
    return Handling(path, Decision(DecisionKind.HANDLING, outcome, rule, path.clause, reason, basis))


def plan_report(
    handling: Handling | None,
    paths: Sequence[HandlingPath],
    *,
    department: str,
    collaborating: Sequence[str],
    departments: Mapping[str, Titled],
) -> tuple[Asked, Decision]:
    """Return which departments a handling report asks for what, and by which clause.

    A report the path does not ask for follows the edition's path that has one; where no path has, the department in
    charge settles and approves, and its helpers propose measures too.
    """
    own = handling.path if handling is not None and handling.report_required else None
    path = own or next((path for path in paths if path.handling_report), None)
    if path is None:
        asked = Asked((department, *collaborating), (department,), (department,), ApprovalOrder.PARALLEL)
        rule, clause, basis = _RULE, SILENT, Basis.ASSUMED
    else:
        order = path.approval_order.value if path.approval_order else ApprovalOrder.PARALLEL
        in_charge = (department,)
        asked = Asked(path.measures_by, path.settled_by or in_charge, path.approved_by or in_charge, order)
        rule, clause = f"{_RULE}.{path.severity}", path.clause
        basis = path.basis if own is not None else Basis.ASSUMED
    reason = _planned(asked, departments)
    return asked, Decision(DecisionKind.HANDLING, "report_opened", rule, clause, reason, basis)


def _planned(asked: Asked, departments: Mapping[str, Titled]) -> Wording:
    measures, settled, approved = (
        _named(names, departments) for names in (asked.measures_by, asked.settled_by, asked.approved_by)
    )
    in_order = asked.order is ApprovalOrder.IN_ORDER
    return Wording(
        f"措施：{measures.zh}；商定：{settled.zh}；{'依次' if in_order else '同时'}审批：{approved.zh}",
        f"Measures: {measures.en}; settled by: {settled.en}; "
        f"approved {'in order' if in_order else 'in parallel'} by: {approved.en}",
    )


def _named(names: Iterable[str], departments: Mapping[str, Titled]) -> Wording:
    titles = [departments[name].title for name in names]
    return Wording("、".join(title.zh for title in titles) or "—", ", ".join(title.en for title in titles) or "—")
