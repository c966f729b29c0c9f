"""Propose the kind of ticket from a reading, as a hotline would register it.

A plain wish for a repair, an installation or a return keeps that kind although it states a failure: the customer
wants a visit or a label, not an apology; so does a difficulty that asks how. It becomes a complaint when the text says
complaint or names a regulator, tells of harm or danger, quarrels, or finds fault with people: manner, delay, refusal.
"""

from collections import defaultdict

from app.services.rules.classification_decision import Weighed
from app.services.rules.classification_reading import Reading
from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity
from app.services.rules.lexicon import Role, Sign
from app.services.rules.lexicon_matcher import Found

_ABOUT_PEOPLE = frozenset(
    {IssueType.SERVICE_ATTITUDE, IssueType.SERVICE_TIMELINESS, IssueType.PRIVACY, IssueType.INSTALLATION}
)
_STRONG = 1.5  # weight from which a grievance about people turns a request into a complaint
_NOT_YET = (Kind.REPAIR, Kind.RETURN_EXCHANGE)  # asked about, not asked for, where the text asks for the terms
_CONDITION_REACH = 8  # most characters between a condition and the wish that hangs on it


def propose_kind(reading: Reading, weighed: Weighed) -> tuple[Kind, float]:
    """Return the kind and how sure it is, 0 to 1; a text that says nothing is a consultation."""
    wishes = _wishes(reading)
    if weighed.complaint_class is not ComplaintClass.NOT_COMPLAINT:
        plain = next((kind for kind in wishes if _plain(kind, reading, weighed)), None)
        if plain is None or _dissatisfied(reading, weighed, plain):
            return Kind.COMPLAINT, 0.7 if plain else 0.9
        return plain, 0.65
    wishes.pop(Kind.COMPLAINT, None)
    if reading.marks[Role.TERMS]:
        wishes = {kind: weight for kind, weight in wishes.items() if kind not in _NOT_YET}
    content = reading.marks[Role.GOOD] or (reading.marks[Role.SETTLED] and reading.marks[Role.THANKS])
    if content and not reading.asks:
        wishes[Kind.PRAISE] = wishes.get(Kind.PRAISE, 0) + 1
    if not wishes:
        return Kind.CONSULTATION, 0.4
    best = max(wishes, key=wishes.__getitem__)
    return best, 0.5 + 0.5 * wishes[best] / (sum(wishes.values()) + 1)


def _wishes(reading: Reading) -> dict[Kind, float]:
    """Kinds named, weightiest first; "if it breaks, can I return it" wishes for nothing yet."""
    weights: dict[Kind, float] = defaultdict(float)
    for mark in reading.marks[Role.KIND]:
        if mark.payload.kind is not None and not _conditional(mark, reading):
            weights[mark.payload.kind] = max(weights[mark.payload.kind], mark.payload.weight)
    if reading.asks:
        weights[Kind.CONSULTATION] = max(weights[Kind.CONSULTATION], 0.6)
    return dict(sorted(weights.items(), key=lambda entry: -entry[1]))


def _conditional(mark: Found[Sign], reading: Reading) -> bool:
    if mark.payload.kind is not Kind.RETURN_EXCHANGE:
        return False
    return any(0 <= mark.start - doubt.end <= _CONDITION_REACH for doubt in reading.marks[Role.DOUBT])


def _plain(kind: Kind, reading: Reading, weighed: Weighed) -> bool:
    """Whether a ticket of this kind takes care of what is wrong."""
    if kind is Kind.TECHNICAL_SUPPORT:
        return weighed.severity is Severity.MINOR or (reading.asks and not reading.marks[Role.REQUEST])
    if kind is Kind.TRAINING:
        return weighed.severity is Severity.MINOR
    return kind in (Kind.REPAIR, Kind.INSTALLATION, Kind.RETURN_EXCHANGE)


def _dissatisfied(reading: Reading, weighed: Weighed, wish: Kind) -> bool:
    if weighed.severity is Severity.CRITICAL or reading.marks[Role.ESCALATION] or reading.marks[Role.DISPUTE]:
        return True
    if reading.names(Kind.COMPLAINT) or (reading.complaints_at_large and wish is not Kind.TECHNICAL_SUPPORT):
        return True
    return any(
        grievance.weight >= _STRONG and (grievance.issue in _ABOUT_PEOPLE or grievance.role is Role.REFUSAL)
        for grievance in weighed.grievances
    )
