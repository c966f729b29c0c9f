"""Training: weights are fitted and rounded into a `Model`. Needs scikit-learn.

The same texts give the same model, byte for byte: nothing is drawn by chance but what a fixed seed draws. How sure a
model may be, it learns from folds by topic: each is read by a model that has seen nothing of its topics.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import Final

from sklearn.isotonic import IsotonicRegression

from app.services.classifier.composition import compose
from app.services.classifier.corpus import Entry, digest
from app.services.classifier.examples import Example, example_of
from app.services.classifier.fitting import STRENGTH, Weights, fit
from app.services.classifier.measuring import measure
from app.services.rules.classification import ComplaintClass, IssueType, Kind
from app.services.rules.classification_decision import Decided, Given, decide
from app.services.rules.classification_model import (
    CLASSES,
    COLUMNS,
    ISSUES,
    KINDS,
    UNIT,
    Calibration,
    Calibrations,
    Figures,
    Model,
    ModelThresholds,
    Training,
)
from app.services.rules.lexicon import Lexicon

FIELDS: Final = ("complaint_class", "issue_type", "severity", "kind")
THRESHOLDS: Final = ModelThresholds(critical=0.15, harmless=0.8, also=0.3, confirm=0.5)
_COMPOSED_PER_TEXT: Final = 0.75
_SEED: Final = 1
_FOLDS: Final = 5
_BINS: Final = 10  # of equal size, from which the confidence is read
_MOST_GRAMS: Final = 6_000  # the weightiest; more make no better model, but a slower one
_SMOOTHED: Final = 0.5  # texts added to each count
_SETTINGS: Final = {
    "composed_per_text": _COMPOSED_PER_TEXT,
    "folds": _FOLDS,
    "most_grams": _MOST_GRAMS,
    "seed": _SEED,
    "strength": STRENGTH,
}
_UNSURE: Final = Calibration(said=(0, 1), right=(0, 1))


def train(entries: Sequence[Entry], lexicon: Lexicon, *, version: int, feedback: int = 0) -> Model:
    """Train on all of the entries, of which the last `feedback` are staff's."""
    blank = Calibrations(**dict.fromkeys(FIELDS, _UNSURE))
    nothing = measure([], [])
    answers: list[tuple[Example, Decided]] = []
    for fold in _folds(entries):
        rest = [entry for entry in entries if entry.topic not in fold]
        model = _model(rest, lexicon, version=version, feedback=0, calibration=blank, figures=nothing)
        answers += _answers([example_of(entry, lexicon) for entry in entries if entry.topic in fold], model)
    calibration = Calibrations(**{field: _calibration(field, answers) for field in FIELDS})
    figures = measure([example.labels for example, _ in answers], [decided for _, decided in answers])
    return _model(entries, lexicon, version=version, feedback=feedback, calibration=calibration, figures=figures)


def _folds(entries: Sequence[Entry]) -> list[set[str]]:
    """Part the topics into folds with about equally many texts."""
    sizes = Counter(entry.topic for entry in entries)
    folds: list[set[str]] = [set() for _ in range(min(_FOLDS, len(sizes)))]
    for topic in sorted(sizes, key=lambda topic: (-sizes[topic], topic)):
        min(folds, key=lambda fold: sum(sizes[known] for known in fold)).add(topic)
    return folds if len(folds) > 1 else []


def _answers(examples: Sequence[Example], model: Model) -> Iterator[tuple[Example, Decided]]:
    for example in examples:
        found = model.reader.read(example.signs, example.grams)
        yield example, decide(found, model.reader, Given(None, internal=False, hazard=example.hazard))


def _calibration(field: str, answers: Sequence[tuple[Example, Decided]]) -> Calibration:
    """Say how often a field was right by how sure it was; the more often, the surer."""
    ordered = sorted(
        (decided.sure[field], getattr(decided, field) == getattr(example.labels, field)) for example, decided in answers
    )
    if not ordered:
        return _UNSURE
    size = -(-len(ordered) // _BINS)
    bins = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    said = [sum(share for share, _ in part) / len(part) for part in bins]
    right = [sum(hit for _, hit in part) / len(part) for part in bins]
    rising = IsotonicRegression().fit(said, right).predict(said).tolist()
    return Calibration(said=_rounded(said), right=_rounded(rising))


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value, 3) for value in values)


def _model(
    entries: Sequence[Entry],
    lexicon: Lexicon,
    *,
    version: int,
    feedback: int,
    calibration: Calibrations,
    figures: Figures,
) -> Model:
    composed = compose(entries, round(_COMPOSED_PER_TEXT * len(entries)), seed=_SEED)
    weights = fit([example_of(entry, lexicon) for entry in entries], [example_of(entry, lexicon) for entry in composed])
    return Model(
        version=version,
        lexicon=lexicon.version,
        trained=Training(
            texts=len(entries),
            composed=len(composed),
            feedback=feedback,
            digest=digest(entries),
            settings=_SETTINGS,
            cross_validated=figures,
        ),
        thresholds=THRESHOLDS,
        calibration=calibration,
        columns=COLUMNS,
        intercepts=_row(weights.intercepts),
        together=_together(entries),
        routine=_routine(entries),
        signs={name: _row(row) for name, row in weights.signs.items()},
        grams={name: _row(row) for name, row in _weightiest(weights).items()},
    )


def _row(weights: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(weight / UNIT) for weight in weights)


def _weightiest(weights: Weights) -> Mapping[str, list[float]]:
    power = {gram: sum(weight * weight for weight in row) for gram, row in weights.grams.items()}
    kept = sorted(power, key=lambda gram: (-power[gram], gram))[:_MOST_GRAMS]
    return {gram: weights.grams[gram] for gram in sorted(kept)}


def _together(entries: Sequence[Entry]) -> dict[ComplaintClass, dict[IssueType, float]]:
    """Say how much oftener than by chance an issue type goes with a class, as a logarithm."""
    pairs = Counter((entry.labels.complaint_class, entry.labels.issue_type) for entry in entries)
    classes = Counter(entry.labels.complaint_class for entry in entries)
    issues = Counter(entry.labels.issue_type for entry in entries)
    return {
        label: {
            issue: round(
                log((pairs[label, issue] + _SMOOTHED) * len(entries))
                - log((classes[label] + _SMOOTHED) * (issues[issue] + _SMOOTHED)),
                2,
            )
            for issue in ISSUES
        }
        for label in CLASSES
        if label is not ComplaintClass.NOT_COMPLAINT
    }


def _routine(entries: Sequence[Entry]) -> dict[Kind, float]:
    """Say how much likelier a ticket of a kind is to be no complaint than any other, as a logarithm of odds."""
    harmless = Counter(entry.labels.kind for entry in entries if not _complains(entry))
    complaints = Counter(entry.labels.kind for entry in entries if _complains(entry))
    overall = log((harmless.total() + _SMOOTHED) / (complaints.total() + _SMOOTHED))
    return {
        kind: round(log((harmless[kind] + _SMOOTHED) / (complaints[kind] + _SMOOTHED)) - overall, 2) for kind in KINDS
    }


def _complains(entry: Entry) -> bool:
    return entry.labels.complaint_class is not ComplaintClass.NOT_COMPLAINT
