"""The trained model: for each gram and sign one weight per label, added up. Its file is `app/policies/classifier/`.

A field's score for a label is its intercept, plus the weights of the signs, plus those of the known grams divided by
the square root of how many there are, so that a long text does not shout. All weights of a gram are kept as one whole
number with a lane of 32 bits per label: adding two such numbers adds all weights at once.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import exp, sqrt
from struct import Struct, error
from typing import Annotated, Final, NamedTuple

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity
from app.services.rules.clause import Terms

CLASSES: Final = tuple(ComplaintClass)
ISSUES: Final = tuple(issue for issue in IssueType if issue is not IssueType.NONE)
SEVERITIES: Final = tuple(severity for severity in Severity if severity is not Severity.NONE)
KINDS: Final = tuple(Kind)
# Of every row of weights, in this order.
COLUMNS: Final = (
    *(f"complaint_class:{label}" for label in CLASSES),
    *(f"issue_type:{label}" for label in ISSUES),  # is the text about it?
    *(f"primary_type:{label}" for label in ISSUES),  # is it what the text is about most?
    *(f"severity:{label}" for label in SEVERITIES),
    *(f"kind:{label}" for label in KINDS),
)

_TOGETHER = 0.6  # how much what goes together counts beside what the text says
_CLASS_COLUMNS = slice(len(CLASSES))
_ISSUE_COLUMNS = slice(_CLASS_COLUMNS.stop, _CLASS_COLUMNS.stop + len(ISSUES))
_PRIMARY_COLUMNS = slice(_ISSUE_COLUMNS.stop, _ISSUE_COLUMNS.stop + len(ISSUES))
_SEVERITY_COLUMNS = slice(_PRIMARY_COLUMNS.stop, _PRIMARY_COLUMNS.stop + len(SEVERITIES))
_KIND_COLUMNS = slice(_SEVERITY_COLUMNS.stop, len(COLUMNS))

UNIT: Final = 0.01  # a weight of 1
_LIMIT = 1 << 15  # weights lie below it; added to each, it keeps the lanes positive
_LANES = Struct(f"<{len(COLUMNS)}I")  # 32 bits each: room for the weights of 65,535 grams
_FAR = 30.0  # a score so far from 0 is certainty
_TELLING = 250  # weight from which a gram may be quoted as evidence
_SHIFTS = {column: 32 * at for at, column in enumerate(COLUMNS)}

Weight = Annotated[int, Field(gt=-_LIMIT, lt=_LIMIT)]


def _packed(row: Sequence[int]) -> int:
    """Put a row of weights into one number. Raises: ValueError if it has not one for each column, or one too large."""
    try:
        lifted = [weight + _LIMIT for weight in row]
        if min(lifted) > 0 and max(lifted) < 2 * _LIMIT:
            return int.from_bytes(_LANES.pack(*lifted), "little")
    except (TypeError, error):
        pass
    raise ValueError("a row has one weight per column, a whole number below 32,768")


def _unpacked(lanes: int) -> list[int]:
    return [lane - _LIMIT for lane in _LANES.unpack(lanes.to_bytes(_LANES.size, "little"))]


# A tenth of the memory that tuples take; in a file it is a list.
Row = Annotated[int, PlainValidator(_packed), PlainSerializer(_unpacked)]
Share = Annotated[float, Field(ge=0, le=1)]


class ModelThresholds(Terms):
    """Probabilities from which something is done."""

    critical: Share  # a text the lexicon finds no hazard in is critical all the same
    harmless: Share  # a text the lexicon finds a hazard in is no complaint all the same
    also: Share  # a further issue type is named
    confirm: Share  # below it, as confidence of the least sure field, staff are asked


class Calibration(Terms):
    """How often a field was right on texts the model had not seen, by how sure it said it was; in rising order."""

    said: tuple[Share, ...]
    right: tuple[Share, ...]

    def confidence(self, said: float) -> float:
        """Interpolate; below the first point and above the last it is theirs."""
        at = bisect_right(self.said, said)
        if at == 0 or at == len(self.said):
            return self.right[max(at - 1, 0)]
        share = (said - self.said[at - 1]) / (self.said[at] - self.said[at - 1])
        return self.right[at - 1] + share * (self.right[at] - self.right[at - 1])


class Calibrations(Terms):
    complaint_class: Calibration
    issue_type: Calibration
    severity: Calibration
    kind: Calibration


class FieldFigures(Terms):
    accuracy: Share
    macro_f1: Share


class Figures(Terms):
    """How well texts were read: `right` of three answers a text, class, issue type and severity."""

    texts: int
    right: int
    fields: Mapping[str, FieldFigures]
    critical: int
    critical_recall: Share
    critical_precision: Share


class Training(Terms):
    """What a model was made of, how, and how well others so made read topics they had not seen.

    `digest` is that of the texts and labels.
    """

    texts: int
    composed: int
    feedback: int
    digest: str
    settings: Mapping[str, float]
    cross_validated: Figures


class Shares(NamedTuple):
    """Probabilities of one text's labels. All but `issues` exclude one another: a text may be about several."""

    classes: dict[ComplaintClass, float]
    issues: list[float]  # in the order of ISSUES
    primary: list[float]  # of a complaint, in the same order
    severities: dict[Severity, float]  # of a complaint
    kinds: dict[Kind, float]


