"""Holds what is stored against what clients were told. It shares no code with the service, and asks nobody.

Each check yields a sentence for each promise that it finds broken.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.reliability.chaos.history import ANSWERS, CHANGING, Attempt, History, Kind, Operation, Outcome
from tests.reliability.chaos.stored import Stored, StoredEvent

MARK = "chaos "
THRESHOLDS = [50, 80, 100, 100, 150, 200]
COMMITMENTS = 2  # of a plain ticket
_ATTEMPT_STATUSES = {200, 201, 409, 412, 503}
_BY_TIMERS = {"sla.warning", "sla.breached", "sla.escalated"}
_CHANGES_NOTHING = {"progress"}  # word to the customer of how things go
_MOST_SHOWN = 5

Check = Callable[[History, Stored], Iterator[str]]


def violations(history: History, stored: Stored) -> dict[str, list[str]]:
    """Return the broken promises by check, with the first sentences of each and how many more there are."""
    found = {check.__name__: list(check(history, stored)) for check in CHECKS}
    return {
        name: sentences[:_MOST_SHOWN] + [f"and {len(sentences) - _MOST_SHOWN} more"] * (len(sentences) > _MOST_SHOWN)
        for name, sentences in found.items()
        if sentences
    }


def every_answer_is_of_the_kind_that_was_promised(history: History, _: Stored) -> Iterator[str]:
    for operation in history.operations:
        for attempt in operation.attempts:
            if attempt.status is not None and attempt.status not in _ATTEMPT_STATUSES:
                yield f"{_named(operation)} was answered {attempt.status} {attempt.code}"
        last = operation.attempts[-1] if operation.attempts else None
        if operation.outcome is Outcome.REFUSED and last is not None and last.status not in ANSWERS[operation.kind]:
            yield f"{_named(operation)} was refused with {last.status} {last.code}"


def whoever_asks_again_is_told_in_the_end(history: History, _: Stored) -> Iterator[str]:
    for operation in history.operations:
        if operation.repeatable and operation.outcome is Outcome.UNKNOWN:
            yield f"{_named(operation)} was never answered"


def acknowledged_tickets_are_stored(history: History, stored: Stored) -> Iterator[str]:
    kept = {ticket.mark: ticket.id for ticket in stored.tickets}
    for operation in _creates(history):
        told = {attempt.ticket for attempt in operation.attempts if attempt.status in (200, 201)}
        if told and operation.mark not in kept:
            yield f"{_named(operation)} was acknowledged and is not there"
        elif told - {kept.get(operation.mark)}:
            yield f"{_named(operation)} is {kept[operation.mark]}, and the caller was told {sorted(map(str, told))}"


def stored_tickets_were_acknowledged_or_are_unknown(history: History, stored: Stored) -> Iterator[str]:
    possible = {operation.mark for operation in _creates(history) if operation.outcome is not Outcome.REFUSED}
    for ticket in stored.tickets:
        if ticket.mark.startswith(MARK) and ticket.mark not in possible:
            yield f"nobody asked for the ticket {ticket.mark!r}, or it was refused"


def a_call_makes_one_ticket(_: History, stored: Stored) -> Iterator[str]:
    for mark, number in Counter(ticket.mark for ticket in stored.tickets).items():
        if number > 1:
            yield f"{mark!r} is stored {number} times"


def a_change_has_one_event_and_one_audit_row(history: History, stored: Stored) -> Iterator[str]:
    events = Counter(_operation_of(event.request_id) for event in stored.events)
    audit = Counter(_operation_of(row.request_id) for row in stored.audit)
    for operation in history.operations:
        if operation.kind not in CHANGING:
            continue
        found = {"events": events[operation.number], "audit rows": audit[operation.number]}
        if operation.outcome is Outcome.ACKNOWLEDGED and set(found.values()) != {1}:
            yield f"{_named(operation)} was acknowledged and has {found}"
        if operation.outcome is Outcome.REFUSED and set(found.values()) != {0}:
            yield f"{_named(operation)} was refused and has {found}"
        if operation.outcome is Outcome.UNKNOWN and tuple(found.values()) not in ((0, 0), (1, 1)):
            yield f"{_named(operation)} is unknown and has {found}"


def what_only_looks_changes_nothing(history: History, stored: Stored) -> Iterator[str]:
    changing = {operation.number for operation in history.operations if operation.kind in CHANGING}
    for request_id in [event.request_id for event in stored.events] + [row.request_id for row in stored.audit]:
        number = _operation_of(request_id)
        if number is not None and number not in changing:
            yield f"the request {request_id} changed something"


def events_of_a_ticket_are_numbered_without_a_gap(_: History, stored: Stored) -> Iterator[str]:
    for ticket, events in _by_ticket(stored).items():
        sequences = sorted(event.sequence for event in events)
        if sequences != list(range(1, len(sequences) + 1)):
            yield f"the events of {ticket} are numbered {sequences}"
        elif min(events, key=lambda event: event.sequence).type != "ticket.recorded":
            yield f"the first event of {ticket} is not its recording"


def versions_are_counted_by_changes(_: History, stored: Stored) -> Iterator[str]:
    """A ticket begins with version 1; each audit row of a change after its recording is one more."""
    changes = Counter(row.ticket for row in stored.audit if row.kind not in _CHANGES_NOTHING)
    for ticket in stored.tickets:
        if ticket.version != changes[ticket.id]:
            yield f"{ticket.mark!r} has version {ticket.version} and {changes[ticket.id]} changes"


def a_move_makes_the_version_after_the_one_it_named(history: History, _: Stored) -> Iterator[str]:
    made: Counter[tuple[str | None, int | None]] = Counter()
    for operation in history.operations:
        if operation.kind is Kind.MOVE and operation.told is not None and operation.expected is not None:
            made[operation.ticket, operation.told.version] += 1
            if operation.told.version != operation.expected + 1:
                yield f"{_named(operation)} named version {operation.expected} and made {operation.told.version}"
    for (ticket, version), number in made.items():
        if number > 1:
            yield f"{number} callers were told that they made version {version} of {ticket}"


def nobody_reads_what_is_older_than_what_somebody_was_told(history: History, _: Stored) -> Iterator[str]:
    for operation in history.operations:
        if operation.kind is Kind.READ and operation.told is not None:
            seen, known = operation.told.version or 0, operation.expected or 0
            if seen < known:
                yield f"{_named(operation)} read version {seen} of {operation.ticket} after {known} was acknowledged"


def timers_fire_once_and_in_order(history: History, stored: Stored) -> Iterator[str]:
    overdue = {operation.mark for operation in _creates(history) if operation.overdue}
    events = _by_ticket(stored)
    for ticket in stored.tickets:
        fired: dict[str | None, list[int | None]] = defaultdict(list)
        for event in sorted(events.get(ticket.id, []), key=lambda event: event.sequence):
            if event.type in _BY_TIMERS:
                fired[event.commitment].append(event.percent)
        expected = [THRESHOLDS] * COMMITMENTS if ticket.mark in overdue else []
        if list(fired.values()) != expected:
            yield f"of {ticket.mark!r} there fired {list(fired.values())}"


def webhooks_arrive(_: History, stored: Stored) -> Iterator[str]:
    events = {event.id: event for event in stored.events}
    arrived = {arrival.event: arrival for arrival in stored.arrivals}
    for missing in events.keys() - arrived.keys():
        yield f"the webhook of {missing} ({events[missing].type}) is missing"
    for foreign in arrived.keys() - events.keys():
        yield f"a webhook came of {foreign}, which there is not"
    for id_ in events.keys() & arrived.keys():
        event, arrival = events[id_], arrived[id_]
        if (arrival.ticket, arrival.sequence) != (event.ticket, event.sequence):
            yield f"the webhook of {id_} says {arrival}"


def every_look_is_on_record(history: History, stored: Stored) -> Iterator[str]:
    """A look that was shown has one row; one that was perhaps shown has at most one."""
    rows = Counter(stored.looks)
    attempts = [attempt for operation in history.operations for attempt in _looks(operation)]
    for attempt in attempts:
        number = rows.pop(attempt.request_id, 0)
        if number > 1 or (attempt.status == 200 and number != 1):
            yield f"the look {attempt.request_id}, answered {attempt.status}, is on record {number} times"
    for request_id in rows:
        if _operation_of(request_id) is not None:
            yield f"the request {request_id} is on record as a look"


def the_database_contradicts_itself_nowhere(_: History, stored: Stored) -> Iterator[str]:
    yield from stored.broken


CHECKS: list[Check] = [
    every_answer_is_of_the_kind_that_was_promised,
    whoever_asks_again_is_told_in_the_end,
    acknowledged_tickets_are_stored,
    stored_tickets_were_acknowledged_or_are_unknown,
    a_call_makes_one_ticket,
    a_change_has_one_event_and_one_audit_row,
    what_only_looks_changes_nothing,
    events_of_a_ticket_are_numbered_without_a_gap,
    versions_are_counted_by_changes,
    a_move_makes_the_version_after_the_one_it_named,
    nobody_reads_what_is_older_than_what_somebody_was_told,
    timers_fire_once_and_in_order,
    webhooks_arrive,
    every_look_is_on_record,
    the_database_contradicts_itself_nowhere,
]


def longest_outage(history: History) -> float:
    """Return the longest time, in seconds, in which no request whatever got an answer other than 503."""
    attempts = [attempt for operation in history.operations for attempt in operation.attempts]
    if not attempts:
        return 0.0
    answered = sorted(a.answered_at for a in attempts if a.answered_at is not None and (a.status or 500) < 500)
    times = [min(attempt.sent_at for attempt in attempts), *answered]
    return round(max((later - earlier for earlier, later in pairwise(times)), default=0.0), 2)


def share_at_once(history: History) -> float:
    """Return which share of the operations got their answer without a retry."""
    operations = [operation for operation in history.operations if operation.attempts]
    return round(sum(operation.at_once for operation in operations) / max(len(operations), 1), 4)


def unanswered_by_fault(history: History) -> dict[str, int]:
    """Count the operations that got no answer at first, by the fault that was the last to begin before they ended."""
    found: Counter[str] = Counter()
    for operation in history.operations:
        if operation.attempts and not operation.at_once:
            first = operation.attempts[0]
            ended_at = first.sent_at if first.answered_at is None else first.answered_at
            before = [fault for fault in history.faults if fault.began_at <= ended_at]
            found[max(before, key=lambda fault: fault.began_at).name if before else "none"] += 1
    return dict(found.most_common())


def share_in_the_end(history: History) -> float:
    """Return which share of the operations whose callers ask again got an answer."""
    operations = [operation for operation in history.operations if operation.repeatable]
    told = sum(operation.outcome is not Outcome.UNKNOWN for operation in operations)
    return round(told / max(len(operations), 1), 4)


def _creates(history: History) -> Iterator[Operation]:
    return (operation for operation in history.operations if operation.kind is Kind.CREATE)


def _looks(operation: Operation) -> list[Attempt]:
    return operation.attempts if operation.kind is Kind.REVEAL else []


def _by_ticket(stored: Stored) -> dict[str, list[StoredEvent]]:
    found: dict[str, list[StoredEvent]] = defaultdict(list)
    for event in stored.events:
        found[event.ticket].append(event)
    return found


def _operation_of(request_id: str | None) -> int | None:
    parts = (request_id or "").split("-")
    return int(parts[1]) if len(parts) == 3 and parts[0] == "chaos" else None


def _named(operation: Operation) -> str:
    return f"operation {operation.number} ({operation.kind} {operation.mark or operation.ticket})"
