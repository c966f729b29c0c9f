"""What the model is shown of a text: its character grams, and signs, the things the lexicon finds in it.

Training and reading share this module; a change here, or of the lexicon, makes every trained model worthless.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from operator import add

from app.services.rules.classification_grievances import weigh_issues
from app.services.rules.classification_reading import Grievance, Reading
from app.services.rules.classification_words import ComplaintClass, IssueType, Severity
from app.services.rules.lexicon import Role

_FIGURES = re.compile(r"\[[^\[\]]{1,12}\]|[0-9*]+")  # with what masking leaves of them: ***, [数字]
_SCORES = (0.5, 1, 1.5, 2.5, 4)
_TOTALS = (0.3, 0.6, 1, 2, 4)
_LENGTHS = (10, 20, 40, 80, 160)  # characters
_SCORE_NAMES = {issue: [f"{issue}>={bound}" for bound in _SCORES] for issue in IssueType}
_ROLE_NAMES = {role: f"role:{role}" for role in Role}
_TOTAL_NAMES = [f"total>={bound}" for bound in _TOTALS]
_LENGTH_NAMES = [f"length>{bound}" for bound in _LENGTHS]


def grams(folded: str) -> list[str]:
    """Return the runs of one to three characters of a folded text, as often as they stand there.

    Every figure counts as 0, every white space as one, and one stands before and behind the text.
    """
    text = f" {' '.join(_FIGURES.sub('0', folded).split())} "
    pairs = list(map(add, text, text[1:]))
    return [*text, *pairs, *map(add, pairs, text[2:])]


def signs(reading: Reading, grievances: Sequence[Grievance], severity: Severity, *, length: int) -> set[str]:
    """Return what the lexicon finds, by name; `severity` is the lexicon's, `length` that of the text in characters."""
    found = {f"severity:{severity}", *_LENGTH_NAMES[: bisect_left(_LENGTHS, length)]}
    for role, marks in reading.marks.items():
        if marks:
            found.add(_ROLE_NAMES[role])
            found.update([mark.payload.name for mark in marks])
    for grievance in grievances:
        found.update(_said(grievance.role, grievance.issue, grievance.cause, grievance.severity, grievance.stated))
    found.update([f"goods:{name}" for name in reading.goods])
    if grievances:
        found.update(_weights(grievances))
    return found


@cache  # as many as the words allow: they are some hundreds
def _said(role: Role, issue: IssueType, cause: ComplaintClass, harm: Severity, stated: bool) -> tuple[str, ...]:
    said = "states" if stated else "fears"
    return f"{said}:{issue}", f"{said}:{role}", f"cause:{cause}", f"grievance:{harm}"


def _weights(grievances: Sequence[Grievance]) -> list[str]:
    scores = weigh_issues(grievances)
    names = [f"first:{min(grievances, key=lambda grievance: grievance.start).issue}"]
    for issue, score in scores.items():
        names += _SCORE_NAMES[issue][: bisect_right(_SCORES, score)]
    return names + _TOTAL_NAMES[: bisect_right(_TOTALS, sum(scores.values()))]
