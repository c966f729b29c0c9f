"""Replaying what happened to a commitment, from its start, gives what its row holds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.models.tickets import Ticket
from app.services.policy_book import Policy, PolicyBook
from app.services.rules.commitments import CommitmentClock, due_with_pauses
from app.services.rules.sla import Commitment, CommitmentState, Milestone, Target, Timekeeping, Unit
from app.services.tickets.clocks import commitment_row, running, write_back

START = datetime(2026, 9, 30, 8, 59, 59, 999_000, tzinfo=UTC)  # a week of holidays and a make-up Saturday lie ahead
NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Happening:
    """Something that may happen to a commitment; `after` is in milliseconds since the one before."""

    kind: str
    after: int
    target: Target


def happened(clock: CommitmentClock, what: Happening, now: datetime, time: Timekeeping) -> CommitmentClock:
    match what.kind:
        case "paused":
            return clock.paused(now)
        case "resumed":
            return clock.resumed(now, time)
        case "retargeted":
            return clock.retargeted(what.target, time)
        case "cancelled":
            return clock.cancelled(now, time)
        case "revived":
            return clock.revived(what.target, time)
        case _:
            return clock.met(now, time)


TARGETS = st.builds(lambda value, unit: Target(value=value, unit=unit), st.integers(1, 60), st.sampled_from(Unit))
KINDS = st.sampled_from(["paused", "resumed", "paused", "resumed", "retargeted", "cancelled", "revived", "met"])
COURSES = st.lists(st.builds(Happening, KINDS, st.integers(0, 3 * 86_400_000), TARGETS), max_size=12)


def begun(policy: Policy, target: Target) -> Commitment:
    due_at = policy.time.due_at(START, target)
    return Commitment(Milestone.RESOLUTION, target, START, due_at, policy.time.confirmed(START, target, due_at))


@settings(max_examples=150, deadline=None)
@given(first=TARGETS, course=COURSES)
def test_replaying_a_course_from_its_start_gives_the_stored_state(
    book: PolicyBook, first: Target, course: list[Happening]
) -> None:
    policy = book.get("tableware", "1")
    row = commitment_row(Ticket(id=NOBODY, business_line_id=NOBODY), begun(policy, first), policy)
    replayed, log, now = running(row), list[tuple[Happening, datetime]](), START
    for what in course:
        now += timedelta(milliseconds=what.after)
        before = running(row)
        write_back(row, happened(before, what, now, policy.time), policy)
        if running(row) != before:
            log.append((what, now))
    for what, at in log:
        replayed = happened(replayed, what, at, policy.time)
    assert replayed == running(row)
    ended = tuple(pause for pause in replayed.pauses if pause.until is not None)
    assert row.due_at == due_with_pauses(START, replayed.target, ended, policy.time)
    assert replayed.recounted(policy.time) == replayed  # by the same calendar nothing moves
    over = row.state not in (CommitmentState.RUNNING, CommitmentState.PAUSED)
    assert (row.ended_at is not None, row.next_fire_at is None) == (over, row.state is not CommitmentState.RUNNING)
    if row.ended_at is not None:
        elapsed = policy.time.calendar.between(START, row.ended_at)
        if row.target_unit not in (Unit.WORKING_HOURS, Unit.WORKING_DAYS):
            elapsed = int((row.ended_at - START).total_seconds())
        assert (row.used_seconds or 0) + (row.paused_seconds or 0) == elapsed
