"""Read a text by the lexicon: which grievances it states, and what else it does (asks, thanks, demands, settles)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from app.services.rules.classification_words import ComplaintClass, IssueType, Kind, Severity
from app.services.rules.lexicon import STATES_FAULT, Lexicon, Role, Sign
from app.services.rules.lexicon_matcher import Found
from app.services.rules.lexicon_text import Span, clauses

_REACH = 12  # most characters between a good or bad word and the aspect it is about
_TRANSPORT_REACH = 2  # clauses around a breakage in which transport or arrival is looked for
_EMPHASIS = 1.25
_SUPPOSED = 0.2  # what is left of a fault that is only feared or supposed
_ASKED = 0.8  # and of one in a question


class Grievance(NamedTuple):
    """One thing the writer finds wrong; offsets into the text."""

    role: Role
    issue: IssueType
    cause: ComplaintClass
    severity: Severity
    weight: float
    start: int
    end: int
    sentence: int
    stated: bool = True  # False: feared, supposed or conditional


@dataclass(slots=True)
class Reading:
    grievances: list[Grievance] = field(default_factory=list)
    complaints_at_large: list[Found[Sign]] = field(default_factory=list)  # bad words about nothing in particular
    goods: dict[str, Sign] = field(default_factory=dict)  # by the name of the sign
    marks: dict[Role, list[Found[Sign]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def asks(self) -> bool:
        return bool(self.marks[Role.QUESTION] or self.marks[Role.INQUIRY])

    def names(self, *kinds: Kind, least: float = 0) -> bool:
        """Whether some word of at least this weight wishes for such a kind of ticket."""
        return any(mark.payload.kind in kinds and mark.payload.weight >= least for mark in self.marks[Role.KIND])

    def weight_of(self, role: Role) -> float:
        """Sum over the different words found, so that repeating one adds nothing."""
        return sum({mark.payload.name: mark.payload.weight for mark in self.marks[role]}.values())


class _Clause:
    __slots__ = ("by_role", "faults", "span", "weight")

    def __init__(self, span: Span, found: list[Found[Sign]]) -> None:
        self.span = span
        self.by_role: dict[Role, list[Found[Sign]]] = {}
        for entry in found:
            self.by_role.setdefault(entry.payload.role, []).append(entry)
        self.faults = [entry for entry in found if entry.payload.role in STATES_FAULT]
        self.weight = _EMPHASIS if Role.CONTRAST in self.by_role else 1

    def of(self, role: Role) -> Sequence[Found[Sign]]:
        return self.by_role.get(role, ())


def read(text: str, lexicon: Lexicon, *, category: str = "") -> Reading:
    """Read a text; `category` of the goods settles words that mean different things of different goods."""
    folded = text.translate(lexicon.folding)
    spans = list(clauses(folded))
    read_clauses = [_Clause(span, _unshielded(lexicon.matcher.find(folded, span.start, span.end))) for span in spans]
    goods = [*_goods(category, lexicon), *chain.from_iterable(clause.of(Role.GOODS) for clause in read_clauses)]
    reading = Reading(goods={found.payload.name: found.payload for found in goods})
    for at, clause in enumerate(read_clauses):
        if not clause.by_role:
            continue
        for role, found in clause.by_role.items():
            if role is not Role.GOOD:  # a denied good word is a bad one
                reading.marks[role] += found
        before = read_clauses[at - 1] if at and read_clauses[at - 1].span.sentence == clause.span.sentence else None
        if clause.faults:
            _read_faults(read_clauses, at, reading)
        if Role.BAD in clause.by_role or Role.GOOD in clause.by_role:
            _read_opinions(clause, before, reading)
    return reading


def _goods(category: str, lexicon: Lexicon) -> list[Found[Sign]]:
    if not category:
        return []
    found = lexicon.matcher.find(category.translate(lexicon.folding), 0, len(category))
    return [entry for entry in found if entry.payload.role is Role.GOODS]


def _unshielded(found: list[Found[Sign]]) -> list[Found[Sign]]:
    """Leave out what lies inside a shield; a word that is a shield and something else too is read as the other."""
    shields = [entry for entry in found if entry.payload.role is Role.SHIELD]
    if not shields:
        return found
    return [
        entry
        for entry in found
        if not any(
            shield.start <= entry.start and entry.end <= shield.end and entry[:2] != shield[:2] for shield in shields
        )
    ]


def _read_faults(read_clauses: list[_Clause], at: int, reading: Reading) -> None:
    clause = read_clauses[at]
    for found in clause.faults:
        sign = found.payload
        if sign.issue is None or sign.cause is None or _negated(found, clause):
            continue
        if not reading.goods.keys().isdisjoint(sign.unless_goods):
            continue
        issue, cause = sign.issue, sign.cause
        if sign.role is Role.BREAKAGE and _came_broken(read_clauses, at):
            issue, cause = IssueType.LOGISTICS, ComplaintClass.NON_QUALITY
        weight = sign.weight * clause.weight
        if supposed := _supposed(found, clause):
            weight *= _SUPPOSED
            cause = ComplaintClass.OTHER if sign.role is Role.HAZARD else cause
        elif clause.of(Role.QUESTION) and sign.role is not Role.HAZARD:
            weight *= _ASKED
        severity = Severity.MINOR if supposed else sign.severity
        reading.grievances.append(
            Grievance(
                sign.role, issue, cause, severity, weight, found.start, found.end, clause.span.sentence, not supposed
            )
        )


def _supposed(found: Found[Sign], clause: _Clause) -> bool:
    """Feared, conditional, proposed or asked about; but who asks about a hazard is taken to have it: recall first."""
    if found.payload.role is Role.FEAR:
        return False
    before = clause.of(Role.DOUBT)
    if found.payload.role is not Role.HAZARD:
        if clause.of(Role.TERMS):
            return True
        proposed = (other for other in clause.of(Role.KIND) if other.payload.kind is Kind.SUGGESTION)
        before = [*before, *clause.of(Role.INQUIRY), *proposed]
    return any(other.start < found.start for other in before)


def _came_broken(read_clauses: list[_Clause], at: int) -> bool:
    """Broken on arrival is a matter of transport, unless the customer tells of their own hand in it."""
    nearby = read_clauses[max(0, at - _TRANSPORT_REACH) : at + _TRANSPORT_REACH + 1]
    return any(clause.of(Role.TRANSPORT) for clause in nearby) and not any(clause.of(Role.MISUSE) for clause in nearby)


def _negated(found: Found[Sign], clause: _Clause) -> bool:
    negators = clause.of(Role.NEGATOR)
    return bool(negators) and any(0 <= found.start - other.end <= other.payload.reach for other in negators)


def _read_opinions(clause: _Clause, before: _Clause | None, reading: Reading) -> None:
    """Give each bad word, and each denied good one, to the aspect it is about; the rest are complaints at large."""
    bad = [found for found in clause.of(Role.BAD) if not (_negated(found, clause) or _supposed(found, clause))]
    for found in clause.of(Role.GOOD):
        (bad if _negated(found, clause) else reading.marks[Role.GOOD]).append(found)
    aspects = clause.of(Role.ASPECT) or (before.of(Role.ASPECT)[-1:] if before and not _judged(before) else [])
    for word in bad:
        near = [(_distance(aspect, word), aspect.start, aspect) for aspect in aspects]
        distance, _, aspect = min(near, key=lambda entry: entry[:2], default=(_REACH + 1, 0, word))
        issue, cause = aspect.payload.issue, aspect.payload.cause
        if distance > _REACH or issue is None or cause is None:
            reading.complaints_at_large.append(word)
            continue
        weight = aspect.payload.weight * clause.weight
        start, end = min(aspect.start, word.start), max(aspect.end, word.end)
        reading.grievances.append(
            Grievance(Role.BAD, issue, cause, Severity.MINOR, weight, start, end, clause.span.sentence)
        )


def _judged(clause: _Clause) -> bool:
    return bool(clause.of(Role.GOOD) or clause.of(Role.BAD))


def _distance(aspect: Found[Sign], word: Found[Sign]) -> int:
    """Chinese puts the aspect first, so one that follows counts as farther away."""
    if aspect.end <= word.start:
        return word.start - aspect.end
    return max(aspect.start - word.end, 0) + 2
