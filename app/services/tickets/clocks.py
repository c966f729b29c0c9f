"""Between commitment rows and the rule that moves them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from app.core.ids import new_id
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.fields import instant_text
from app.services.policy_book import Policy
from app.services.rules.clause import Decision, DecisionKind
from app.services.rules.commitments import CommitmentClock, Pause
from app.services.rules.promise import word_promise
from app.services.rules.sla import Commitment, CommitmentState, Milestone, SlaDecision, Target
from app.services.rules.thresholds import Threshold, carried_over, next_firing, next_place, thresholds_of
from app.services.rules.tickets import RESPONSES, Awaited

OPEN = (CommitmentState.RUNNING, CommitmentState.PAUSED)
# Waiting stops the clocks that run after the first response, but excuses no message that is left unanswered.
_NEVER_PAUSED = RESPONSES | {Milestone.NEXT_REPLY}


def running(row: TicketCommitment) -> CommitmentClock:
    """Read a row as the rule's value."""
    pauses = tuple(
        Pause(datetime.fromisoformat(pause["from"]), datetime.fromisoformat(pause["to"]) if pause["to"] else None)
        for pause in row.pauses
    )
    target = Target(value=row.target_value, unit=row.target_unit)
    state = CommitmentState(row.state)  # a row that was read to be shown says it as text
    return CommitmentClock(row.milestone, target, row.started_at, row.due_at, state, row.met_at, row.ended_at, pauses)


def write_back(row: TicketCommitment, after: CommitmentClock, policy: Policy) -> None:
    """Write the rule's value into its row, and set the row's timer."""
    time = policy.time
    if (row.target_value, row.target_unit) != (after.target.value, after.target.unit):
        row.escalation_acknowledged_at = None  # what was acknowledged was the lateness of another promise
    row.target_value, row.target_unit = after.target.value, after.target.unit
    row.due_at, row.state, row.met_at, row.ended_at = after.due_at, after.state, after.met_at, after.ended_at
    row.calendar_confirmed = time.confirmed(after.started_at, after.target, after.due_at)
    row.pauses = [
        {"from": instant_text(pause.since), "to": instant_text(pause.until) if pause.until else None}
        for pause in after.pauses
    ]
    ended = after.ended_at
    row.used_seconds = None if ended is None else after.used_seconds(ended, time)
    row.paused_seconds = None if ended is None else after.paused_seconds(ended, time)
    set_timer(row, policy)


def set_timer(row: TicketCommitment, policy: Policy) -> None:
    """Note when the next threshold of a commitment is due, if its clock runs."""
    thresholds = thresholds_of(policy.edition.sla)
    row.next_fire_at = next_firing(running(row), place_of_next(row, thresholds), thresholds, policy.time)


def place_of_next(row: TicketCommitment, thresholds: tuple[Threshold, ...]) -> int:
    """Return the place of the next threshold that fires on a commitment."""
    return next_place(thresholds, row.thresholds_fired, acknowledged=row.escalation_acknowledged_at is not None)


def commitment_row(
    ticket: Ticket,
    promised: Commitment,
    policy: Policy,
    *,
    instance: int = 1,
    make: Callable[..., TicketCommitment] = TicketCommitment,
) -> TicketCommitment:
    """Return a new commitment with its timer set; `make` makes the row of its values by column."""
    target, state = promised.target, CommitmentState.RUNNING
    clock = CommitmentClock(promised.milestone, target, promised.started_at, promised.due_at, state, None, None, ())
    return make(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        test_clock_id=ticket.test_clock_id,
        milestone=promised.milestone,
        instance=instance,
        target_value=target.value,
        target_unit=target.unit,
        started_at=promised.started_at,
        due_at=promised.due_at,
        calendar_confirmed=promised.confirmed,
        state=state,
        met_at=None,
        ended_at=None,
        pauses=[],
        delay_reason=None,
        used_seconds=None,
        paused_seconds=None,
        thresholds_fired=0,
        firing_failures=0,
        next_fire_at=next_firing(clock, 0, thresholds_of(policy.edition.sla), policy.time),
        escalation_acknowledged_at=None,
    )


def meet(
    rows: Iterable[TicketCommitment], milestones: frozenset[Milestone], now: datetime, policy: Policy
) -> list[TicketCommitment]:
    """Record that these milestones were accomplished; return the rows that were met after their time."""
    late = []
    for row in rows:
        if row.milestone in milestones and row.state in OPEN:
            write_back(row, running(row).met(now, policy.time), policy)
            if row.state is CommitmentState.BREACHED:
                late.append(row)
    return late


def pause(rows: Iterable[TicketCommitment], awaited: Awaited, now: datetime, policy: Policy) -> None:
    """Stop the clocks that the edition stops while this party is awaited; let go on what another edition stopped."""
    terms = policy.edition.sla.pauses
    if not {Awaited.CUSTOMER: terms.waiting_customer, Awaited.SUPPLIER: terms.waiting_supplier}[awaited].value:
        resume(rows, now, policy)
        return
    for row in rows:
        if row.milestone not in _NEVER_PAUSED and row.state is CommitmentState.RUNNING:
            write_back(row, running(row).paused(now), policy)


