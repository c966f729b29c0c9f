"""Propose the kind of ticket from a reading, as a hotline would register it.

A plain wish for a repair, an installation or a return keeps that kind although it states a failure: the customer
wants a visit or a label, not an apology. It becomes a complaint when the text says complaint or names a regulator,
tells of harm or danger, or finds fault with people: manner, delay, refusal.
"""

from collections import defaultdict

from app.services.rules.classification_decision import Weighed
from app.services.rules.classification_reading import Reading
from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity
from app.services.rules.lexicon import Role

_PLAIN_REQUESTS = (Kind.REPAIR, Kind.INSTALLATION, Kind.RETURN_EXCHANGE)
_ABOUT_PEOPLE = frozenset(
    {IssueType.SERVICE_ATTITUDE, IssueType.SERVICE_TIMELINESS, IssueType.PRIVACY, IssueType.INSTALLATION}
)
_STRONG = 1.5  # weight from which a grievance about people turns a request into a complaint


def propose_kind(reading: Reading, weighed: Weighed) -> tuple[Kind, float]:
    """Return the kind and how sure it is, 0 to 1; a text that says nothing is a consultation."""
    wishes = _wishes(reading)
    if weighed.complaint_class is not ComplaintClass.NOT_COMPLAINT:
        plain = next((kind for kind in wishes if kind in _PLAIN_REQUESTS), None)
        if plain is None or _dissatisfied(reading, weighed):
            return Kind.COMPLAINT, 0.7 if plain else 0.9
        return plain, 0.65
    wishes.pop(Kind.COMPLAINT, None)
    content = reading.marks[Role.GOOD] or (reading.marks[Role.SETTLED] and reading.marks[Role.THANKS])
    if content and not (reading.marks[Role.QUESTION] or reading.marks[Role.INQUIRY]):
        wishes[Kind.PRAISE] = wishes.get(Kind.PRAISE, 0) + 1
    if not wishes:
        return Kind.CONSULTATION, 0.4
    best = max(wishes, key=wishes.__getitem__)
    return best, 0.5 + 0.5 * wishes[best] / (sum(wishes.values()) + 1)


def _wishes(reading: Reading) -> dict[Kind, float]:
    """Kinds named, weightiest first."""
    weights: dict[Kind, float] = defaultdict(float)
    for mark in reading.marks[Role.KIND]:
        if mark.payload.kind is not None:
            weights[mark.payload.kind] = max(weights[mark.payload.kind], mark.payload.weight)
    if reading.marks[Role.QUESTION] or reading.marks[Role.INQUIRY]:
        weights[Kind.CONSULTATION] = max(weights[Kind.CONSULTATION], 0.6)
    return dict(sorted(weights.items(), key=lambda entry: -entry[1]))


def _dissatisfied(reading: Reading, weighed: Weighed) -> bool:
    if weighed.severity is Severity.CRITICAL or reading.marks[Role.ESCALATION]:
        return True
    if reading.complaints_at_large or any(mark.payload.kind is Kind.COMPLAINT for mark in reading.marks[Role.KIND]):
        return True
    return any(
        grievance.weight >= _STRONG and (grievance.issue in _ABOUT_PEOPLE or grievance.role is Role.REFUSAL)
        for grievance in weighed.grievances
    )
