"""Measuring answers against labels, and one model against another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from app.services.classifier.corpus import Entry
from app.services.rules.classification import (
    ClassificationFacts,
    Classifier,
    ComplaintClass,
    IssueType,
    Severity,
    classify,
)
from app.services.rules.classification_model import FieldFigures, Figures, Model
from app.services.rules.lexicon import Lexicon

FIELDS: Final = ("complaint_class", "issue_type", "severity")


class Labels(Protocol):
    """What a text is about, as somebody or something says."""

    @property
    def complaint_class(self) -> ComplaintClass: ...

    @property
    def issue_type(self) -> IssueType: ...

    @property
    def severity(self) -> Severity: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an old and a new model make of the same texts; `name` says which texts."""

    name: str
    old: Figures
    new: Figures

    @property
    def worse(self) -> bool:
        """Whether the new one gives fewer right answers over all fields, or overlooks more that is critical."""
        return self.new.right < self.old.right or self.new.critical_recall < self.old.critical_recall


def measure(expected: Sequence[Labels], found: Sequence[Labels]) -> Figures:
    """Measure what was found of texts, in their order."""
    by_field = {
        field: _field_figures([getattr(one, field) for one in expected], [getattr(one, field) for one in found])
        for field in FIELDS
    }
    critical = [one.severity is Severity.CRITICAL for one in expected]
    alarmed = [one.severity is Severity.CRITICAL for one in found]
    hits = sum(is_one and seen for is_one, seen in zip(critical, alarmed, strict=True))
    return Figures(
        texts=len(expected),
        right=sum(
            getattr(one, field) is getattr(other, field)
            for one, other in zip(expected, found, strict=True)
            for field in FIELDS
        ),
        fields=by_field,
        critical=sum(critical),
        critical_recall=_share(hits, sum(critical)),
        critical_precision=_share(hits, sum(alarmed)),
    )


def measure_model(entries: Sequence[Entry], classifier: Classifier) -> Figures:
    """Measure what a classifier makes of texts of which it is told nothing else."""
    found = [classify(ClassificationFacts(entry.labels.text), classifier) for entry in entries]
    return measure([entry.labels for entry in entries], found)


def compare(name: str, entries: Sequence[Entry], lexicon: Lexicon, old: Model, new: Model) -> Comparison:
    """Measure two models on the same texts with the same lexicon."""
    of_old, of_new = (measure_model(entries, Classifier(lexicon, model)) for model in (old, new))
    return Comparison(name, of_old, of_new)


def _field_figures(expected: Sequence[str], found: Sequence[str]) -> FieldFigures:
    """Macro-F1 is the mean over the labels that occur on either side."""
    right = sum(one == other for one, other in zip(expected, found, strict=True))
    labels = {*expected, *found}
    scores = [_f1(label, expected, found) for label in sorted(labels)]
    return FieldFigures(accuracy=_share(right, len(expected)), macro_f1=_rounded(sum(scores) / max(len(scores), 1)))


def _f1(label: str, expected: Sequence[str], found: Sequence[str]) -> float:
    hits = sum(one == other == label for one, other in zip(expected, found, strict=True))
    return 2 * hits / (expected.count(label) + found.count(label))


def _share(part: int, whole: int) -> float:
    """Return a share; of nothing, nothing was missed."""
    return _rounded(part / whole) if whole else 1.0


def _rounded(share: float) -> float:
    return round(share, 4)
