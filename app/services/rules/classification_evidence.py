"""Evidence: the words of the original that a classification rests on, each with what it supports."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from app.services.rules.classification_decision import Decided
from app.services.rules.classification_reading import Grievance, Reading
from app.services.rules.classification_words import ComplaintClass, Kind, Severity
from app.services.rules.lexicon import Role

_CONTENT = (Role.SETTLED, Role.QUESTION, Role.INQUIRY, Role.THANKS, Role.GOOD)  # what speaks for "no complaint"
_HAZARD_IF_FEARED = frozenset({Role.OVERHEATING, Role.FEAR})
_PER_POINT = 3  # a long text need not be quoted whole

Span = tuple[int, int]
Point = tuple[Span, str]
Telling = Callable[[str], Iterable[str]]  # the grams of the text that speak loudly for a column of the model


class Evidence(NamedTuple):
    """A quotation: `text` is `original[start:end]`, counted in code points; `supports` is "field:value"."""

    text: str
    start: int
    end: int
    supports: str


def quote(
    text: str, folded: str, decided: Decided, reading: Reading, grievances: Sequence[Grievance], telling: Telling
) -> Iterator[Evidence]:
    """Quote what the lexicon found, and where it found nothing the grams that spoke loudest; at most three a point."""
    points = list(_found(decided, reading, grievances))
    bare = _questions(decided).difference(supports for _, supports in points)
    points += [(span, point) for point in sorted(bare) for span in _joined(folded, telling(point))]
    taken: dict[str, list[Span]] = {}
    for (start, end), supports in points:
        spans = taken.setdefault(supports, [])
        if len(spans) < _PER_POINT and not any(start < other[1] and other[0] < end for other in spans):
            spans.append((start, end))
            yield Evidence(text[start:end], start, end, supports)


def _questions(decided: Decided) -> set[str]:
    """What a reader would ask to see: why this, why so grave, why this kind and no complaint."""
    points = {f"issue_type:{decided.issue_type}"}
    if decided.complaint_class is ComplaintClass.NOT_COMPLAINT:
        points = {f"complaint_class:{decided.complaint_class}"}
    elif decided.severity is not Severity.MINOR:
        points.add(f"severity:{decided.severity}")
    if decided.kind is not Kind.COMPLAINT:
        points.add(f"kind:{decided.kind}")
    return points


def _found(decided: Decided, reading: Reading, grievances: Sequence[Grievance]) -> Iterator[Point]:
    if decided.complaint_class is not ComplaintClass.NOT_COMPLAINT:
        yield from _grievances(decided, reading, grievances)
        return
    for role in _CONTENT:
        for mark in reading.marks[role]:
            yield (mark.start, mark.end), f"complaint_class:{decided.complaint_class}"


def _grievances(decided: Decided, reading: Reading, grievances: Sequence[Grievance]) -> Iterator[Point]:
    named = {decided.issue_type, *decided.also}
    for grievance in sorted(grievances, key=lambda grievance: -grievance.weight):
        span = grievance.start, grievance.end
        if grievance.issue in named:
            yield span, f"issue_type:{grievance.issue}"
        heat = decided.severity is Severity.CRITICAL and grievance.role in _HAZARD_IF_FEARED
        if heat or (grievance.severity is decided.severity and grievance.severity is not Severity.MINOR):
            yield span, f"severity:{decided.severity}"
    if decided.severity is Severity.SERIOUS:
        for mark in (*reading.marks[Role.ESCALATION], *reading.marks[Role.REQUEST]):
            yield (mark.start, mark.end), f"severity:{decided.severity}"


def _joined(folded: str, grams: Iterable[str]) -> list[Span]:
    """Find grams in a text and join those that touch. Those with a figure or an end in them may not stand there."""
    spans = sorted((start, start + len(gram)) for gram in grams if (start := folded.find(gram)) >= 0)
    joined: list[Span] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