def resume(rows: Iterable[TicketCommitment], now: datetime, policy: Policy) -> None:
    for row in rows:
        if row.state is CommitmentState.PAUSED:
            write_back(row, running(row).resumed(now, policy.time), policy)


def cancel(rows: Iterable[TicketCommitment], now: datetime, policy: Policy) -> None:
    for row in rows:
        if row.state in OPEN:
            write_back(row, running(row).cancelled(now, policy.time), policy)


def retarget(
    ticket: Ticket, rows: Sequence[TicketCommitment], promised: Sequence[Commitment], now: datetime, policy: Policy
) -> list[TicketCommitment]:
    """Bring the commitments in line with what is promised now; return the rows that are new.

    What is used and paused stays. A promise that no longer applies is dropped unless it was met; one that applies
    again is taken up, and a new one counts from the start of the present round (the next reply from the message that
    waits for it), met already if it asks for a response that was given.
    """
    targets = {commitment.milestone: commitment for commitment in promised}
    latest, revived = latest_by_milestone(rows), []
    for row in latest.values():
        wanted = targets.get(row.milestone)
        if wanted is None:
            cancel([row], now, policy)
        elif row.state in OPEN:
            write_back(row, running(row).retargeted(wanted.target, policy.time), policy)
        elif row.state is CommitmentState.CANCELLED and row.started_at >= wanted.started_at:
            write_back(row, running(row).revived(wanted.target, policy.time), policy)
            revived.append(row)
    new = [
        commitment_row(ticket, wanted, policy, instance=_next_instance(latest.get(name)))
        for name, wanted in targets.items()
        if name not in latest or _is_over(latest[name], wanted)
    ]
    if ticket.responded_at is not None:
        meet([*revived, *new], RESPONSES, ticket.responded_at, policy)
    return new


def _is_over(latest: TicketCommitment, wanted: Commitment) -> bool:
    """Tell whether a promise needs a new instance: the last was dropped, or answered an earlier message."""
    earlier = wanted.milestone is Milestone.NEXT_REPLY and latest.started_at < wanted.started_at
    return latest.state is CommitmentState.CANCELLED or (latest.state not in OPEN and earlier)


def promise_again(
    ticket: Ticket,
    rows: Sequence[TicketCommitment],
    decided: SlaDecision,
    milestones: Collection[Milestone],
    now: datetime,
    policy: Policy,
) -> tuple[list[TicketCommitment], list[Decision]]:
    """Return new instances of those of the milestones that are promised now, with the decisions they rest on.

    They take the place of instances that are still open.
    """
    cancel((row for row in rows if row.milestone in milestones), now, policy)
    latest = latest_by_milestone(rows)
    again = {promised.milestone: promised for promised in decided.commitments if promised.milestone in milestones}
    new = [
        commitment_row(ticket, promised, policy, instance=_next_instance(latest.get(name)))
        for name, promised in again.items()
    ]
    reasons = [d for d in decided.decisions if d.kind is DecisionKind.SLA and d.outcome.partition(":")[0] in again]
    return new, reasons


def change_edition(rows: Iterable[TicketCommitment], before: Policy, after: Policy) -> None:
    """Go on by another edition's calendar and thresholds; what was told of a commitment is not told again."""
    thresholds = thresholds_of(before.edition.sla), thresholds_of(after.edition.sla)
    for row in rows:
        row.thresholds_fired = carried_over(row.thresholds_fired, *thresholds)
        if row.state in OPEN:
            write_back(row, running(row).recounted(after.time), after)


def latest_by_milestone(rows: Sequence[TicketCommitment]) -> dict[Milestone, TicketCommitment]:
    return {row.milestone: row for row in sorted(rows, key=lambda row: row.instance)}


def _next_instance(latest: TicketCommitment | None) -> int:
    return 1 if latest is None else latest.instance + 1


def promise_anew(ticket: Ticket, rows: Sequence[TicketCommitment], policy: Policy, now: datetime) -> None:
    """Word the ticket's promise by the clocks that run now."""
    running_rows = [row for row in rows if row.state is CommitmentState.RUNNING]
    steps = [row for row in running_rows if row.due_at > now]
    titles = [policy.edition.material_titles[name] for name in ticket.missing_materials]
    late = len(steps) < len(running_rows)
    ticket.promise = word_promise(ticket.status, steps, titles, policy.time.timezone, late=late).document()


def decision_documents(decisions: Iterable[Decision], at: datetime) -> list[dict[str, Any]]:
    """Return decisions as the ticket keeps them."""
    recorded = {"at": instant_text(at)}
    return [decision.document() | recorded for decision in decisions]
