"""Everything the rules say of one ticket, gathered: what kind, who, what is due, what is missing, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from app.models.tickets import Ticket
from app.services.policy_book import Policy, PolicyBook
from app.services.rules.classification import (
    Classification,
    ClassificationFacts,
    ComplaintClass,
    IssueType,
    Kind,
    Severity,
    Urgency,
    classify,
)
from app.services.rules.clause import SILENT, Basis, Decision, DecisionKind, Sourced, Wording
from app.services.rules.facts import Channel, TicketFacts
from app.services.rules.handling import Handling, HandlingPath, decide_handling, is_complaint
from app.services.rules.labels import COMPLAINT_CLASS_LABELS, ISSUE_TYPE_LABELS, KIND_LABELS, SEVERITY_LABELS
from app.services.rules.materials import MaterialsDecision, decide_materials
from app.services.rules.policy import Edition
from app.services.rules.routing import RoutingDecision, decide_routing
from app.services.rules.service_points import Point, Serving, decide_service_point
from app.services.rules.sla import SlaDecision, decide_sla

_OURS: Final = Sourced(basis=Basis.ASSUMED, clause=SILENT)
KIND_RULE: Final = "classification.kind"  # the machine's own proposal, or what follows from a class staff corrected


@dataclass(frozen=True, slots=True)
class Judgement:
    sla: SlaDecision
    routing: RoutingDecision
    materials: MaterialsDecision
    handling: Handling | None  # None: not a complaint
    serving: Serving | None  # None: not asked for
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the text says, with what the caller said going before it."""

    classification: Classification
    kind: Kind
    severity: Severity | None
    urgency: Urgency
    decisions: tuple[Decision, ...]


def read_text(
    book: PolicyBook,
    text: str,
    *,
    kind: Kind | None,
    severity: Severity | None,
    urgency: Urgency | None,
    product_category: str | None,
    channel: Channel,
    edition: Edition,
) -> Reading:
    """Classify a text; kind, severity and urgency the caller gave are kept as given."""
    facts = ClassificationFacts(text, kind=kind, channel=channel, product_category=product_category)
    found = classify(facts, book.classifier)
    proposed = None if found.severity is Severity.NONE else found.severity
    source = class_source(edition)
    decisions = []
    if kind is None:
        read_as = _read_as(KIND_LABELS[found.kind])
        decisions.append(Decision(DecisionKind.KIND, found.kind, KIND_RULE, source.clause, read_as, source.basis))
    if found.complaint_class is not ComplaintClass.NOT_COMPLAINT:
        labels = [COMPLAINT_CLASS_LABELS[found.complaint_class], ISSUE_TYPE_LABELS[found.issue_type]]
        labels += [SEVERITY_LABELS[found.severity]]
        joined = Wording(" / ".join(label.zh for label in labels), " / ".join(label.en for label in labels))
        outcome = f"{found.complaint_class}/{found.issue_type}/{found.severity}"
        rule = f"classifier {found.model}, lexicon {found.lexicon}"
        read_as = _read_as(joined)
        decisions.append(Decision(DecisionKind.CLASSIFICATION, outcome, rule, source.clause, read_as, source.basis))
    return Reading(found, kind or found.kind, severity or proposed, urgency or found.urgency, tuple(decisions))


def class_source(edition: Edition) -> Sourced:
    """Return where an edition names its classes of complaint; where it does not, they are our own."""
    classes = edition.complaints.classes if edition.complaints else None
    return classes or _OURS


def _read_as(label: Wording) -> Wording:
    return Wording(f"据客户描述判断为：{label.zh}", f"Read from the customer's words: {label.en}")


