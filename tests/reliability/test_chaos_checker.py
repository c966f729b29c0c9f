"""The checker of the chaos runs finds each broken promise in a history that was doctored, and none in a whole one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.reliability.chaos.checker import (
    CHECKS,
    THRESHOLDS,
    longest_outage,
    share_at_once,
    share_in_the_end,
    unanswered_by_fault,
    violations,
)
from tests.reliability.chaos.history import Attempt, Fault, History, Kind, Operation, Outcome, Recorder
from tests.reliability.chaos.stored import Arrival, AuditRow, Stored, StoredEvent, StoredTicket

PLAIN, LATE, PERHAPS = "tkt_plain", "tkt_late", "tkt_perhaps"


def told(number: int, status: int | None, *, turn: int = 1, at: float | None = None, **told: object) -> Attempt:
    sent = float(number if at is None else at)
    return Attempt(f"chaos-{number}-{turn}", sent, sent + 0.5, status, **told)  # type: ignore[arg-type]


def whole() -> tuple[History, Stored]:
    """Three tickets, one taken at the second try, one overdue, one whose answer was lost; a move, a look, a read."""
    tries = [told(1, None), told(1, 503, turn=2, code="database_unavailable"), told(1, 201, turn=3, ticket=PLAIN)]
    operations = [
        Operation(1, Kind.CREATE, "chaos plain", attempts=tries),
        Operation(2, Kind.CREATE, "chaos late", overdue=True, attempts=[told(2, 201, ticket=LATE, version=1)]),
        Operation(3, Kind.CREATE, "chaos perhaps", repeatable=False, attempts=[told(3, None)]),
        Operation(4, Kind.CREATE, "chaos never", repeatable=False, attempts=[told(4, None)]),
        Operation(5, Kind.MOVE, ticket=PLAIN, expected=1, attempts=[told(5, 200, ticket=PLAIN, version=2)]),
        Operation(6, Kind.MOVE, ticket=PLAIN, expected=1, attempts=[told(6, 412, code="version_mismatch")]),
        Operation(7, Kind.COMMENT, ticket=PLAIN, attempts=[told(7, 201)]),
        Operation(8, Kind.READ, ticket=PLAIN, expected=2, attempts=[told(8, 200, ticket=PLAIN, version=3)]),
        Operation(9, Kind.REVEAL, ticket=PLAIN, attempts=[told(9, None), told(9, 200, turn=2)]),
    ]  # fmt: skip
    fired = [
        StoredEvent(f"evt_c{c}_{place}", LATE, 2 + 6 * c + place, "sla.warning", None, f"cmt_{c}", percent)
        for c in range(2)
        for place, percent in enumerate(THRESHOLDS)
    ]
    events = [
        recorded(1, PLAIN, "chaos-1-1"),
        StoredEvent("evt_2", PLAIN, 2, "ticket.assigned", "chaos-5-1"),
        StoredEvent("evt_3", PLAIN, 3, "ticket.commented", "chaos-7-1"),
        recorded(4, LATE, "chaos-2-1"),
        *fired,
        recorded(5, PERHAPS, "chaos-3-1"),
    ]
    audit = [
        AuditRow(PLAIN, "recorded", "chaos-1-1"),
        AuditRow(PLAIN, "assign", "chaos-5-1"),
        AuditRow(PLAIN, "comment", "chaos-7-1"),
        AuditRow(PLAIN, "progress", "progress"),
        AuditRow(LATE, "recorded", "chaos-2-1"),
        AuditRow(LATE, "breached", "timer"),
        AuditRow(PERHAPS, "recorded", "chaos-3-1"),
    ]
    tickets = [
        StoredTicket(PLAIN, "chaos plain", 3),
        StoredTicket(LATE, "chaos late", 2),
        StoredTicket(PERHAPS, "chaos perhaps", 1),
    ]
    arrivals = [Arrival(event.id, event.ticket, event.sequence) for event in events]
    return History(operations), Stored(tickets, events, audit, ["chaos-9-2"], arrivals)


def recorded(number: int, ticket: str, request_id: str) -> StoredEvent:
    return StoredEvent(f"evt_{number}", ticket, 1, "ticket.recorded", request_id)


def test_a_whole_history_breaks_no_promise() -> None:
    assert violations(*whole()) == {}


def _lose_an_acknowledged_ticket(_: History, stored: Stored) -> None:
    del stored.tickets[0]


def _double_a_ticket(_: History, stored: Stored) -> None:
    stored.tickets.append(replace(stored.tickets[0], id="tkt_twin"))


def _tell_of_another_ticket_at_a_repeat(history: History, _: Stored) -> None:
    history.operations[0].attempts.append(told(1, 200, turn=4, ticket="tkt_twin"))


def _store_what_was_refused(history: History, _: Stored) -> None:
    history.operations[2].attempts = [told(3, 409, code="external_ref_conflict")]


def _store_what_nobody_sent(_: History, stored: Stored) -> None:
    stored.tickets.append(StoredTicket("tkt_x", "chaos from nowhere", 1))


def _drop_an_event(_: History, stored: Stored) -> None:
    del stored.events[2]


def _double_an_event(_: History, stored: Stored) -> None:
    stored.events.append(replace(stored.events[2], id="evt_again", sequence=4))


def _drop_the_recording(_: History, stored: Stored) -> None:
    stored.events[0] = replace(stored.events[0], type="ticket.changed")


def _repeat_a_sequence(_: History, stored: Stored) -> None:
    stored.events[2] = replace(stored.events[2], sequence=2)


def _drop_an_audit_row(_: History, stored: Stored) -> None:
    del stored.audit[1]


def _double_an_audit_row(_: History, stored: Stored) -> None:
    stored.audit.append(stored.audit[2])


def _change_without_an_audit_row(_: History, stored: Stored) -> None:
    """An unknown operation with an event and nothing else: it was done by half."""
    del stored.audit[6]


def _do_what_was_refused(_: History, stored: Stored) -> None:
    stored.events[1] = replace(stored.events[1], request_id="chaos-6-1")


def _change_by_a_look(_: History, stored: Stored) -> None:
    stored.audit[3] = AuditRow(PLAIN, "changed", "chaos-8-1")


def _lose_an_update(_: History, stored: Stored) -> None:
    stored.tickets[0] = replace(stored.tickets[0], version=2)


def _let_two_make_one_version(history: History, _: Stored) -> None:
    history.operations[5].attempts = [told(6, 200, ticket=PLAIN, version=2)]


def _apply_a_move_to_a_later_version(history: History, _: Stored) -> None:
    history.operations[4].attempts = [told(5, 200, ticket=PLAIN, version=3)]


def _read_an_older_version(history: History, _: Stored) -> None:
    history.operations[7].attempts = [told(8, 200, ticket=PLAIN, version=1)]


def _fire_twice(_: History, stored: Stored) -> None:
    stored.events.append(StoredEvent("evt_x", LATE, 14, "sla.escalated", None, "cmt_1", 200))


def _fire_never(_: History, stored: Stored) -> None:
    stored.events = [event for event in stored.events if event.commitment != "cmt_1"]


def _fire_out_of_order(_: History, stored: Stored) -> None:
    stored.events[4], stored.events[5] = (
        replace(stored.events[4], sequence=3),
        replace(stored.events[5], sequence=2),
    )


def _fire_early(_: History, stored: Stored) -> None:
    stored.events.append(StoredEvent("evt_x", PLAIN, 4, "sla.warning", None, "cmt_9", 50))


def _lose_a_webhook(_: History, stored: Stored) -> None:
    del stored.arrivals[3]


def _send_a_webhook_of_nothing(_: History, stored: Stored) -> None:
    stored.arrivals.append(Arrival("evt_rolled_back", PLAIN, 4))


def _send_a_wrong_sequence(_: History, stored: Stored) -> None:
    stored.arrivals[0] = replace(stored.arrivals[0], sequence=9)


def _look_off_the_record(_: History, stored: Stored) -> None:
    stored.looks.clear()


def _record_a_look_twice(_: History, stored: Stored) -> None:
    stored.looks *= 2


def _record_a_look_of_nobody(_: History, stored: Stored) -> None:
    stored.looks.append("chaos-7-1")


def _answer_with_a_mistake_of_our_own(history: History, _: Stored) -> None:
    history.operations[0].attempts[1] = told(1, 500, turn=2, code="internal_error")


def _refuse_what_was_right(history: History, _: Stored) -> None:
    history.operations[6].attempts = [told(7, 404, code="not_found")]


def _never_answer(history: History, _: Stored) -> None:
    history.operations[8].attempts = [told(9, None), told(9, 503, turn=2)]


def _contradict_yourself(_: History, stored: Stored) -> None:
    stored.broken.append("a ticket knows how many events it has: ['AS-1']")


_DOCTORED: list[tuple[Callable[[History, Stored], None], str]] = [
    (_lose_an_acknowledged_ticket, "acknowledged_tickets_are_stored"),
    (_double_a_ticket, "a_call_makes_one_ticket"),
    (_tell_of_another_ticket_at_a_repeat, "acknowledged_tickets_are_stored"),
    (_store_what_was_refused, "stored_tickets_were_acknowledged_or_are_unknown"),
    (_store_what_nobody_sent, "stored_tickets_were_acknowledged_or_are_unknown"),
    (_drop_an_event, "a_change_has_one_event_and_one_audit_row"),
    (_double_an_event, "a_change_has_one_event_and_one_audit_row"),
    (_drop_the_recording, "events_of_a_ticket_are_numbered_without_a_gap"),
    (_repeat_a_sequence, "events_of_a_ticket_are_numbered_without_a_gap"),
    (_drop_an_audit_row, "a_change_has_one_event_and_one_audit_row"),
    (_double_an_audit_row, "a_change_has_one_event_and_one_audit_row"),
    (_change_without_an_audit_row, "a_change_has_one_event_and_one_audit_row"),
    (_do_what_was_refused, "a_change_has_one_event_and_one_audit_row"),
    (_change_by_a_look, "what_only_looks_changes_nothing"),
    (_lose_an_update, "versions_are_counted_by_changes"),
    (_let_two_make_one_version, "a_move_makes_the_version_after_the_one_it_named"),
    (_apply_a_move_to_a_later_version, "a_move_makes_the_version_after_the_one_it_named"),
    (_read_an_older_version, "nobody_reads_what_is_older_than_what_somebody_was_told"),
    (_fire_twice, "timers_fire_once_and_in_order"),
    (_fire_never, "timers_fire_once_and_in_order"),
    (_fire_out_of_order, "timers_fire_once_and_in_order"),
    (_fire_early, "timers_fire_once_and_in_order"),
    (_lose_a_webhook, "webhooks_arrive"),
    (_send_a_webhook_of_nothing, "webhooks_arrive"),
    (_send_a_wrong_sequence, "webhooks_arrive"),
    (_look_off_the_record, "every_look_is_on_record"),
    (_record_a_look_twice, "every_look_is_on_record"),
    (_record_a_look_of_nobody, "every_look_is_on_record"),
    (_answer_with_a_mistake_of_our_own, "every_answer_is_of_the_kind_that_was_promised"),
    (_refuse_what_was_right, "every_answer_is_of_the_kind_that_was_promised"),
    (_never_answer, "whoever_asks_again_is_told_in_the_end"),
    (_contradict_yourself, "the_database_contradicts_itself_nowhere"),
]


@pytest.mark.parametrize(("doctor", "check"), _DOCTORED, ids=[doctor.__name__[1:] for doctor, _ in _DOCTORED])
def test_a_doctored_history_is_found_out(doctor: Callable[[History, Stored], None], check: str) -> None:
    history, stored = whole()
    doctor(history, stored)
    assert check in violations(history, stored)


def test_there_is_a_doctored_history_for_each_check() -> None:
    assert {check for _, check in _DOCTORED} == {check.__name__ for check in CHECKS}


def test_what_may_have_been_done_is_no_violation_whether_it_was_or_not() -> None:
    history, stored = whole()
    stored.tickets.pop()
    stored.events.pop()
    stored.audit.pop()
    stored.arrivals.pop()
    assert violations(history, stored) == {}


def test_the_longest_outage_and_the_shares_come_from_the_history() -> None:
    history, _ = whole()
    assert longest_outage(history) == 3.0  # operations 3 and 4 were not answered
    assert share_at_once(history) == round(5 / 9, 4)
    assert share_in_the_end(history) == 1.0
    history.operations[8].attempts.pop()
    assert share_in_the_end(history) == round(6 / 7, 4)


def test_what_was_not_answered_at_first_is_laid_to_the_fault_that_began_last() -> None:
    history, _ = whole()
    assert unanswered_by_fault(history) == {"none": 4}
    history.faults = [Fault("kill_an_api", 0.5, 1.6), Fault("freeze_postgresql", 3.4, 4.0), Fault("late", 20.0, 21.0)]
    assert unanswered_by_fault(history) == {"freeze_postgresql": 3, "kill_an_api": 1}


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "history.jsonl")
    operation = recorder.begin(Kind.CREATE, mark="chaos 餐盘", overdue=True)
    recorder.answer(operation, recorder.send(operation))
    attempt = recorder.send(operation)
    attempt.status, attempt.ticket, attempt.version = 201, PLAIN, 1
    recorder.answer(operation, attempt)
    sent = recorder.begin(Kind.READ, ticket=PLAIN, expected=1)
    recorder.send(sent)
    recorder.fault("kill_an_api", 0.0)
    recorder.close()
    history = History.read(recorder.path.read_text("utf-8").splitlines())
    assert history.operations == [operation, sent]
    assert [known.outcome for known in history.operations] == [Outcome.ACKNOWLEDGED, Outcome.UNKNOWN]
    assert [(fault.name, fault.began_at) for fault in history.faults] == [("kill_an_api", 0.0)]
    assert isinstance(history.faults[0], Fault)
