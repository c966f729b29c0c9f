"""Public holidays (法定节假日) and make-up workdays (调休上班), and the working calendar of a week with them."""

from datetime import date
from itertools import pairwise
from typing import Self

from pydantic import model_validator

from app.services.rules.calendar import WEEKDAYS, DateHours, WeeklyHours, WorkingCalendar
from app.services.rules.clause import Terms


class HolidayYear(Terms):
    """One calendar year: the days really off, weekend days inside a holiday included, and the weekend days worked.

    An unconfirmed year has no notice (节假日安排的通知) yet: its rest days are those the law itself fixes, with
    substitute days reckoned, and days may still be moved. `statutory_days` are the festivals themselves (第二条),
    without substitute and exchanged days.
    """

    year: int
    confirmed: bool
    notice: str | None = None
    rest_days: tuple[date, ...]
    make_up_workdays: tuple[date, ...]
    statutory_days: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for days in (self.rest_days, self.make_up_workdays, self.statutory_days):
            if any(day.year != self.year for day in days) or any(later <= day for day, later in pairwise(days)):
                raise ValueError(f"the days of {self.year} must lie in that year, in order and once each")
        if both := set(self.rest_days) & set(self.make_up_workdays):
            raise ValueError(f"both a rest day and a make-up workday: {', '.join(map(str, sorted(both)))}")
        if stray := set(self.statutory_days) - set(self.rest_days):
            raise ValueError(f"a statutory day is a rest day too: {', '.join(map(str, sorted(stray)))}")
        if self.confirmed and not self.notice:
            raise ValueError(f"{self.year} is confirmed only by a notice: name it")
        return self


class HolidayDays(Terms):
    """What of the holidays deadlines depend on, all in order."""

    rest_days: tuple[date, ...]
    make_up_workdays: tuple[date, ...]
    confirmed_years: tuple[int, ...]


class HolidayBook(Terms):
    """The holidays of a country, year by year; a year it leaves out has none on record and is unconfirmed."""

    law: str
    years: tuple[HolidayYear, ...]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(later.year <= year.year for year, later in pairwise(self.years)):
            raise ValueError("years must be in order and once each")
        return self

    @property
    def rest_days(self) -> frozenset[date]:
        return frozenset(day for year in self.years for day in year.rest_days)

    @property
    def make_up_workdays(self) -> frozenset[date]:
        return frozenset(day for year in self.years for day in year.make_up_workdays)

    @property
    def days(self) -> HolidayDays:
        confirmed = tuple(year.year for year in self.years if year.confirmed)
        rest_days, worked = sorted(self.rest_days), sorted(self.make_up_workdays)
        return HolidayDays(rest_days=tuple(rest_days), make_up_workdays=tuple(worked), confirmed_years=confirmed)

    @property
    def confirmed_through(self) -> date | None:
        """Last day of the latest confirmed year; None if no year is."""
        return max((date(year.year, 12, 31) for year in self.years if year.confirmed), default=None)

    def is_confirmed(self, start: date, end: date) -> bool:
        """Say whether every year from `start` to `end` is confirmed; both are local dates and included.

        A deadline at 24:00 of 31 December ends in that year: pass that day, not the next.
        """
        confirmed = {year.year for year in self.years if year.confirmed}
        return confirmed.issuperset(range(start.year, end.year + 1))


def changed_spans(before: HolidayDays, after: HolidayDays) -> tuple[tuple[date, date], ...]:
    """Return the stretches of dates, first and last, that count differently or whose year is confirmed by one only."""
    days = {*before.rest_days} ^ {*after.rest_days} | {*before.make_up_workdays} ^ {*after.make_up_workdays}
    for year in {*before.confirmed_years} ^ {*after.confirmed_years}:
        first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        days |= {date.fromordinal(day) for day in range(first, last + 1)}
    spans: list[tuple[date, date]] = []
    for day in sorted(days):
        follows = bool(spans) and (day - spans[-1][1]).days == 1
        spans.append((spans.pop()[0] if follows else day, day))
    return tuple(spans)


def build_calendar(
    timezone: str, hours: WeeklyHours, book: HolidayBook | None = None, date_hours: DateHours | None = None
) -> WorkingCalendar:
    """Return the calendar of an edition's week, with public holidays if a book is given, and company exceptions.

    A make-up workday has the hours of the first open weekday, Monday's as a rule: the notices do not say which
    weekday it stands for. `date_hours` wins over everything.
    """
    ordinary = next((hours[weekday] for weekday in WEEKDAYS if hours.get(weekday)), ())
    make_up = dict.fromkeys(book.make_up_workdays, ordinary) if book else {}
    return WorkingCalendar(timezone, hours, book.rest_days if book else (), make_up | dict(date_hours or {}))
