"""投诉分类: what a customer's text is about, how grave and how pressing it is, and what kind of ticket it makes.

Classes follow components 6.4.1. A lexicon finds words, negation and figures of speech; a trained model weighs them
together with the text's character grams. Safety is read for recall, by the lexicon or the model, whichever is more
alarmed; `needs_confirmation` says when staff should look.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from app.services.rules.classification_decision import Decided, Given, decide
from app.services.rules.classification_evidence import Evidence, quote
from app.services.rules.classification_features import grams, signs
from app.services.rules.classification_grievances import attribute, severity_of
from app.services.rules.classification_model import Calibrations, Model
from app.services.rules.classification_reading import Reading, read
from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.lexicon import Lexicon, Role, Sign
from app.services.rules.lexicon_matcher import Found

__all__ = [
    "Classification",
    "ClassificationFacts",
    "Classifier",
    "ComplaintClass",
    "Confidence",
    "Evidence",
    "IssueType",
    "Kind",
    "Severity",
    "Urgency",
    "classify",
]

_INTERNAL: Final = "internal"  # the company's own quality findings (chemicals 五.1)


@dataclass(frozen=True, slots=True)
class ClassificationFacts:
    """A text and what is known of it; None is unknown. `channel` is the value of a ticket's channel."""

    text: str
    kind: Kind | None = None
    channel: str | None = None
    product_category: str | None = None


@dataclass(frozen=True, slots=True)
class Classifier:
    """What reads texts: the words, and the model trained on what they find."""

    lexicon: Lexicon
    model: Model


@dataclass(frozen=True, slots=True)
class Confidence:
    """How often such an answer was right on texts the model had not seen; `overall` is that of the least sure field."""

    overall: float
    complaint_class: float
    issue_type: float
    severity: float
    kind: float

    def document(self) -> dict[str, float]:
        return {name: round(getattr(self, name), 3) for name in self.__slots__}


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
    model: str  # its version
    lexicon: str  # its version
    needs_confirmation: bool


def classify(facts: ClassificationFacts, classifier: Classifier) -> Classification:
    """Classify a text of any length and script; texts that say nothing are answered too, with low confidence.

    `facts.kind`, where given, is kept: what the caller calls a complaint or a repair is never read as no complaint.
    Time grows with the length of the text only.
    """
    lexicon, reader = classifier.lexicon, classifier.model.reader
    folded = facts.text.translate(lexicon.folding)
    reading = read(folded, lexicon, category=facts.product_category or "")
    grievances = attribute(reading)
    severity = severity_of(reading, grievances)
    pieces = grams(folded)
    found = reader.read(signs(reading, grievances, severity, length=len(folded)), pieces)
    given = Given(facts.kind, facts.channel == _INTERNAL, severity is Severity.CRITICAL)
    decided = decide(found, reader, given)
    urgency, pressing = _urgency(reading, decided)
    telling = partial(reader.telling, grams=pieces)
    evidence = [*quote(facts.text, folded, decided, reading, grievances, telling)]
    evidence += [_pressing(facts.text, mark, urgency) for mark in pressing]
    confidence = _confidence(decided, classifier.model.calibration, given)
    unfounded = decided.complaint_class is not ComplaintClass.NOT_COMPLAINT and not evidence
    return Classification(
        decided.complaint_class,
        decided.issue_type,
        decided.also,
        decided.severity,
        urgency,
        decided.kind,
        confidence,
        tuple(evidence),
        str(classifier.model.version),
        lexicon.version,
        needs_confirmation=unfounded
        or _says_little(folded, reading)
        or confidence.overall < classifier.model.thresholds.confirm,
    )


def _says_little(folded: str, reading: Reading) -> bool:
    """There is no letter in the text, or no word that the lexicon knows: the model would go by grams alone."""
    return not any(map(str.isalpha, folded)) or not (reading.grievances or reading.goods or any(reading.marks.values()))


def _urgency(reading: Reading, decided: Decided) -> tuple[Urgency, list[Found[Sign]]]:
    """Emergency (紧急): harm or hazard, or trouble going on and a call for haste; with the words of the latter."""
    if decided.severity is Severity.CRITICAL:
        return Urgency.EMERGENCY, []
    if reading.marks[Role.ONGOING] and reading.marks[Role.URGENT]:
        return Urgency.EMERGENCY, [*reading.marks[Role.ONGOING], *reading.marks[Role.URGENT]]
    return Urgency.GENERAL, []


def _pressing(text: str, mark: Found[Sign], urgency: Urgency) -> Evidence:
    return Evidence(text[mark.start : mark.end], mark.start, mark.end, f"urgency:{urgency}")


def _confidence(decided: Decided, calibration: Calibrations, given: Given) -> Confidence:
    fields = {
        "complaint_class": calibration.complaint_class.confidence(decided.sure["complaint_class"]),
        "issue_type": calibration.issue_type.confidence(decided.sure["issue_type"]),
        "severity": calibration.severity.confidence(decided.sure["severity"]),
        "kind": calibration.kind.confidence(decided.sure["kind"]) if given.kind is None else 1.0,
    }
    return Confidence(min(fields.values()), **fields)
