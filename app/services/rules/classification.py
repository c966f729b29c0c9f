"""投诉分类: what a customer's text is about, how grave and how pressing it is, and what kind of ticket it makes.

Classes follow components 6.4.1. The reading is by words; safety is read for recall, so a hazard is rather
named once too often, and `needs_confirmation` says when staff should look.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Final

from app.services.rules.classification_decision import Weighed, weigh
from app.services.rules.classification_kind import propose_kind
from app.services.rules.classification_reading import Grievance, Reading, read
from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.lexicon import Lexicon, Role, Sign
from app.services.rules.lexicon_matcher import Found

__all__ = [
    "Classification",
    "ClassificationFacts",
    "ComplaintClass",
    "Confidence",
    "Evidence",
    "IssueType",
    "Kind",
    "Severity",
    "Urgency",
    "classify",
]

_CONTENT: Final = (Role.QUESTION, Role.INQUIRY, Role.THANKS, Role.GOOD)  # what speaks for "no complaint"
_HAZARD_IF_FEARED: Final = frozenset({Role.OVERHEATING, Role.FEAR})
_EVIDENCE_PER_POINT: Final = 3  # a long text need not be quoted whole
_INTERNAL: Final = "internal"  # the company's own quality findings (chemicals 五.1) are no praise and no question


@dataclass(frozen=True, slots=True)
class ClassificationFacts:
    """A text and what is known of it; None is unknown. `channel` is the value of a ticket's channel."""

    text: str
    kind: Kind | None = None
    channel: str | None = None
    product_category: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quotation: `text` is `original[start:end]`, counted in code points; `supports` is "field:value"."""

    text: str
    start: int
    end: int
    supports: str


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure each field is, 0 to 1; `overall` is that of the least sure one."""

    overall: float
    complaint_class: float
    issue_type: float
    severity: float
    kind: float

    def document(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Classification:
    complaint_class: ComplaintClass
    issue_type: IssueType
    also: tuple[IssueType, ...]
    severity: Severity
    urgency: Urgency
    kind: Kind
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    version: str  # of the lexicon
    needs_confirmation: bool


def classify(facts: ClassificationFacts, lexicon: Lexicon) -> Classification:
    """Classify a text of any length and script; texts that say nothing are no complaint, with low confidence.

    `facts.kind`, where given, is kept: what the caller calls a complaint is one of other cause if nothing says why,
    what the caller calls a repair a matter of quality. Time grows with the length of the text only.
    """
    reading = read(facts.text, lexicon, category=facts.product_category or "")
    weighed = weigh(reading, lexicon.thresholds, kind=facts.kind, internal=facts.channel == _INTERNAL)
    kind, kind_confidence = (facts.kind, 1.0) if facts.kind else propose_kind(reading, weighed)
    urgency, pressing = _urgency(reading, weighed)
    confidence = _confidence(reading, weighed, kind_confidence)
    points = [*_points(reading, weighed, kind), *((mark, f"urgency:{urgency}") for mark in pressing)]
    return Classification(
        weighed.complaint_class,
        weighed.issue_type,
        weighed.also,
        weighed.severity,
        urgency,
        kind,
        confidence,
        tuple(_evidence(facts.text, points)),
        lexicon.version,
        needs_confirmation=confidence.overall < lexicon.thresholds.confirm,
    )


Place = Found[Sign] | Grievance


def _urgency(reading: Reading, weighed: Weighed) -> tuple[Urgency, list[Found[Sign]]]:
    """Emergency (紧急): harm or hazard, or trouble going on and a call for haste."""
    if weighed.severity is Severity.CRITICAL:
        return Urgency.EMERGENCY, []
    if reading.marks[Role.ONGOING] and reading.marks[Role.URGENT]:
        return Urgency.EMERGENCY, [*reading.marks[Role.ONGOING], *reading.marks[Role.URGENT]]
    return Urgency.GENERAL, []


def _confidence(reading: Reading, weighed: Weighed, kind: float) -> Confidence:
    """Far from the threshold and from the next best answer is sure; a severity that rests on a mere fear is not."""
    if weighed.complaint_class is ComplaintClass.NOT_COMPLAINT:
        signs = sum(reading.weight_of(role) for role in (*_CONTENT, Role.KIND))
        doubtful = weighed.total / weighed.threshold if weighed.total < weighed.threshold else 0.8
        sure = (0.45 + min(signs, 2) * 0.2) * (1 - 0.4 * doubtful)
        return Confidence(min(sure, kind), sure, sure, sure, kind)
    is_complaint = max(0.1, min(1.0, 0.45 + 0.25 * (weighed.total - weighed.threshold)))
    complaint_class = is_complaint * (0.6 + 0.4 * weighed.class_margin)
    issue = is_complaint * (0.5 + 0.5 * weighed.issue_margin)
    feared = any(grievance.role is Role.HAZARD and not grievance.stated for grievance in weighed.grievances)
    severity = 0.5 if feared and weighed.severity is not Severity.CRITICAL else 0.8
    return Confidence(min(complaint_class, issue, severity, kind), complaint_class, issue, severity, kind)


def _points(reading: Reading, weighed: Weighed, kind: Kind) -> Iterator[tuple[Place, str]]:
    yield from ((found, f"kind:{kind}") for found in reading.marks[Role.KIND] if found.payload.kind is kind)
    if weighed.complaint_class is not ComplaintClass.NOT_COMPLAINT:
        yield from _grievance_points(reading, weighed)
        return
    content = (found for role in (Role.SETTLED, *_CONTENT) for found in reading.marks[role])
    yield from ((found, f"complaint_class:{ComplaintClass.NOT_COMPLAINT}") for found in content)


def _grievance_points(reading: Reading, weighed: Weighed) -> Iterator[tuple[Place, str]]:
    named = {weighed.issue_type, *weighed.also}
    for grievance in sorted(weighed.grievances, key=lambda grievance: -grievance.weight):
        if grievance.issue in named:
            yield grievance, f"issue_type:{grievance.issue}"
        heat = weighed.severity is Severity.CRITICAL and grievance.role in _HAZARD_IF_FEARED
        if heat or (grievance.severity is weighed.severity and grievance.severity is not Severity.MINOR):
            yield grievance, f"severity:{weighed.severity}"
    if weighed.severity is Severity.SERIOUS:
        for found in (*reading.marks[Role.ESCALATION], *reading.marks[Role.REQUEST]):
            yield found, f"severity:{weighed.severity}"


def _evidence(text: str, points: Iterable[tuple[Place, str]]) -> Iterator[Evidence]:
    taken: dict[str, set[tuple[int, int]]] = {}
    for place, supports in points:
        spans = taken.setdefault(supports, set())
        if len(spans) < _EVIDENCE_PER_POINT and (place.start, place.end) not in spans:
            spans.add((place.start, place.end))
            yield Evidence(text[place.start : place.end], place.start, place.end, supports)