class Model(Terms):
    """A model as its file states it.

    `together` says how far an issue type goes with a class, as the logarithm of how much oftener than by chance;
    `routine` how much likelier a ticket of a kind is to be no complaint than any, as a logarithm of odds.
    """

    version: int = Field(ge=1)
    lexicon: str  # the version its signs come from
    trained: Training
    thresholds: ModelThresholds
    calibration: Calibrations
    columns: tuple[str, ...]
    intercepts: tuple[Weight, ...]
    together: Mapping[ComplaintClass, Mapping[IssueType, float]]
    routine: Mapping[Kind, float]
    signs: Mapping[str, Row]
    grams: Mapping[str, Row]

    @model_validator(mode="after")
    def _fits(self) -> "Model":
        if self.columns != COLUMNS:
            raise ValueError(f"columns: must be {', '.join(COLUMNS)}")
        if len(self.intercepts) != len(COLUMNS):
            raise ValueError("intercepts: one per column")
        return self

    @cached_property
    def reader(self) -> "Reader":
        """Made once, before the first text."""
        return Reader(self)


class Reader:
    """A model in the form that reads texts."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.affinity = {
            label: [exp(_TOGETHER * going[issue]) for issue in ISSUES] for label, going in model.together.items()
        }
        self._starts = [UNIT * start for start in model.intercepts]
        self._signs, self._grams = model.signs, model.grams
        telling: dict[str, list[str]] = {column: [] for column in COLUMNS}
        for gram, row in model.grams.items():
            weights = _LANES.unpack(row.to_bytes(_LANES.size, "little"))
            if len(gram) > 1 and max(weights) > _LIMIT + _TELLING:
                for column, weight in zip(COLUMNS, weights, strict=True):
                    if weight > _LIMIT + _TELLING:
                        telling[column].append(gram)
        self._telling = {column: frozenset(grams) for column, grams in telling.items()}

    def read(self, signs: Iterable[str], grams: Iterable[str]) -> Shares:
        """Read a text by its signs and grams; those the model does not know say nothing."""
        by_sign = list(filter(None, map(self._signs.get, signs)))
        by_gram = list(filter(None, map(self._grams.get, grams)))
        share = 1 / sqrt(len(by_gram) or 1)
        lifted = _LIMIT * (len(by_sign) + share * len(by_gram))
        scores = [
            start + UNIT * (sign + share * gram - lifted)
            for start, sign, gram in zip(self._starts, _sums(by_sign), _sums(by_gram), strict=True)
        ]
        return Shares(
            dict(zip(CLASSES, _exclusive(scores[_CLASS_COLUMNS]), strict=True)),
            [1 / (1 + exp(min(-score, _FAR))) for score in scores[_ISSUE_COLUMNS]],
            _exclusive(scores[_PRIMARY_COLUMNS]),
            dict(zip(SEVERITIES, _exclusive(scores[_SEVERITY_COLUMNS]), strict=True)),
            dict(zip(KINDS, _exclusive(scores[_KIND_COLUMNS]), strict=True)),
        )

    def telling(self, column: str, grams: Iterable[str]) -> frozenset[str]:
        """Return the grams of two or three characters that speak loudly for a column."""
        return self._telling[column].intersection(grams)


def _sums(lanes: Iterable[int]) -> tuple[int, ...]:
    return _LANES.unpack(sum(lanes).to_bytes(_LANES.size, "little"))


def _exclusive(scores: Sequence[float]) -> list[float]:
    highest = max(scores)
    powers = [exp(score - highest) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]
