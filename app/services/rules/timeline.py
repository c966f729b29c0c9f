"""Compiled open time: sorted arrays that answer by binary search, whatever the distance."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Final, Self

Span = tuple[int, int]  # opening and closing; the unit is said where it is used

MICRO: Final = 1_000_000
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEARCHED_DAYS = 366
_DAY = 86_400 * MICRO  # everything here counts in microseconds
_SEARCHED = _SEARCHED_DAYS * _DAY


class NoServiceDays(ValueError):
    """Nothing is open for 366 days on the way, so that no deadline can be given."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Compiled years: open spans in order, with the open time before each, all in microseconds since 1970 UTC.

    An empty span stands at either end, so that a search which runs out finds it, and a closure of 366 days shows
    however little is compiled.
    """

    first_year: int
    last_year: int
    opens: list[int]
    closes: list[int]
    before: list[int]
    closures: list[int]  # indexes of the spans with 366 closed days before them
    days: list[int]  # ordinals of open dates, then that of the first date not compiled
    day_closures: list[int]

    @classmethod
    def of(cls, first_year: int, last_year: int, spans: Iterable[Span], days: list[int]) -> Self:
        first_day, end_day = (date(year, 1, 1).toordinal() for year in (first_year, last_year + 1))
        start, end = ((day - EPOCH_DAY) * _DAY for day in (first_day, end_day))
        line = [(start, start), *merged(spans), (end, end)]
        dates = [*days, end_day]
        return cls(
            first_year,
            last_year,
            opens=[opened for opened, _ in line],
            closes=[closed for _, closed in line],
            before=list(accumulate((closed - opened for opened, closed in line[:-1]), initial=0)),
            closures=[i for i in range(1, len(line)) if line[i][0] - line[i - 1][1] >= _SEARCHED],
            days=dates,
            day_closures=[i for i in range(1, len(dates)) if dates[i] - dates[i - 1] > _SEARCHED_DAYS],
        )

    @property
    def start(self) -> int:
        return self.opens[0]

    @property
    def end(self) -> int:
        return self.closes[-1]

    @property
    def years(self) -> int:
        return self.last_year - self.first_year + 1

    def spans(self) -> Iterable[Span]:
        return zip(self.opens[1:-1], self.closes[1:-1], strict=True)

    def open_until(self, point: int) -> int:
        index = bisect_right(self.opens, point) - 1
        return self.before[index] + min(point, self.closes[index]) - self.opens[index]

    def ahead(self, point: int, amount: int) -> int | None:
        """Return the earliest instant `amount` after `point`; None if it lies after the compiled years."""
        index = bisect_right(self.closes, point)
        wait = self.opens[index] - point
        target = self.before[index] + max(-wait, 0) + amount
        last = bisect_left(self.before, target) - 1
        if wait >= _SEARCHED or (self.closures and _crosses(self.closures, index, last)):
            raise NoServiceDays(f"nothing is open for {_SEARCHED_DAYS} days on the way from {instant(point)}")
        return self.opens[last] + target - self.before[last] if last < len(self.opens) - 1 else None

    def back(self, point: int, amount: int) -> int | None:
        """Return the latest instant `amount` before `point`; None if it lies before the compiled years."""
        index = bisect_left(self.opens, point) - 1
        idle = point - self.closes[index]
        target = self.before[index] + min(point, self.closes[index]) - self.opens[index] - amount
        first = bisect_right(self.before, target) - 1 if target >= 0 else 0
        if idle >= _SEARCHED or (self.closures and _crosses(self.closures, first, index)):
            raise NoServiceDays(f"nothing is open for {_SEARCHED_DAYS} days on the way back from {instant(point)}")
        return self.opens[first] + target - self.before[first] if target >= 0 else None

    def day_ahead(self, day: int, count: int) -> int | None:
        """Return the `count`-th open date after `day`; None if it lies after the compiled years."""
        index = bisect_right(self.days, day)
        last = index + count - 1
        if self.days[index] - day > _SEARCHED_DAYS or _crosses(self.day_closures, index, last):
            raise NoServiceDays(f"no date is open for {_SEARCHED_DAYS} days on the way from {date.fromordinal(day)}")
        return self.days[last] if last < len(self.days) - 1 else None


def micros(moment: datetime) -> int:
    try:
        since = moment - _EPOCH
    except TypeError as error:
        raise ValueError(f"a naive datetime names no instant: {moment}") from error
    return since.days * _DAY + since.seconds * MICRO + since.microseconds


def instant(point: int) -> datetime:
    return _EPOCH + timedelta(0, point // MICRO, point % MICRO)


def _crosses(closures: list[int], low: int, high: int) -> bool:
    return bisect_right(closures, low) < bisect_right(closures, high)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Join spans that overlap or touch; they come ordered by opening."""
    line: list[Span] = []
    for opened, closed in spans:
        if line and opened <= line[-1][1]:
            line[-1] = line[-1][0], max(closed, line[-1][1])
        else:
            line.append((opened, closed))
    return line
