"""Simulate the quality alert: `python -m bench.quality_alert [BATCHES]`.

Quiet batches keep one rate for life and must hardly ever give an alarm; on batches whose rate triples the alarm should
come soon. Prints both, with the rate that is promised.
"""

import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from app.services.rules.quality_alert import FALSE_ALARM_RATE, find_rise

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = 60  # complaints in a quiet batch's life
HISTORIES = (5, 10, 20, 40)  # complaints before the rate triples
MOST_AFTER = 200


def arrivals(chance: random.Random, complaints: int, rate: float, since: datetime) -> list[datetime]:
    found = []
    for _ in range(complaints):
        since += timedelta(days=chance.expovariate(rate))
        found.append(since)
    return found


def alarmed(complaints: Sequence[datetime], first: int) -> int | None:
    """Return the number of complaints at which the alarm comes, looking after each from the `first` on."""
    return next((n for n in range(first, len(complaints) + 1) if find_rise(complaints[:n], complaints[n - 1])), None)


def false_alarms(chance: random.Random, batches: int) -> int:
    """Count quiet batches with an alarm at any time of their life; each has a rate of its own."""
    return sum(
        alarmed(arrivals(chance, LIFE, 10 ** chance.uniform(-2, 1), START), 1) is not None for _ in range(batches)
    )


def delays(chance: random.Random, history: int, batches: int) -> list[int]:
    """Return how many complaints after the rate tripled the alarm came; a batch alarmed before is left out."""
    found = []
    for _ in range(batches):
        quiet = arrivals(chance, history, 1.0, START)
        loud = quiet + arrivals(chance, MOST_AFTER, 3.0, quiet[-1])
        if (at := alarmed(loud, 1)) is not None and at > history:
            found.append(at - history)
    return found


def main(argv: Sequence[str]) -> int:
    batches = int(argv[0]) if argv else 10_000
    chance = random.Random(1)
    alarms = false_alarms(chance, batches)
    print(f"quiet batches    {batches} of {LIFE} complaints each: {alarms} false alarms, {alarms / batches:.4f}")
    print(f"promised         at most {FALSE_ALARM_RATE} over the whole life of a batch")
    tried = max(batches // 50, 20)
    for history in HISTORIES:
        found = sorted(delays(chance, history, tried))
        late = found[len(found) * 9 // 10]
        print(
            f"rate tripled     after {history:2} complaints: alarm after a median of {median(found):.0f} more, "
            f"90 % within {late}; {tried - len(found)} of {tried} not within {MOST_AFTER}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
