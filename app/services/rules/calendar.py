"""Working calendar (工作日历): what counts as open time, and which instant lies N open seconds away.

Time is open while the local wall clock shows a time inside a window. On the days a clock is put forward or back
this means: seconds are those that really pass; of a window reaching into the skipped hour only the part the clock
shows is open (02:30–03:30 with 02:00–03:00 skipped is open 03:00–03:30); a wall time shown twice is open twice.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from typing import Final, Literal
from zoneinfo import ZoneInfo

from app.services.rules.timeline import EPOCH_DAY, MICRO, NoServiceDays, Span, Timeline, instant, merged, micros

__all__ = [
    "ROUND_THE_CLOCK",
    "WEEKDAYS",
    "DateHours",
    "NoServiceDays",
    "Weekday",
    "WeeklyHours",
    "Window",
    "WorkingCalendar",
    "end_of_day",
]

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Window = tuple[str, str]  # ("08:30", "12:00"), local wall time; an end before its start is on the next day
WeeklyHours = Mapping[Weekday, Sequence[Window]]  # a day left out is closed
DateHours = Mapping[date, Sequence[Window]]

WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROUND_THE_CLOCK: Final[WeeklyHours] = {weekday: [("00:00", "24:00")] for weekday in WEEKDAYS}

_DAY = 86_400
_FIRST_YEAR, _LAST_YEAR = 2, 9998  # a margin, so that every local time fits a datetime too
_FAR_YEARS = 100
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)")


class WorkingCalendar:
    """The open hours of one zone: a week, holidays on which it does not apply, dates with hours of their own.

    `date_hours` wins over `holidays`, and they over the week; an empty list closes the date. A window past midnight
    belongs to the date it opens on, and runs into the next one whatever that is. Overlapping windows merge. Dates
    may be ISO strings. Calendars of equal definition are equal; one may be shared by threads.
    Raises: ValueError for an unknown zone or weekday, and for a malformed window, naming day and window.
    """

    __slots__ = ("_by_date", "_compiled", "_definition", "_week", "_zone")

    def __init__(
        self,
        timezone: str | ZoneInfo,
        hours: WeeklyHours,
        holidays: Iterable[date | str] = (),
        date_hours: DateHours | Mapping[str, Sequence[Window]] | None = None,
    ) -> None:
        if unknown := sorted(set[str](hours) - set(WEEKDAYS)):
            raise ValueError(f"unknown weekday {', '.join(unknown)}: expected {', '.join(WEEKDAYS)}")
        self._zone = _zone(timezone)
        self._week = tuple(_parsed(weekday, hours.get(weekday, ())) for weekday in WEEKDAYS)
        self._by_date: dict[int, tuple[Span, ...]] = {_ordinal(day): () for day in holidays}
        self._by_date |= {_ordinal(day): _parsed(str(day), windows) for day, windows in (date_hours or {}).items()}
        self._definition = (self.timezone, self._week, tuple(sorted(self._by_date.items())))
        self._compiled: Timeline | None = None  # replaced whole, so a lost race costs work and nothing else

    @property
    def timezone(self) -> str:
        """IANA name of the zone the hours are in."""
        return self._zone.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WorkingCalendar) and self._definition == other._definition

    def __hash__(self) -> int:
        return hash(self._definition)

    def __repr__(self) -> str:
        return f"<WorkingCalendar {self.timezone}, {len(self._by_date)} dates with hours of their own>"

    def add(self, start: datetime, seconds: int) -> datetime:
        """Return the earliest instant by which `seconds` of open time have passed; it may be a closing time.

        Time: `start` must be aware, its microseconds are kept; the result is UTC.
        Bounds: zero gives `start` itself, even outside hours; negative seconds are a ValueError.
        Raises: NoServiceDays if 366 days on the way have no open time.
        """
        point = micros(start)
        if seconds <= 0:
            return _unmoved(start, seconds)
        line = self._line(point, point)
        while (found := line.ahead(point, seconds * MICRO)) is None:
            line = self._extended(line, after=line.years)
        return instant(found)

    def subtract(self, start: datetime, seconds: int) -> datetime:
        """Return the latest instant from which `seconds` of open time lead up to `start`; it may be an opening time.

        Time, bounds and errors are those of `add`, with the 366 days counted backwards.
        """
        point = micros(start)
        if seconds <= 0:
            return _unmoved(start, seconds)
        line = self._line(point, point)
        while (found := line.back(point, seconds * MICRO)) is None:
            line = self._extended(line, before=line.years)
        return instant(found)

    def between(self, start: datetime, end: datetime) -> int:
        """Return the open seconds from `start` to `end`, a begun one left out; 0 if `end` is the earlier."""
        low, high = micros(start), micros(end)
        if high <= low:
            return 0
        line = self._line(low, high)
        return (line.open_until(high) - line.open_until(low)) // MICRO

    def carried(self, moment: datetime, since: datetime, until: datetime) -> datetime:
        """Return the instant that has as much open time before it from `until` on as `moment` has from `since` on.

        Exact to the microsecond. With no open time between `since` and `moment` it is `until` itself.
        Raises: NoServiceDays as `add` does.
        """
        low, high, point = micros(since), micros(moment), micros(until)
        line = self._line(min(low, point), max(high, point))
        left = line.open_until(high) - line.open_until(low) if high > low else 0
        if left == 0:
            return instant(point)
        while (found := line.ahead(point, left)) is None:
            line = self._extended(line, after=line.years)
        return instant(found)

    def windows(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield opening and closing instants (UTC) from `start` to `end`, clipped to it; touching windows are one."""
        low, high = micros(start), micros(end)
        if high <= low:
            return
        line = self._line(low, high)
        for index in range(bisect_right(line.closes, low), bisect_left(line.opens, high)):
            yield instant(max(low, line.opens[index])), instant(min(high, line.closes[index]))

    def add_days(self, start: datetime, days: int) -> datetime:
        """Return 24:00 local time, as UTC, of the `days`-th open date after the local date of `start`.

        A date is open if a window opens on it. As with calendar days the day of `start` is not counted, so zero
        days end at 24:00 of that day, open or not; negative days are a ValueError.
        Raises: NoServiceDays if 366 days on the way have no open date.
        """
        point = micros(start)
        if days <= 0:
            return end_of_day(start, days, self._zone)
        day = start.astimezone(self._zone).toordinal()
        line = self._line(point - _DAY * MICRO, point + _DAY * MICRO)
        while (found := line.day_ahead(day, days)) is None:
            line = self._extended(line, after=line.years)
        return _end_of(found, self._zone)

    def _line(self, low: int, high: int) -> Timeline:
        """Return compiled years with both instants inside; a far one starts afresh, without the years between."""
        line = self._compiled
        if line is not None and line.start < low and high < line.end:
            return line
        first, last = instant(low - 1).year, instant(high).year
        if line is None or first > line.last_year + _FAR_YEARS or last < line.first_year - _FAR_YEARS:
            return self._keep(Timeline.of(*_within_reach(first, last), *self._compile(range(first, last + 1))))
        return self._extended(line, before=max(line.first_year - first, 0), after=max(last - line.last_year, 0))

    def _extended(self, line: Timeline, *, before: int = 0, after: int = 0) -> Timeline:
        first, last = _within_reach(line.first_year - before, line.last_year + after)
        earlier_spans, earlier_days = self._compile(range(first, line.first_year))
        later_spans, later_days = self._compile(range(line.last_year + 1, last + 1))
        spans = chain(earlier_spans, line.spans(), later_spans)
        return self._keep(Timeline.of(first, last, spans, [*earlier_days, *line.days[:-1], *later_days]))

    def _keep(self, line: Timeline) -> Timeline:
        self._compiled = line
        return line

    def _compile(self, years: range) -> tuple[list[Span], list[int]]:
        """Return the open spans (microseconds) and the open dates (ordinals) of the years."""
        if not years:
            return [], []
        days = range(date(years[0], 1, 1).toordinal(), date(years[-1] + 1, 1, 1).toordinal())
        start, end = ((day - EPOCH_DAY) * _DAY for day in (days[0], days[-1] + 1))
        return list(self._spans(start, end)), [day for day in days if self._windows_on(day)]

    def _spans(self, start: int, end: int) -> Iterator[Span]:
        for since, until, offset in _offsets(self._zone, start, end):
            # from the day before: its windows may run past midnight
            for day in range((since + offset) // _DAY - 1, (until + offset - 1) // _DAY + 1):
                midnight = day * _DAY - offset
                for opens, closes in self._windows_on(EPOCH_DAY + day):
                    span = max(midnight + opens, since), min(midnight + closes, until)
                    if span[0] < span[1]:
                        yield span[0] * MICRO, span[1] * MICRO

    def _windows_on(self, day: int) -> tuple[Span, ...]:
        special = self._by_date.get(day)
        return self._week[(day - 1) % 7] if special is None else special


def end_of_day(start: datetime, days: int, timezone: str | ZoneInfo) -> datetime:
    """Return 24:00 local time, as UTC, of the day `days` calendar days after the local date of `start`.

    The day of `start` is day 0. Raises: ValueError for a naive `start`, negative days or an unknown zone.
    """
    micros(start)
    if days < 0:
        raise ValueError(f"days must not be negative, not {days}")
    zone = _zone(timezone)
    return _end_of(start.astimezone(zone).toordinal() + days, zone)


@lru_cache(maxsize=256)
def _offsets(zone: ZoneInfo, start: int, end: int) -> tuple[tuple[int, int, int], ...]:
    """Return the stretches (since, until, offset from UTC) in seconds; the offset is probed once a day."""
    stretches, since, offset = [], start, _offset(zone, start)
    for probe in range(start + _DAY, end + 1, _DAY):
        if (after := _offset(zone, probe)) != offset:
            change = _change(zone, probe - _DAY, probe)
            stretches.append((since, change, offset))
            since, offset = change, after
    return (*stretches, (since, end, offset))


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """Return the first second after `low` with another offset."""
    old = _offset(zone, low)
    return low + bisect_left(range(low, high), True, key=lambda second: _offset(zone, second) != old)


def _offset(zone: ZoneInfo, second: int) -> int:
    offset = instant(second * MICRO).astimezone(zone).utcoffset() or timedelta()
    return offset.days * _DAY + offset.seconds


def _parsed(day: str, windows: Sequence[Window]) -> tuple[Span, ...]:
    """Return the windows of a day in seconds after its midnight, in order, overlaps merged."""
    spans = []
    for window in windows:
        if isinstance(window, str) or len(window) != 2:
            raise ValueError(f"{day}: window {window!r} is not an opening and a closing time")
        opens, closes = (_seconds(text) for text in window)
        if opens is None or closes is None or opens == _DAY:
            raise ValueError(f"{day}: window {'–'.join(map(str, window))} is not two times HH:MM, 00:00 to 24:00")
        if opens == closes:
            raise ValueError(f"{day}: window {'–'.join(window)} is empty; the whole day is 00:00–24:00")
        spans.append((opens, closes if closes > opens else closes + _DAY))
    return tuple(merged(sorted(spans)))


def _seconds(text: str) -> int | None:
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    return int(text[:2]) * 3600 + int(text[3:]) * 60 if match else None


def _zone(timezone: str | ZoneInfo) -> ZoneInfo:
    name = timezone.key if isinstance(timezone, ZoneInfo) else timezone
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}: expected an IANA name") from error


def _ordinal(day: date | str) -> int:
    return (date.fromisoformat(day) if isinstance(day, str) else day).toordinal()


def _within_reach(first: int, last: int) -> tuple[int, int]:
    if first < _FIRST_YEAR or last > _LAST_YEAR:
        raise OverflowError(f"a calendar reaches from year {_FIRST_YEAR} to year {_LAST_YEAR}")
    return first, last


def _unmoved(start: datetime, amount: int) -> datetime:
    if amount < 0:
        raise ValueError(f"seconds must not be negative, not {amount}")
    return start.astimezone(UTC)


def _end_of(day: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(date.fromordinal(day + 1), time.min, zone).astimezone(UTC)
