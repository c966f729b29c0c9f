"""What the grievances of a reading come to by the labelling rules: their weight by issue type, and the severity.

The harshest applicable severity wins, and `critical` is read for recall: a stated hazard is one, whatever else the
text says.
"""

from collections.abc import Iterable, Sequence

from app.services.rules.classification_reading import Grievance, Reading
from app.services.rules.classification_words import ComplaintClass, IssueType, Severity
from app.services.rules.lexicon import Role

_FURTHER = 0.3
_CONCRETE = 1.2  # weight from which a grievance states a defect or a loss, not an opinion
_RANK = {Severity.NONE: 0, Severity.MINOR: 1, Severity.SERIOUS: 2, Severity.CRITICAL: 3}


def weigh_issues(grievances: Iterable[Grievance]) -> dict[IssueType, float]:
    """Weigh each issue type by its weightiest mention, and three tenths of every further one."""
    weights: dict[IssueType, float] = {}
    for grievance in sorted(grievances, key=lambda grievance: -grievance.weight):
        known = weights.get(grievance.issue)
        weights[grievance.issue] = grievance.weight if known is None else known + _FURTHER * grievance.weight
    return weights


def attribute(reading: Reading) -> list[Grievance]:
    """Return a reading's grievances, each given to whom it is due: an installer, or the customer's own hand."""
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


def severity_of(reading: Reading, grievances: Sequence[Grievance]) -> Severity:
    """Return the harshest severity that the lexicon finds stated; `minor` where it finds nothing worse."""
    marks, stated = reading.marks, {grievance.role for grievance in grievances if grievance.stated}
    severities = {grievance.severity for grievance in grievances if grievance.stated}
    if Role.OVERHEATING in stated and any(grievance.issue is IssueType.SAFETY for grievance in grievances):
        severities.add(Severity.CRITICAL)
    if (marks[Role.REQUEST] and _loss(grievances)) or (marks[Role.RETURN] and _defect(grievances)):
        severities.add(Severity.SERIOUS)
    if marks[Role.ESCALATION] or (marks[Role.PROOF] and Role.COUNTERFEIT in stated):
        severities.add(Severity.SERIOUS)
    return max(severities, key=_RANK.__getitem__, default=Severity.MINOR)


def _loss(grievances: Iterable[Grievance]) -> bool:
    return any(
        grievance.weight >= _CONCRETE and grievance.issue is not IssueType.PRICE_BILLING for grievance in grievances
    )


def _defect(grievances: Iterable[Grievance]) -> bool:
    return any(
        grievance.stated and grievance.cause is ComplaintClass.QUALITY and grievance.weight >= _CONCRETE
        for grievance in grievances
    )
