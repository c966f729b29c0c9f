"""Figures with what they can mean: intervals, and changes that are more than chance.

Intervals are at 95 %. Wilson's for a share: it stays within 0 and 1 and holds for few answers. For the net promoter
score an adjusted Wald interval: three made-up answers, a fourth of them promoters and a fourth detractors, keep it
honest for few answers (Rocks 2016).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, lgamma, sqrt
from typing import Final

_Z95: Final = 1.959963984540054  # the normal distribution's 97.5 % point
CHANGE_LEVEL: Final = 0.01  # how often a series without any change may show one
_ALIKE: Final = 1 + 1e-7  # tables of the same probability, as far as it was computed

Interval = tuple[float, float]


def wilson(successes: int, n: int) -> Interval | None:
    """Return the 95 % interval of a share; None of nothing."""
    if n == 0:
        return None
    share, spread = successes / n, _Z95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 / (1 + spread) * sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def net_promoter_score(promoters: int, detractors: int, n: int) -> float | None:
    """Return promoters less detractors as -100 to 100; None of nothing."""
    return 100 * (promoters - detractors) / n if n else None


def net_promoter_interval(promoters: int, detractors: int, n: int) -> Interval | None:
    """Return the 95 % interval of the score, within -100 and 100; None of nothing."""
    if n == 0:
        return None
    size = n + 3
    up, down = (promoters + 0.75) / size, (detractors + 0.75) / size
    middle = up - down
    half = _Z95 * sqrt((up + down - middle**2) / size)
    return max(100 * (middle - half), -100.0), min(100 * (middle + half), 100.0)


@dataclass(frozen=True, slots=True)
class Period:
    """One step of a series: how many answers, and how many of them satisfied."""

    satisfied: int
    n: int


@dataclass(frozen=True, slots=True)
class Change:
    """From the period at `place` on the share is another. `p_value` is corrected for the places looked at."""

    place: int
    rate_before: float
    rate_after: float
    p_value: float


def find_changes(series: Sequence[Period]) -> list[Change]:
    """Return where the share of a series changes beyond chance, in order.

    The series is split where Fisher's exact test between both sides gives the least p-value, which is multiplied by
    the number of places looked at (Bonferroni); each side is then looked at again (binary segmentation).
    """
    return sorted(_changes(series, 0), key=lambda change: change.place)


def _changes(series: Sequence[Period], first: int) -> Iterator[Change]:
    totals = list(accumulate(series, lambda a, b: Period(a.satisfied + b.satisfied, a.n + b.n)))
    places = [place for place in range(1, len(series)) if totals[place - 1].n and totals[-1].n > totals[place - 1].n]
    if not places:
        return
    found = [(_compared(totals[place - 1], totals[-1]), place) for place in places]
    least, place = min(found)
    p_value = min(least * len(places), 1.0)
    if p_value > CHANGE_LEVEL:
        return
    before, whole = totals[place - 1], totals[-1]
    after = Period(whole.satisfied - before.satisfied, whole.n - before.n)
    yield Change(first + place, before.satisfied / before.n, after.satisfied / after.n, p_value)
    yield from _changes(series[:place], first)
    yield from _changes(series[place:], first + place)


def _compared(before: Period, whole: Period) -> float:
    after = Period(whole.satisfied - before.satisfied, whole.n - before.n)
    return fisher_exact(before, after)


def fisher_exact(one: Period, other: Period) -> float:
    """Return how likely two shares at least as unlike as these are if there is no difference (two-sided)."""
    satisfied, n = one.satisfied + other.satisfied, one.n + other.n
    lowest, highest = max(0, satisfied - other.n), min(satisfied, one.n)
    weights = [_log_ways(one.n, k) + _log_ways(other.n, satisfied - k) for k in range(lowest, highest + 1)]
    whole = _log_ways(n, satisfied)
    probabilities = [exp(weight - whole) for weight in weights]
    seen = probabilities[one.satisfied - lowest] * _ALIKE
    return min(sum(p for p in probabilities if p <= seen), 1.0)


def _log_ways(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
