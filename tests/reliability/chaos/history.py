"""What clients did and were told, written down as it happens: it is all that the checker believes.

One JSON document a line: what was sent, what was answered, which fault came. "No answer" may mean that it was done.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self, TextIO


class Kind(StrEnum):
    """What a client asks for."""

    CREATE = "create"
    MOVE = "move"
    COMMENT = "comment"
    READ = "read"
    REVEAL = "reveal"


class Outcome(StrEnum):
    """What is known of an operation in the end."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"  # told that it was not done
    UNKNOWN = "unknown"


CHANGING = {Kind.CREATE, Kind.MOVE, Kind.COMMENT}
ANSWERS = {
    Kind.CREATE: {201, 200},
    Kind.MOVE: {200, 412, 409},  # out of date, or not possible in this state
    Kind.COMMENT: {201},
    Kind.READ: {200},
    Kind.REVEAL: {200},
}  # what an operation may end with
_REFUSALS = {409, 412}


@dataclass
class Attempt:
    """One request. Times are seconds since the run began."""

    request_id: str
    sent_at: float
    answered_at: float | None = None
    status: int | None = None  # None: no answer
    code: str | None = None  # of a problem
    ticket: str | None = None
    version: int | None = None

    @property
    def definite(self) -> bool:
        """Tell whether a careful caller takes this for an answer, rather than asks again."""
        return self.status is not None and self.status < 500 and self.code != "idempotency_in_progress"


@dataclass
class Operation:
    """One thing that a client wants once, however often it has to ask.

    mark: a text of its own, by which a ticket is found. expected: the version a move names by `If-Match`; the one
    that a reader knows of already. overdue: a ticket whose every threshold is due as it is taken.
    """

    number: int
    kind: Kind
    mark: str = ""
    ticket: str | None = None
    expected: int | None = None
    overdue: bool = False
    repeatable: bool = True
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def told(self) -> Attempt | None:
        """The attempt that was answered with success, if one was."""
        return next((attempt for attempt in self.attempts if attempt.status in (200, 201)), None)

    @property
    def outcome(self) -> Outcome:
        if self.told is not None:
            return Outcome.ACKNOWLEDGED
        last = self.attempts[-1] if self.attempts else None
        return Outcome.REFUSED if last is not None and last.definite else Outcome.UNKNOWN

    @property
    def at_once(self) -> bool:
        return bool(self.attempts) and self.attempts[0].definite


@dataclass(frozen=True)
class Fault:
    name: str
    began_at: float
    ended_at: float


@dataclass
class History:
    """What happened, in the order in which it began."""

    operations: list[Operation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def read(cls, lines: Iterable[str]) -> Self:
        history, known = cls(), dict[int, Operation]()
        for document in map(json.loads, lines):
            what, values = document.popitem()
            if what == "operation":
                known[values["number"]] = Operation(**values | {"kind": Kind(values["kind"])})
                history.operations.append(known[values["number"]])
            elif what == "sent":
                known[values.pop("operation")].attempts.append(Attempt(**values))
            elif what == "answered":
                attempt = known[values.pop("operation")].attempts[-1]
                for name, value in values.items():
                    setattr(attempt, name, value)
            else:
                history.faults.append(Fault(**values))
        return history


class Recorder:
    """Writes a history. What is sent is on file before it leaves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO = path.open("w", encoding="utf-8", buffering=1)
        self._began = time.monotonic()
        self._operations = 0

    def now(self) -> float:
        return round(time.monotonic() - self._began, 4)

    def begin(self, kind: Kind, **facts: object) -> Operation:
        self._operations += 1
        operation = Operation(self._operations, kind, **facts)  # type: ignore[arg-type]
        values = asdict(operation)
        del values["attempts"]
        self._write("operation", values)
        return operation

    def send(self, operation: Operation) -> Attempt:
        attempt = Attempt(f"chaos-{operation.number}-{len(operation.attempts) + 1}", self.now())
        operation.attempts.append(attempt)
        sent = {"operation": operation.number, "request_id": attempt.request_id, "sent_at": attempt.sent_at}
        self._write("sent", sent)
        return attempt

    def answer(self, operation: Operation, attempt: Attempt) -> None:
        attempt.answered_at = self.now()
        answered = asdict(attempt)
        del answered["request_id"], answered["sent_at"]
        self._write("answered", {"operation": operation.number, **answered})

    def fault(self, name: str, began_at: float) -> None:
        self._write("fault", asdict(Fault(name, began_at, self.now())))

    def close(self) -> None:
        self._file.close()

    def _write(self, what: str, values: dict[str, object]) -> None:
        self._file.write(json.dumps({what: values}, ensure_ascii=False) + "\n")
