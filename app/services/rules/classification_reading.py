"""Read a text by the lexicon: which grievances it states, and what else it does (asks, thanks, demands, settles)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from app.services.rules.classification_words import ComplaintClass, IssueType, Severity
from app.services.rules.lexicon import STATES_FAULT, Lexicon, Role, Sign
from app.services.rules.lexicon_matcher import Found
from app.services.rules.lexicon_text import clauses

_TRANSPORT_REACH = 2  # clauses around a breakage in which transport or arrival is looked for
_EMPHASIS = 1.25
_SUPPOSED = 0.2  # what is left of a fault that is only feared or supposed
_ASKED = 0.8  # and of one in a question
_UNCERTAIN = frozenset({Role.DOUBT, Role.TERMS, Role.INQUIRY, Role.SUGGESTION})
_OPINIONS = frozenset({Role.GOOD, Role.BAD})


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
    goods: set[str] = field(default_factory=set)  # names of signs
    marks: dict[Role, list[Found[Sign]]] = field(default_factory=lambda: defaultdict(list))


class _Clause(NamedTuple):
    sentence: int
    by_role: dict[Role, list[Found[Sign]]]

    def of(self, role: Role) -> Sequence[Found[Sign]]:
        return self.by_role.get(role, ())


def read(folded: str, lexicon: Lexicon, *, category: str = "") -> Reading:
    """Read a folded text; `category` of the goods settles words that mean different things of different goods."""
    find = lexicon.matcher.find
    read_clauses = [_Clause(sentence, _by_role(find(folded, start, end))) for start, end, sentence in clauses(folded)]
    goods = [clause.by_role[Role.GOODS] for clause in read_clauses if Role.GOODS in clause.by_role]
    reading = Reading(goods=_goods(category, lexicon).union(found.payload.name for found in chain(*goods)))
    for at, clause in enumerate(read_clauses):
        for role, found in clause.by_role.items():
            if role in _OPINIONS:
                _read_opinions(role, found, clause, reading)
                continue
            reading.marks[role] += found
            if role in STATES_FAULT:
                _read_faults(found, read_clauses, at, reading)
    return reading


def _by_role(found: list[Found[Sign]]) -> dict[Role, list[Found[Sign]]]:
    by_role: dict[Role, list[Found[Sign]]] = {}
    for entry in found:
        role = entry.payload.role
        if role in by_role:
            by_role[role].append(entry)
        else:
            by_role[role] = [entry]
    if Role.SHIELD in by_role and len(by_role) > 1:
        return _by_role(_unshielded(found, by_role[Role.SHIELD]))
    return by_role


def _unshielded(found: list[Found[Sign]], shields: list[Found[Sign]]) -> list[Found[Sign]]:
    """Leave out the shields and what lies inside one; what is a shield and something else too is read as the other."""
    return [
        entry
        for entry in found
        if entry.payload.role is not Role.SHIELD
        and not any(
            shield.start <= entry.start and entry.end <= shield.end and entry[:2] != shield[:2] for shield in shields
        )
    ]


def _goods(category: str, lexicon: Lexicon) -> set[str]:
    found = lexicon.matcher.find(category.translate(lexicon.folding), 0, len(category))
    return {entry.payload.name for entry in found if entry.payload.role is Role.GOODS}


def _read_faults(found: Sequence[Found[Sign]], read_clauses: list[_Clause], at: int, reading: Reading) -> None:
    clause = read_clauses[at]
    emphasis = _EMPHASIS if Role.CONTRAST in clause.by_role else 1
    for entry in found:
        sign = entry.payload
        if sign.issue is None or sign.cause is None or _negated(entry, clause):
            continue
        if sign.unless_goods and not reading.goods.isdisjoint(sign.unless_goods):
            continue
        issue, cause, severity = sign.issue, sign.cause, sign.severity
        if sign.role is Role.BREAKAGE and _came_broken(read_clauses, at):
            issue, cause = IssueType.LOGISTICS, ComplaintClass.NON_QUALITY
        weight = sign.weight * emphasis
        if supposed := _supposed(entry, clause):
            weight, severity = weight * _SUPPOSED, Severity.MINOR
            cause = ComplaintClass.OTHER if sign.role is Role.HAZARD else cause
        elif Role.QUESTION in clause.by_role and sign.role is not Role.HAZARD:
            weight *= _ASKED
        reading.grievances.append(
            Grievance(sign.role, issue, cause, severity, weight, entry.start, entry.end, clause.sentence, not supposed)
        )


def _supposed(found: Found[Sign], clause: _Clause) -> bool:
    """Feared, conditional, proposed or asked about; but who asks about a hazard is taken to have it: recall first."""
    if found.payload.role is Role.FEAR or clause.by_role.keys().isdisjoint(_UNCERTAIN):
        return False
    before = clause.of(Role.DOUBT)
    if found.payload.role is not Role.HAZARD:
        if clause.of(Role.TERMS):
            return True
        before = [*before, *clause.of(Role.INQUIRY), *clause.of(Role.SUGGESTION)]
    return any(other.start < found.start for other in before)


def _came_broken(read_clauses: list[_Clause], at: int) -> bool:
    """Broken on arrival is a matter of transport, unless the customer tells of their own hand in it."""
    nearby = read_clauses[max(0, at - _TRANSPORT_REACH) : at + _TRANSPORT_REACH + 1]
    return any(clause.of(Role.TRANSPORT) for clause in nearby) and not any(clause.of(Role.MISUSE) for clause in nearby)


def _negated(found: Found[Sign], clause: _Clause) -> bool:
    if Role.NEGATOR not in clause.by_role:
        return False
    negators = clause.by_role[Role.NEGATOR]
    return any(0 <= found.start - other.end <= other.payload.reach for other in negators)


def _read_opinions(role: Role, found: Sequence[Found[Sign]], clause: _Clause, reading: Reading) -> None:
    """Keep good and bad words; a denied good word is a bad one, a denied or supposed bad one says nothing."""
    for entry in found:
        denied = _negated(entry, clause)
        if role is Role.GOOD:
            reading.marks[Role.BAD if denied else Role.GOOD].append(entry)
        elif not (denied or _supposed(entry, clause)):
            reading.marks[Role.BAD].append(entry)
