"""From a model's probabilities to a classification: what goes together, and what facts and lexicon rule out.

A complaint's class and issue type are chosen as a pair, since the class follows the primary type's cause. A hazard
that the lexicon finds stated is critical: a hazard is rather named once too often.
"""

from collections.abc import Mapping
from math import exp
from typing import NamedTuple

from app.services.rules.classification_kind import kind_of_class
from app.services.rules.classification_model import ISSUES, Model, Reader, Shares
from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity

_LEAST = 1e-6
_HAS_A_FAULT = (Kind.COMPLAINT, Kind.REPAIR)  # a ticket so taken is about something wrong, even if no word says what


class Given(NamedTuple):
    """What is known beside the text."""

    kind: Kind | None
    internal: bool  # the company found it itself: no praise and no question
    hazard: bool  # the lexicon finds harm or danger stated


class Decided(NamedTuple):
    """The likeliest answer; `sure` says by field how likely the model holds it, not yet calibrated."""

    complaint_class: ComplaintClass
    issue_type: IssueType
    also: tuple[IssueType, ...]
    severity: Severity
    kind: Kind
    sure: Mapping[str, float]


def decide(found: Shares, reader: Reader, given: Given) -> Decided:
    """Choose the labels. What is no complaint has issue type and severity none; every complaint has both."""
    model = reader.model
    harmless = _no_complaint(found, model, given)
    if harmless >= 0.5:
        kind, kind_share = _kind(found, ComplaintClass.NOT_COMPLAINT, given.kind)
        sure = dict.fromkeys(("complaint_class", "issue_type", "severity"), harmless) | {"kind": kind_share}
        return Decided(ComplaintClass.NOT_COMPLAINT, IssueType.NONE, (), Severity.NONE, kind, sure)
    complaint_class, issue, class_share, issue_share = _pair(found, reader)
    severity, severity_share = _severity(found, model, hazard=given.hazard)
    kind, kind_share = _kind(found, complaint_class, given.kind)
    also = _also(found, issue, model.thresholds.also)
    complains = 1 - found.classes[ComplaintClass.NOT_COMPLAINT]  # low where a complaint is only taken to be one
    sure = {
        "complaint_class": complains * class_share,
        "issue_type": complains * issue_share,
        "severity": complains * severity_share,
        "kind": kind_share,
    }
    return Decided(complaint_class, issue, also, severity, kind, sure)


def _no_complaint(found: Shares, model: Model, given: Given) -> float:
    """How likely the text is no complaint; 0 where it must be one."""
    if given.kind in _HAS_A_FAULT or (given.internal and given.kind is None):
        return 0.0
    share = found.classes[ComplaintClass.NOT_COMPLAINT]
    if given.kind is not None:
        odds = share / max(1 - share, _LEAST) * exp(model.routine[given.kind])
        share = odds / (1 + odds)
    return 0.0 if given.hazard and share < model.thresholds.harmless else share


def _pair(found: Shares, reader: Reader) -> tuple[ComplaintClass, IssueType, float, float]:
    """Return class and issue type of a complaint, and how likely each of the two is over all pairs."""
    pairs: dict[ComplaintClass, list[float]] = {}
    best, most = ComplaintClass.OTHER, -1.0
    for label, affinity in reader.affinity.items():
        share = found.classes[label]
        pairs[label] = row = [share * mention * going for mention, going in zip(found.issues, affinity, strict=True)]
        if (highest := max(row)) > most:
            best, most = label, highest
    at = pairs[best].index(most)
    total = sum(map(sum, pairs.values())) or _LEAST
    return best, ISSUES[at], sum(pairs[best]) / total, sum([row[at] for row in pairs.values()]) / total


def _also(found: Shares, primary: IssueType, least: float) -> tuple[IssueType, ...]:
    likely = [(share, issue) for share, issue in zip(found.issues, ISSUES, strict=True) if share >= least]
    return tuple(issue for _, issue in sorted(likely, reverse=True) if issue is not primary)


def _severity(found: Shares, model: Model, *, hazard: bool) -> tuple[Severity, float]:
    critical = found.severities[Severity.CRITICAL]
    if hazard or critical >= model.thresholds.critical:
        return Severity.CRITICAL, critical
    severity = max((Severity.MINOR, Severity.SERIOUS), key=found.severities.__getitem__)
    return severity, found.severities[severity]


def _kind(found: Shares, complaint_class: ComplaintClass, given: Kind | None) -> tuple[Kind, float]:
    """Return the kind given, else the likeliest of those that go with the class."""
    if given is not None:
        return given, 1.0
    fitting = _FITTING[complaint_class]
    kind = max(fitting, key=found.kinds.__getitem__)
    return kind, found.kinds[kind] / max(sum([found.kinds[fit] for fit in fitting]), _LEAST)


_FITTING: Mapping[ComplaintClass, list[Kind]] = {
    label: [kind for kind in Kind if kind_of_class(kind, label) is kind] for label in ComplaintClass
}
