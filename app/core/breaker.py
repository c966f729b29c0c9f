"""A circuit breaker: what keeps failing is tried once a minute, until it answers again."""

from collections import deque

WINDOW_SECONDS = 300.0
FEWEST_SEEN, MOST_FAILURES = 20, 0.7
PROBE_SECONDS = 60.0


class Breaker:
    """Opens when at least 70 % of at least 20 tries in five minutes failed; one success closes it.

    Times are seconds of any clock that only goes forward.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, bool]] = deque()
        self._probe_at: float | None = None  # while open

    @property
    def open(self) -> bool:
        return self._probe_at is not None

    def allows(self, now: float) -> bool:
        """Tell whether a try may be made: while open, one for each minute."""
        return self._probe_at is None or now >= self._probe_at

    def note(self, now: float, *, succeeded: bool) -> None:
        """Take account of a try's end."""
        if self._probe_at is not None:
            self._probe_at = None if succeeded else now + PROBE_SECONDS
            return
        self._seen.append((now, succeeded))
        while self._seen[0][0] <= now - WINDOW_SECONDS:
            self._seen.popleft()
        failures = sum(not good for _, good in self._seen)
        if len(self._seen) >= FEWEST_SEEN and failures >= MOST_FAILURES * len(self._seen):
            self._seen.clear()
            self._probe_at = now + PROBE_SECONDS
