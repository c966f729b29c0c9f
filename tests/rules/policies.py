"""Short hands for tests on policies: tickets from a few words, and places in an edition."""

from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.facts import Channel, TicketFacts
from app.services.rules.policy import Edition
from app.services.rules.policy_findings import walk


def facts_of(words: str) -> TicketFacts:
    """A ticket by hotline from its kind, its urgency and any class, issue, severity, channel or product category."""
    kind, urgency, *others = words.split()
    facts: dict[str, object] = {}
    for word in others:
        if word in {"quality", "non_quality", "other"}:
            facts["complaint_class"] = ComplaintClass(word)
        elif word in set(Severity):
            facts["severity"] = Severity(word)
        elif word in set(Channel):
            facts["channel"] = Channel(word)
        elif word in set(IssueType):
            facts["issue_type"] = IssueType(word)
        else:
            facts["product_category"] = word
    return TicketFacts(**{"channel": Channel.HOTLINE, "kind": Kind(kind), "urgency": Urgency(urgency)} | facts)  # type: ignore[arg-type]


def find(edition: Edition, path: str) -> object:
    """What stands at a path; it must be there."""
    return next(node for place, node, _ in walk(edition) if place == path)
