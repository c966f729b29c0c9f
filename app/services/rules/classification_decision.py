"""Weigh a reading: complaint or not, its class, issue types and severity.

The order of things follows the labelling rules: what the writer mainly wants put right decides the issue type, its
cause decides the class, and the harshest applicable severity wins.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.services.rules.classification_reading import Grievance, Reading
from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity
from app.services.rules.lexicon import Role, Thresholds

_FIRST_MENTION = 0.4
_CLOSE = 0.25  # issue types nearer than this in weight are equal: the tie-break decides
_MENTIONS = (1.0, 0.4, 0.3, 0.2, 0.1)  # share of the first, second, … mention of an issue type; a sixth adds nothing
_CONCRETE = 1.2  # weight from which a grievance states a defect or a loss, not an opinion
_AT_LARGE = 0.6  # "bad" about nothing in particular
_QUOTED = 3  # of these, as many as can serve as evidence
_RANK = {Severity.NONE: 0, Severity.MINOR: 1, Severity.SERIOUS: 2, Severity.CRITICAL: 3}
_APPOINTMENTS = frozenset({Kind.INSTALLATION, Kind.MAINTENANCE, Kind.TRAINING})
_NOTHING_WRONG = _APPOINTMENTS | {Kind.CONSULTATION, Kind.SUGGESTION, Kind.PRAISE}  # so given: weak words do not count
_PLAIN_WISH = 2  # weight from which words for a repair mean just that
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


def weigh(reading: Reading, thresholds: Thresholds, *, kind: Kind | None, internal: bool) -> Weighed:
    """Weigh a reading of a text; `kind` is what the caller says it is, `internal` that the company found it itself.

    What a caller calls a complaint, or has found itself, is one even if no word of the lexicon says why.
    """
    given = kind is Kind.COMPLAINT or (internal and kind is None)
    grievances = _grievances(reading)
    scores = issue_scores(grievances)
    total = sum(scores.values())
    threshold = _threshold(reading, thresholds, kind, reported=given or calls_itself_complaint(reading))
    if total < threshold or (_settled(reading, grievances) and not given):
        nothing = (ComplaintClass.NOT_COMPLAINT, IssueType.NONE, (), Severity.NONE)
        if presumed := (ComplaintClass.OTHER, IssueType.OTHER) if given else _presumed(reading, kind):
            nothing = (*presumed, (), _severity(reading, ()))
        return Weighed(*nothing, tuple(grievances), total, threshold, issue_margin=0, class_margin=0)
    primary, issue_margin = _primary(scores, grievances)
    complaint_class, class_margin = _class_of(primary, grievances)
    floor = max(thresholds.also, scores[primary] * thresholds.also_share)
    also = sorted(
        (issue for issue in scores if issue is not primary and scores[issue] >= floor), key=scores.__getitem__
    )
    chosen = (complaint_class, primary, tuple(reversed(also)), _severity(reading, grievances))
    return Weighed(*chosen, tuple(grievances), total, threshold, issue_margin=issue_margin, class_margin=class_margin)


def calls_itself_complaint(reading: Reading) -> bool:
    return reading.names(Kind.COMPLAINT) and not reading.asks


def _presumed(reading: Reading, kind: Kind | None) -> tuple[ComplaintClass, IssueType] | None:
    """What a text that names no fault is about: who wants a repair has one, who wants to complain another cause."""
    if reading.marks[Role.SETTLED]:
        return None
    broken = reading.names(Kind.REPAIR, least=_PLAIN_WISH) and not reading.names(*_NOTHING_WRONG)
    if kind is Kind.REPAIR or (kind is None and broken and not reading.asks):
        return ComplaintClass.QUALITY, IssueType.PRODUCT_QUALITY
    if kind is None and calls_itself_complaint(reading):
        return ComplaintClass.OTHER, IssueType.OTHER
    return None


def issue_scores(grievances: Iterable[Grievance]) -> dict[IssueType, float]:
    """Sum the weights by issue type; each further mention counts less, and words within a mention count once."""
    mentions: dict[IssueType, list[Grievance]] = defaultdict(list)
    for grievance in sorted(grievances, key=lambda grievance: -grievance.weight):
        known = mentions[grievance.issue]
        if len(known) < len(_MENTIONS) and not any(_overlap(grievance, other) for other in known):
            known.append(grievance)
    return {
        issue: sum(share * grievance.weight for share, grievance in zip(_MENTIONS, known, strict=False))
        for issue, known in mentions.items()
    }


def _overlap(one: Grievance, other: Grievance) -> bool:
    return one.start < other.end and other.start < one.end


def _grievances(reading: Reading) -> list[Grievance]:
    if not reading.grievances:
        return _at_large(reading)
    badly_installed = {
        grievance.sentence
        for grievance in reading.grievances
        if grievance.issue is IssueType.INSTALLATION and grievance.stated
    }
    grievances = [found for grievance in reading.grievances for found in _by_installer(grievance, badly_installed)]
    if not reading.marks[Role.MISUSE] or any(grievance.role is Role.REFUSAL for grievance in grievances):
        return grievances
    return [
        grievance._replace(cause=ComplaintClass.NON_QUALITY)
        if grievance.issue is IssueType.PRODUCT_QUALITY
        else grievance
        for grievance in grievances
    ]


def _by_installer(grievance: Grievance, badly_installed: set[int]) -> tuple[Grievance, ...]:
    """A hazard told in one sentence with an installer's bad work is that work's: the installation weighs most."""
    if grievance.severity is not Severity.CRITICAL or grievance.sentence not in badly_installed:
        return (grievance,)
    cause = ComplaintClass.NON_QUALITY
    return (
        grievance._replace(issue=IssueType.INSTALLATION, cause=cause),
        grievance._replace(cause=cause, weight=grievance.weight / 2),
    )


def _at_large(reading: Reading) -> list[Grievance]:
    """Bad words about nothing in particular are about the goods: of a book or film that is its content, a taste."""
    meant = {(goods.issue, goods.cause) for goods in reading.goods.values()}
    issue, cause = meant.pop() if len(meant) == 1 else (None, None)
    issue, cause = issue or IssueType.PRODUCT_QUALITY, cause or ComplaintClass.QUALITY
    return [
        Grievance(Role.BAD, issue, cause, Severity.MINOR, _AT_LARGE, found.start, found.end, sentence=0)
        for found in reading.complaints_at_large[:_QUOTED]
    ]


def _threshold(reading: Reading, thresholds: Thresholds, kind: Kind | None, *, reported: bool) -> float:
    if reported or reading.marks[Role.ESCALATION]:
        return thresholds.complaint / 2
    if _routine(reading):
        return thresholds.routine
    if kind in _NOTHING_WRONG or (kind is None and reading.names(*_APPOINTMENTS, least=_PLAIN_WISH)):
        return thresholds.asking
    if any(grievance.severity is Severity.CRITICAL for grievance in reading.grievances):
        return thresholds.complaint
    asking = sum(reading.weight_of(role) for role in (Role.QUESTION, Role.INQUIRY, Role.THANKS))
    praising = reading.weight_of(Role.GOOD)
    if asking >= 0.6 or praising >= 2:
        return thresholds.asking
    return thresholds.complaint


def _routine(reading: Reading) -> bool:
    wanted = reading.marks[Role.CHOICE] and reading.names(Kind.RETURN_EXCHANGE)
    return bool(wanted) and not (reading.marks[Role.DISPUTE] or reading.marks[Role.ESCALATION])


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
            first[grievance.issue] = min(grievance.start, first.get(grievance.issue, grievance.start))
    earliest = min(first, key=first.__getitem__, default=None)
    weighed = {issue: score + (_FIRST_MENTION if issue is earliest else 0) for issue, score in scores.items()}
    best = max(weighed.values())
    close = [issue for issue, score in weighed.items() if score >= best - _CLOSE]
    primary = min(close, key=lambda issue: (*(issue is not tie for tie in _TIE_BREAK), first.get(issue, 1 << 20)))
    others = max((score for issue, score in weighed.items() if issue is not primary), default=0)
    return primary, max(0.0, (weighed[primary] - others) / (weighed[primary] + others))


def _class_of(primary: IssueType, grievances: Sequence[Grievance]) -> tuple[ComplaintClass, float]:
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
    hot = any(grievance.role is Role.OVERHEATING and grievance.stated for grievance in grievances)
    if hot and any(grievance.issue is IssueType.SAFETY for grievance in grievances):
        severities.append(Severity.CRITICAL)
    lost = any(
        grievance.weight >= _CONCRETE and grievance.issue is not IssueType.PRICE_BILLING for grievance in grievances
    )
    if (lost and reading.marks[Role.REQUEST]) or (_defect(grievances) and reading.names(Kind.RETURN_EXCHANGE)):
        severities.append(Severity.SERIOUS)
    fake = any(grievance.role is Role.COUNTERFEIT and grievance.stated for grievance in grievances)
    if reading.marks[Role.ESCALATION] or (fake and reading.marks[Role.PROOF]):
        severities.append(Severity.SERIOUS)
    return max(severities, key=_RANK.__getitem__, default=Severity.MINOR)