def judge(
    policy: Policy,
    facts: TicketFacts,
    start: datetime,
    *,
    materials: Sequence[str],
    first_contact: str | None,
    unanswered_since: datetime | None = None,
    points: Sequence[Point] | None = None,
) -> Judgement:
    """Decide service level, commitments, route, materials and a complaint's path under one edition.

    `points` are those of which one is to serve; None leaves who serves as the facts say.
    """
    edition = policy.edition
    serving = None
    if points is not None:
        serving = decide_service_point(facts, points, edition.routing.service_network)
        facts = replace(facts, served_by=serving.number)
    sla = decide_sla(facts, start, edition.sla, policy.time, unanswered_since=unanswered_since)
    routing = decide_routing(facts, first_contact, edition.routing, edition.departments, edition.roles)
    needed = decide_materials(facts, frozenset(materials), edition.materials, edition.material_titles)
    handling = decide_handling(facts, handling_paths(edition))
    decisions = (*sla.decisions, *routing.decisions, *needed.decisions)
    if handling is not None:
        decisions = (*decisions, handling.decision)
    if serving is not None:
        decisions = (*decisions, serving.decision)
    return Judgement(sla, routing, needed, handling, serving, decisions)


def handling_paths(edition: Edition) -> tuple[HandlingPath, ...]:
    return edition.complaints.paths if edition.complaints else ()


def with_classification(facts: TicketFacts, complaint_class: ComplaintClass, issue_type: IssueType) -> TicketFacts:
    """Add what the text was read as."""
    return replace(facts, complaint_class=complaint_class, issue_type=known_issue(issue_type))


def known_issue(issue_type: IssueType) -> IssueType | None:
    """Return the issue as a fact: that there is none is nothing a rule may ask for by accident."""
    return None if issue_type is IssueType.NONE else issue_type


def classification_document(found: Classification) -> dict[str, Any]:
    """Return a classification as the API shows it and the ticket keeps it."""
    return {
        "complaint_class": found.complaint_class,
        "issue_type": found.issue_type,
        "also": list(found.also),
        "severity": found.severity,
        "urgency": found.urgency,
        "kind": found.kind,
        "confidence": found.confidence.document(),
        "evidence": [evidence._asdict() for evidence in found.evidence],
        "model": found.model,
        "lexicon": found.lexicon,
        "needs_confirmation": found.needs_confirmation,
        "confirmed_by": None,
    }


def facts_of(ticket: Ticket) -> TicketFacts:
    """Return the facts a ticket on file decides by."""
    facts = TicketFacts(
        channel=ticket.channel,
        kind=ticket.kind,
        urgency=ticket.urgency,
        severity=ticket.severity,
        tier=ticket.customer_tier,
        item_class=ticket.item_class,
        product_category=ticket.product.get("category"),
        region=ticket.region,
        seller=ticket.seller,
        service_provider=ticket.service_provider,
        branch=ticket.branch,
        sold_by=ticket.sold_by,
        served_by=ticket.served_by,
    )
    found = ticket.classification
    if found is None:
        return facts
    return with_classification(facts, ComplaintClass(found["complaint_class"]), IssueType(found["issue_type"]))


def unrecorded(ticket: Ticket, decided: Sequence[Decision]) -> list[Decision]:
    """Return the decisions that differ from the latest one on record on the same subject, under the same edition.

    Another reason is another decision: it may name somebody else.
    """
    since = max((place for place, d in enumerate(ticket.decisions) if d["kind"] == DecisionKind.EDITION), default=0)
    recorded = ticket.decisions[since:]
    latest = {
        _subject(d["kind"], d["rule"], d["outcome"]): (d["rule"], d["outcome"], d["reason"]["zh"]) for d in recorded
    }
    return [d for d in decided if latest.get(_subject(d.kind, d.rule, d.outcome)) != (d.rule, d.outcome, d.reason.zh)]


def _subject(kind: str, rule: str, outcome: str) -> tuple[str, str]:
    """A commitment's milestone, a route or a handler, whose duty a matter is or whose fault; else the kind alone."""
    if kind == DecisionKind.SLA:
        return kind, outcome.partition(":")[0]
    if kind == DecisionKind.RESPONSIBILITY:
        return kind, rule.partition(".")[0]
    return kind, rule.split(".")[1] if kind == DecisionKind.ROUTING else ""


def is_serious_complaint(ticket: Ticket) -> bool:
    """Tell whether a ticket has to be announced as a serious or critical complaint."""
    return is_serious(facts_of(ticket))


def is_serious(facts: TicketFacts) -> bool:
    """Tell whether a ticket with these facts has to be announced as a serious or critical complaint."""
    return facts.severity in (Severity.SERIOUS, Severity.CRITICAL) and is_complaint(facts)
