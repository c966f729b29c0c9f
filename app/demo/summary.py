"""What became of the day, in figures: by line, in all, and how well the texts were read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from app.demo.playing import Played, Ticket
from app.services.rules.classification import Severity


@dataclass(slots=True)
class LineSummary:
    """One line's day. `next_due` is the earliest running deadline; `late` counts tickets with one that has passed."""

    line: str
    calls: int = 0
    posts: int = 0
    tickets: int = 0
    repeats: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    urgencies: Counter[str] = field(default_factory=Counter)
    departments: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)
    next_due: datetime | None = None
    late: int = 0

    def add(self, one: Played) -> None:
        self.calls += 1
        self.posts += len(one.answers)
        self.tickets += len(one.numbers)
        self.repeats += len(one.taken) - len(one.numbers)
        self.refused.update(answer.code for _, answer in one.refused)
        self.moves.update(one.moves)
        if (ticket := one.ticket) is not None:
            self._add_ticket(ticket)

    def _add_ticket(self, ticket: Ticket) -> None:
        self.kinds[ticket["kind"]] += 1
        self.severities[ticket["severity"] or Severity.NONE] += 1
        self.urgencies[ticket["urgency"]] += 1
        self.departments[ticket["department"]] += 1
        self.statuses[ticket["status"]] += 1
        self.late += any(promised["state"] == "breached" and not promised["met_at"] for promised in _promised(ticket))
        due = [due_of(promised) for promised in _promised(ticket) if promised["state"] == "running"]
        self.next_due = min([*due, self.next_due] if self.next_due else due, default=None)


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one purpose, in milliseconds."""

    purpose: str
    requests: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Misread:
    """A text read otherwise than its writer meant."""

    number: str
    field: str
    meant: str
    read: str
    text: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many texts of a field were read as their writers meant."""

    field: str
    agreed: int
    of: int


def by_line(played: Iterable[Played]) -> list[LineSummary]:
    summaries: dict[str, LineSummary] = {}
    for one in played:
        summaries.setdefault(one.call.line, LineSummary(one.call.line)).add(one)
    return [summaries[line] for line in sorted(summaries)]


def latencies(seconds: dict[str, list[float]]) -> list[Latency]:
    return [
        Latency(purpose, len(taken), _quantile(taken, 0.5), _quantile(taken, 0.95))
        for purpose, taken in sorted(seconds.items())
    ]


def _quantile(seconds: Sequence[float], share: float) -> float:
    """Return the smallest value that the share of all does not exceed, in milliseconds."""
    return round(sorted(seconds)[max(0, ceil(share * len(seconds)) - 1)] * 1000, 1)


def readings(played: Iterable[Played]) -> tuple[list[Agreement], list[Misread]]:
    """Compare what the texts were read as with what their writers meant.

    Kinds count where the post left the kind out, issue and severity for every text but how-to questions.
    """
    compared: Counter[str] = Counter()
    misread: list[Misread] = []
    for one in played:
        if (ticket := one.first) is None:
            continue
        for name, meant, read in _compared(one, ticket):
            compared[name] += 1
            if meant != read:
                misread.append(Misread(ticket["number"], name, meant, read, ticket["description"]))
    wrong = Counter(found.field for found in misread)
    return [Agreement(name, of - wrong[name], of) for name, of in compared.items()], misread


def _compared(one: Played, ticket: Ticket) -> list[tuple[str, str, str]]:
    matter, read = one.call.matter, ticket["classification"]
    compared: list[tuple[str, str, str]] = []
    if read is None:
        return compared
    if one.call.kindless:
        compared.append(("kind", matter.kind, read["kind"]))
    if not matter.how_to:
        compared.append(("issue_type", matter.issue, read["issue_type"]))
        compared.append(("severity", matter.severity, read["severity"]))
    return compared


def _promised(ticket: Ticket) -> list[dict[str, Any]]:
    return list(ticket["commitments"])


def due_of(promised: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(promised["due_at"])
