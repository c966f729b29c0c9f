"""Weigh a reading: complaint or not, its class, issue types and severity.

The order of things follows the labelling rules: what the writer mainly wants put right decides the issue type, its
cause decides the class, and the harshest applicable severity wins.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from app.services.rules.classification_reading import Grievance, Reading
from app.services.rules.classification_words import ComplaintClass, IssueType, Severity
from app.services.rules.lexicon import Role, Thresholds

_FIRST_MENTION = 0.4
_CLOSE = 0.25  # issue types nearer than this in weight are equal: the tie-break decides
_FURTHER_SIGNS = (1.0, 0.5, 0.25)  # each further sign of one issue type adds less; from the fourth on nothing
_CONCRETE = 1.2  # weight from which a grievance states a defect or a loss, not an opinion
_AT_LARGE = 0.6  # "bad" about nothing in particular
_RANK = {Severity.NONE: 0, Severity.MINOR: 1, Severity.SERIOUS: 2, Severity.CRITICAL: 3}
_TIE_BREAK = (IssueType.SAFETY, IssueType.PRODUCT_QUALITY)


@dataclass(frozen=True, slots=True)
class Weighed:
    """The outcome, with the weights and grievances it rests on; `margin`s are 0 (a toss-up) to 1."""

    complaint_class: ComplaintClass
    issue_type: IssueType
    also: tuple[IssueType, ...]
    severity: Severity
    grievances: tuple[Grievance, ...]
    total: float
    threshold: float
    issue_margin: float
    class_margin: float


def weigh(reading: Reading, thresholds: Thresholds, *, reported: bool) -> Weighed:
    """Weigh a reading; `reported` texts come in as complaints, so less makes them one."""
    grievances = _grievances(reading)
    scores = issue_scores(grievances)
    total = sum(scores.values())
    threshold = _threshold(reading, thresholds, reported=reported)
    if total < threshold or _settled(reading, grievances):
        return Weighed(
            ComplaintClass.NOT_COMPLAINT, IssueType.NONE, (), Severity.NONE, tuple(grievances), total, threshold, 0, 0
        )
    primary, issue_margin = _primary(scores, grievances)
    complaint_class, class_margin = _class_of(primary, grievances, scores)
    floor = max(thresholds.also, scores[primary] * thresholds.also_share)
    also = sorted(
        (issue for issue in scores if issue is not primary and scores[issue] >= floor), key=scores.__getitem__
    )
    severity = _severity(reading, grievances)
    return Weighed(
        complaint_class, primary, tuple(reversed(also)), severity, tuple(grievances), total, threshold,
        issue_margin, class_margin,
    )  # fmt: skip


def issue_scores(grievances: Iterable[Grievance]) -> dict[IssueType, float]:
    """Sum the weights by issue type; a sign counts once, and each further sign counts less."""
    strongest: dict[tuple[IssueType, str], float] = defaultdict(float)
    for grievance in grievances:
        key = (grievance.issue, grievance.sign)
        strongest[key] = max(strongest[key], grievance.weight)
    weights: dict[IssueType, list[float]] = defaultdict(list)
    for (issue, _), weight in strongest.items():
        weights[issue].append(weight)
    return {
        issue: sum(share * weight for share, weight in zip(_FURTHER_SIGNS, sorted(found, reverse=True), strict=False))
        for issue, found in weights.items()
    }


def _grievances(reading: Reading) -> list[Grievance]:
    grievances = reading.grievances
    if reading.marks[Role.MISUSE] and not any(grievance.sign == "remedy.refused" for grievance in grievances):
        grievances = [
            replace(grievance, cause=ComplaintClass.NON_QUALITY)
            if grievance.issue is IssueType.PRODUCT_QUALITY
            else grievance
            for grievance in grievances
        ]
    if grievances or not reading.complaints_at_large:
        return grievances
    about_content = reading.goods == {"goods.content"}
    issue, cause = (
        (IssueType.OTHER, ComplaintClass.OTHER)
        if about_content
        else (IssueType.PRODUCT_QUALITY, ComplaintClass.QUALITY)
    )
    return [
        Grievance("at_large", issue, cause, Severity.MINOR, _AT_LARGE, found.start, found.end)
        for found in reading.complaints_at_large
    ]


def _threshold(reading: Reading, thresholds: Thresholds, *, reported: bool) -> float:
    if reported or reading.marks[Role.ESCALATION]:
        return thresholds.complaint / 2
    if any(grievance.severity is Severity.CRITICAL for grievance in reading.grievances):
        return thresholds.complaint
    asking = reading.weight_of(Role.QUESTION) + reading.weight_of(Role.THANKS)
    praising = reading.weight_of(Role.GOOD)
    if asking >= 0.6 or praising >= 2:
        return thresholds.asking
    return thresholds.complaint


def _settled(reading: Reading, grievances: Sequence[Grievance]) -> bool:
    """A past problem put right to the writer's satisfaction: said so, content, and nothing wrong after it."""
    settled = max((mark.end for mark in reading.marks[Role.SETTLED]), default=None)
    if settled is None or reading.marks[Role.ESCALATION]:
        return False
    last = max((grievance.start for grievance in grievances), default=0)
    content = [*reading.marks[Role.GOOD], *reading.marks[Role.THANKS]]
    return last < settled and any(mark.end > settled - 12 for mark in content)


