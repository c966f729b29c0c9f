"""Labelled texts as the model is shown them."""

from collections.abc import Collection
from dataclasses import dataclass

from app.services.classifier.corpus import Entry, LabelledText
from app.services.rules.classification import Severity
from app.services.rules.classification_features import grams, signs
from app.services.rules.classification_grievances import attribute, severity_of
from app.services.rules.classification_reading import read
from app.services.rules.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text with its features; `hazard`: the lexicon finds harm or danger stated."""

    labels: LabelledText
    topic: str
    grams: Collection[str]
    signs: Collection[str]
    hazard: bool


def example_of(entry: Entry, lexicon: Lexicon) -> Example:
    folded = entry.labels.text.translate(lexicon.folding)
    reading = read(folded, lexicon)
    grievances = attribute(reading)
    severity = severity_of(reading, grievances)
    found = signs(reading, grievances, severity, length=len(folded))
    return Example(entry.labels, entry.topic, grams(folded), found, severity is Severity.CRITICAL)
