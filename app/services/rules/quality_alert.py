"""质量预警: has the complaint rate of a batch or a model risen beyond chance, against its own history?

A sequential test. Under a steady rate complaints come as a Poisson process; for every earlier complaint after which the
rate may have risen, and for several factors by which, a Bayes factor compares the rise with a steady rate. The unknown
rate is integrated out with the prior 1/rate, which makes the factors the same for every rate. Their weighted mean is an
e-process: for a batch whose rate never changes, the chance that it ever reaches 1/f is at most f (Ville's inequality),
however often one looks. `FALSE_ALARM_RATE` is that chance, over the whole life of a batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, inf, log
from typing import Final

FALSE_ALARM_RATE: Final = 0.01
_FACTORS: Final = (2.0, 4.0, 8.0)  # by which the rate may have risen
_FEWEST_AFTER: Final = 3  # complaints since the rise: fewer say nothing to people, whatever their mathematics


@dataclass(frozen=True, slots=True)
class RateRise:
    """The rise that explains the complaints best. Rates are complaints a day; `before` counts from the first one."""

    since: datetime
    before: int
    after: int
    rate_before: float
    rate_after: float
    evidence: float  # of the e-process: the alarm is given at 1 / false alarm rate


def find_rise(
    complained_at: Sequence[datetime], now: datetime, *, false_alarm_rate: float = FALSE_ALARM_RATE
) -> RateRise | None:
    """Return the rise of a rate if it is beyond chance at `now`, else None.

    `complained_at` (aware) holds when each complaint came in, in order; none may lie after `now`.
    """
    if len(complained_at) < _FEWEST_AFTER + 2:
        return None
    first = complained_at[0]
    days = [(instant - first).total_seconds() / 86_400 for instant in complained_at]
    end = (now - first).total_seconds() / 86_400
    rises = [(_log_bayes_factor(days, place, end), weight, place) for place, weight in _places(len(days))]
    waiting = 1.0 - sum(weight for _, weight, _ in rises)  # the weight of rises that may still come
    evidence = waiting + sum(weight * exp(min(found, 600.0)) for found, weight, _ in rises)
    if not rises or evidence < 1 / false_alarm_rate:
        return None
    _, place = max((found + log(weight), place) for found, weight, place in rises)
    after = len(days) - 1 - place
    if after < _FEWEST_AFTER:
        return None
    span = end - days[place]
    return RateRise(
        since=complained_at[place],
        before=place + 1,
        after=after,
        rate_before=place / days[place],
        rate_after=after / span if span > 0 else inf,
        evidence=evidence,
    )


def _places(complaints: int) -> Iterator[tuple[int, float]]:
    """Yield the complaints after which a rise is looked for, ever further apart, and their weights, which add up to 1.

    Places grow with the complaints so that a rise late in a long life is not drowned by its many predecessors.
    """
    place, order = 2, 1
    while place < complaints - 1:
        yield place, 1 / (order * (order + 1))
        place, order = max(place + 1, place * 9 // 8), order + 1


def _log_bayes_factor(days: Sequence[float], place: int, end: float) -> float:
    """Weigh a rise after the complaint at `place` against a steady rate; the mean over the factors."""
    before, total = days[place], len(days) - 1
    if before <= 0:  # several complaints at one moment: no history to compare with
        return 0.0
    after, since = total - place, end - before
    found = [after * log(factor) + total * log(end / (before + factor * since)) for factor in _FACTORS]
    largest = max(found)
    return largest + log(sum(exp(one - largest) for one in found) / len(_FACTORS))