def _primary(scores: dict[IssueType, float], grievances: Sequence[Grievance]) -> tuple[IssueType, float]:
    first: dict[IssueType, int] = {}
    for grievance in grievances:
        if grievance.stated:
            first.setdefault(grievance.issue, grievance.start)
    earliest = min(first, key=first.__getitem__, default=None)
    weighed = {issue: score + (_FIRST_MENTION if issue is earliest else 0) for issue, score in scores.items()}
    best = max(weighed.values())
    close = [issue for issue, score in weighed.items() if score >= best - _CLOSE]
    primary = min(close, key=lambda issue: (*(issue is not tie for tie in _TIE_BREAK), first.get(issue, 1 << 20)))
    others = max((score for issue, score in weighed.items() if issue is not primary), default=0)
    return primary, max(0.0, (weighed[primary] - others) / (weighed[primary] + others))


def _class_of(
    primary: IssueType, grievances: Sequence[Grievance], scores: dict[IssueType, float]
) -> tuple[ComplaintClass, float]:
    """The class follows the primary type's cause; where causes weigh the same, quality goes first."""
    weights = dict.fromkeys((ComplaintClass.QUALITY, ComplaintClass.NON_QUALITY, ComplaintClass.OTHER), 0.0)
    for grievance in grievances:
        weights[grievance.cause] += grievance.weight * (1.0 if grievance.issue is primary else 0.2)
    if primary is IssueType.RETURN_REFUND:
        chosen = ComplaintClass.QUALITY if _defect(grievances) else ComplaintClass.NON_QUALITY
    else:
        own = dict.fromkeys(weights, 0.0)
        for grievance in grievances:
            if grievance.issue is primary:
                own[grievance.cause] = max(own[grievance.cause], grievance.weight)
        chosen = max(own, key=own.__getitem__)
    total = sum(weights.values())
    return chosen, weights[chosen] / total if total else 0.0


def _defect(grievances: Iterable[Grievance]) -> bool:
    return any(
        grievance.stated and grievance.cause is ComplaintClass.QUALITY and grievance.weight >= _CONCRETE
        for grievance in grievances
    )


def _severity(reading: Reading, grievances: Sequence[Grievance]) -> Severity:
    severities = [grievance.severity for grievance in grievances if grievance.stated]
    hot = any(grievance.sign == "overheating" for grievance in grievances)
    if hot and any(grievance.issue is IssueType.SAFETY for grievance in grievances):
        severities.append(Severity.CRITICAL)
    lost = any(
        grievance.weight >= _CONCRETE and grievance.issue is not IssueType.PRICE_BILLING for grievance in grievances
    )
    if reading.marks[Role.REQUEST] and lost:
        severities.append(Severity.SERIOUS)
    if reading.marks[Role.ESCALATION]:
        severities.append(Severity.SERIOUS)
    return max(severities, key=_RANK.__getitem__, default=Severity.MINOR)
