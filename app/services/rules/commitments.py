"""The life of one commitment: running, paused, met in time or late, re-targeted. Pure values, no clock of their own.

A pause stops what is left of the time and never shortens it: at its end the deadline is as far away, in the
commitment's own clock, as it was when the pause began. A pause that begins after the deadline changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from app.services.rules.sla import Clock, CommitmentState, Milestone, Target, Timekeeping, Unit

_UNTIL_MIDNIGHT = (Unit.DAYS, Unit.WORKING_DAYS)


@dataclass(frozen=True, slots=True)
class Pause:
    """From when to when (UTC); `until` is None while it lasts."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class CommitmentClock:
    """A commitment as it stands. `due_at` counts every pause that has ended.

    `ended_at` is when the step was done or the promise dropped, `met_at` only the former.
    """

    milestone: Milestone
    target: Target
    started_at: datetime
    due_at: datetime
    state: CommitmentState
    met_at: datetime | None
    ended_at: datetime | None
    pauses: tuple[Pause, ...]

    def paused(self, now: datetime) -> "CommitmentClock":
        """Stop the clock, if it runs and its time has not passed: a pause does not hide a breach."""
        if self.state is not CommitmentState.RUNNING or self.late(now):
            return self
        return replace(self, state=CommitmentState.PAUSED, pauses=(*self.pauses, Pause(now, None)))

    def resumed(self, now: datetime, time: Timekeeping) -> "CommitmentClock":
        """Start the clock again, if it stands; the deadline moves by what the pause cost in the own clock."""
        if self.state is not CommitmentState.PAUSED:
            return self
        pauses = (*self.pauses[:-1], replace(self.pauses[-1], until=now))
        due_at = due_with_pauses(self.started_at, self.target, pauses, time)
        return replace(self, state=CommitmentState.RUNNING, pauses=pauses, due_at=due_at)

    def met(self, now: datetime, time: Timekeeping) -> "CommitmentClock":
        """Record that the step was done: met, or breached if its time had passed. A standing clock is started first."""
        running = self.resumed(now, time)
        if running.state is not CommitmentState.RUNNING:
            return self
        state = CommitmentState.MET if now <= running.due_at else CommitmentState.BREACHED
        return replace(running, state=state, met_at=now, ended_at=now)

    def cancelled(self, now: datetime, time: Timekeeping) -> "CommitmentClock":
        """Drop a promise that no longer applies; what was met stays met, and what was broken broken."""
        running = self.resumed(now, time)
        if running.state is not CommitmentState.RUNNING:
            return self
        state = CommitmentState.BREACHED if running.late(now) else CommitmentState.CANCELLED
        return replace(running, state=state, ended_at=now)

    def revived(self, target: Target, time: Timekeeping) -> "CommitmentClock":
        """Take a dropped promise up again, from its old start."""
        if self.state is not CommitmentState.CANCELLED:
            return self
        return replace(self, state=CommitmentState.RUNNING, ended_at=None).retargeted(target, time)

    def retargeted(self, target: Target, time: Timekeeping) -> "CommitmentClock":
        """Promise another time from the same start, keeping what was used and paused."""
        return self if target == self.target else self._counted(target, time)

    def recounted(self, time: Timekeeping) -> "CommitmentClock":
        """Count the same promise by another calendar, from the same start and over the same pauses."""
        return self._counted(self.target, time)

    def _counted(self, target: Target, time: Timekeeping) -> "CommitmentClock":
        if self.state not in (CommitmentState.RUNNING, CommitmentState.PAUSED):
            return self
        ended = tuple(pause for pause in self.pauses if pause.until is not None)
        return replace(self, target=target, due_at=due_with_pauses(self.started_at, target, ended, time))

    def late(self, now: datetime) -> bool:
        """Tell whether the step is still to be done and its time has passed. A standing clock is never late."""
        return self.state is CommitmentState.RUNNING and now > self.due_at

    def state_at(self, now: datetime) -> CommitmentState:
        """Return the state as a reader should see it: a running promise past its time is breached."""
        return CommitmentState.BREACHED if self.late(now) else self.state

    def paused_seconds(self, now: datetime, time: Timekeeping) -> int:
        """Return the seconds the own clock stood still."""
        until = self.ended_at or now
        return sum(_elapsed(pause.since, pause.until or until, self.target, time) for pause in self.pauses)

    def used_seconds(self, now: datetime, time: Timekeeping) -> int:
        """Return the seconds of the own clock used so far, or until the step was done."""
        until = self.ended_at or now
        return _elapsed(self.started_at, until, self.target, time) - self.paused_seconds(until, time)


def due_with_pauses(start: datetime, target: Target, pauses: tuple[Pause, ...], time: Timekeeping) -> datetime:
    """Return the deadline of a target from `start`, moved on by each ended pause in turn; days end at 24:00."""
    due_at = time.due_at(start, target)
    for pause in pauses:
        moved = moved_by_pauses(due_at, target, (pause,), time)
        if moved != due_at:
            due_at = time.end_of_day(moved) if target.unit in _UNTIL_MIDNIGHT else moved
    return due_at


def moved_by_pauses(instant: datetime, target: Target, pauses: tuple[Pause, ...], time: Timekeeping) -> datetime:
    """Return an instant of the own clock, moved on by each ended pause that began before it."""
    for pause in pauses:
        if pause.until is not None and pause.since < instant:
            instant = max(instant, _moved(instant, pause.since, pause.until, target, time))
    return instant


def _moved(instant: datetime, since: datetime, until: datetime, target: Target, time: Timekeeping) -> datetime:
    if target.clock is Clock.ROUND_THE_CLOCK:
        return instant + (until - since)
    return time.calendar.carried(instant, since, until)


def _elapsed(start: datetime, end: datetime, target: Target, time: Timekeeping) -> int:
    if target.clock is Clock.WORKING:
        return time.calendar.between(start, end)
    return max(int((end - start).total_seconds()), 0)
