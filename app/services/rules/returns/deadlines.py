"""Last days: counting days and months, and what a rest day at the end does to them (民法典 201–203).

The law moves a last day that is a 法定休假日 to the day after, and does not say whether that means every day off or
the named festivals alone. A deadline therefore carries each reading; where they part, the answer says so.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from app.services.rules.holidays import HolidayBook

_SATURDAY = 5


class Deadline(NamedTuple):
    """A last day, Asia/Shanghai, which ends at 24:00.

    `last` is the one we tell: moved over days off as really taken, in a year without a notice over weekends alone.
    `narrow` moves over the festivals only; `latest` is the latest that any reading allows.
    """

    nominal: date
    last: date
    narrow: date
    latest: date
    confirmed: bool  # by the notices of the years it touches

    def met(self, day: date) -> bool:
        return day <= self.latest

    def open_question(self, day: date) -> bool:
        """Say whether a day is in time on one reading and late on another."""
        return min(self.last, self.narrow) < day <= self.latest

    @property
    def rolled(self) -> bool:
        return self.last != self.nominal


def fixed(day: date) -> Deadline:
    """Return a last day that was agreed on as such: it stays, a day off or not."""
    return Deadline(day, day, day, day, confirmed=True)


class RestDays:
    """The days off of a country, for the ends of periods. Immutable but for what it remembers."""

    def __init__(self, book: HolidayBook) -> None:
        confirmed = [year for year in book.years if year.confirmed]
        self._confirmed = frozenset(year.year for year in confirmed)
        self._off = frozenset(day.toordinal() for year in confirmed for day in year.rest_days)
        self._expected = frozenset(day.toordinal() for day in book.rest_days)
        self._worked = frozenset(day.toordinal() for day in book.make_up_workdays)
        self._statutory = frozenset(day.toordinal() for year in book.years for day in year.statutory_days)
        self._known: dict[int, Deadline] = {}

    def deadline(self, nominal: date) -> Deadline:
        ordinal = nominal.toordinal()
        found = self._known.get(ordinal)
        if found is None:
            found = self._known[ordinal] = self._deadline(nominal, ordinal)
        return found

    def in_days(self, start: date, days: int) -> Deadline:
        """Return the deadline `days` days after `start`, which is not counted itself."""
        return self.deadline(date.fromordinal(start.toordinal() + days))

    def _deadline(self, nominal: date, ordinal: int) -> Deadline:
        last = _moved(ordinal, self._is_off)
        narrow = _moved(ordinal, self._statutory.__contains__)
        expected = _moved(ordinal, lambda day: day in self._expected or self._is_off(day))
        years = {nominal.year, date.fromordinal(last).year}
        return Deadline(
            nominal,
            date.fromordinal(last),
            date.fromordinal(narrow),
            date.fromordinal(max(last, narrow, expected)),
            years <= self._confirmed,
        )

    def _is_off(self, day: int) -> bool:
        return day in self._off or ((day - 1) % 7 >= _SATURDAY and day not in self._worked)


def _moved(day: int, is_off: Callable[[int], bool]) -> int:
    while is_off(day):
        day += 1
    return day


def months_after(start: date, months: int) -> date:
    """Return the corresponding day `months` later, the last day of that month if it has none (民法典 202)."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
