"""Fitting weights to examples, by scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from app.services.classifier.examples import Example
from app.services.rules.classification import ComplaintClass
from app.services.rules.classification_model import CLASSES, ISSUES, KINDS, SEVERITIES

STRENGTH: Final = 1.0  # inverse of the regularisation
_SIGNS_COUNT: Final = 0.5  # of a sign beside a gram
_ALSO_COUNTS: Final = 0.5  # of a further issue type beside the primary one
_RARE_GRAM, _RARE_SIGN = 3, 2  # fewer texts than these teach nothing
_NEVER: Final = -10.0  # the score of a label that no text has

Column = tuple[float, list[float]]  # intercept, and a weight for every feature


@dataclass(frozen=True, slots=True)
class Weights:
    """Intercepts, and by sign and gram a weight for each column of the model, in its order."""

    intercepts: list[float]
    signs: dict[str, list[float]]
    grams: dict[str, list[float]]


def fit(examples: Sequence[Example], composed: Sequence[Example]) -> Weights:
    """Fit every column. What is composed of other texts says nothing of the kind of ticket."""
    union = FeatureUnion(
        [
            ("signs", CountVectorizer(analyzer=attrgetter("signs"), binary=True, min_df=_RARE_SIGN)),
            (
                "grams",
                make_pipeline(
                    CountVectorizer(analyzer=attrgetter("grams"), min_df=_RARE_GRAM),
                    FunctionTransformer(_shared),
                    TfidfTransformer(norm=None),
                ),
            ),
        ],
        transformer_weights={"signs": _SIGNS_COUNT, "grams": 1.0},
    )
    everything = [*examples, *composed]
    matrix = union.fit_transform(everything)
    complaints = [at for at, one in enumerate(everything) if one.labels.complaint_class in _COMPLAINTS]
    columns = _exclusive(matrix, [one.labels.complaint_class for one in everything], CLASSES)
    columns += [_issue(matrix, everything, issue) for issue in ISSUES]
    columns += _exclusive(matrix[complaints], [everything[at].labels.severity for at in complaints], SEVERITIES)
    columns += _exclusive(matrix[: len(examples)], [one.labels.kind for one in examples], KINDS)
    return _weights(union, columns)


def _shared(counts: Any) -> Any:
    """Divide each text's counts by the square root of their sum, as `Reader.read` does."""
    return counts.multiply(counts.sum(axis=1).A1.clip(1)[:, None] ** -0.5).tocsr()


_COMPLAINTS: Final = frozenset(CLASSES) - {ComplaintClass.NOT_COMPLAINT}


def _exclusive(matrix: Any, labels: Sequence[str], wanted: Sequence[str]) -> list[Column]:
    """Fit labels of which a text has exactly one; a label that none has never wins."""
    nothing = [0.0] * matrix.shape[1]
    if len(set(labels)) == 1:
        return [(0.0 if label == labels[0] else _NEVER, nothing) for label in wanted]
    model = _regression().fit(matrix, labels)
    weights, intercepts = model.coef_.tolist(), model.intercept_.tolist()
    if len(weights) == 1:  # of two labels scikit-learn fits the second against the first
        weights = [[-weight for weight in weights[0]], weights[0]]
        intercepts = [-intercepts[0], intercepts[0]]
    fitted = dict(zip(model.classes_.tolist(), zip(intercepts, weights, strict=True), strict=True))
    return [fitted.get(label, (_NEVER, nothing)) for label in wanted]


def _issue(matrix: Any, examples: Sequence[Example], issue: str) -> Column:
    """Fit whether a text is about an issue type, mainly or also."""
    there = [issue == one.labels.issue_type or issue in one.labels.also for one in examples]
    if not any(there) or all(there):
        return (-_NEVER if any(there) else _NEVER), [0.0] * matrix.shape[1]
    counts = [_ALSO_COUNTS if issue in one.labels.also else 1.0 for one in examples]
    model = _regression().fit(matrix, there, sample_weight=counts)
    return float(model.intercept_[0]), model.coef_[0].tolist()


def _regression() -> Any:
    return LogisticRegression(C=STRENGTH, max_iter=300, tol=1e-3)


def _weights(union: Any, columns: Sequence[Column]) -> Weights:
    """Give each feature its weights, with what the features were multiplied by for the fitting."""
    signs, pipeline = (transformer for _, transformer in union.transformer_list)
    sign_names = signs.get_feature_names_out().tolist()
    gram_names = pipeline[0].get_feature_names_out().tolist()
    factors = [_SIGNS_COUNT] * len(sign_names) + pipeline[2].idf_.tolist()
    rows = [
        [weight * factor for weight in weights]
        for factor, weights in zip(factors, zip(*(weights for _, weights in columns), strict=True), strict=True)
    ]
    return Weights(
        [intercept for intercept, _ in columns],
        dict(zip(sign_names, rows[: len(sign_names)], strict=True)),
        dict(zip(gram_names, rows[len(sign_names) :], strict=True)),
    )
