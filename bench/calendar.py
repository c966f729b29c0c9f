"""What a deadline costs near and far: the working calendar's searches, once compiled, and its compilation."""

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from timeit import repeat

import app.policies
from app.services.rules.calendar import WEEKDAYS, WorkingCalendar
from app.services.rules.holidays import HolidayBook, build_calendar

OFFICE_HOURS = [("08:30", "12:00"), ("13:00", "17:30")]
WEEK = dict.fromkeys(WEEKDAYS[:5], OFFICE_HOURS)
START = datetime(2026, 3, 2, 2, 15, tzinfo=UTC)
DISTANCES = {"3 days": 3, "3 years": 3 * 250}  # working days
GOAL_MICROSECONDS = 5
ROUNDS, CALLS = 15, 4000


def main() -> None:
    book = _holiday_book()
    calendar = build_calendar("Asia/Shanghai", WEEK, book)
    first = perf_counter()
    calendar.add(START, 8 * 3600)
    compiled = perf_counter() - first
    print(f"{'median of ' + str(ROUNDS):<14}{'3 days':>12}{'3 years':>12}{'ratio':>8}")
    for name in ("add", "subtract", "between", "add_days"):
        near, far = (_median_microseconds(_call(calendar, name, days)) for days in DISTANCES.values())
        print(f"{name:<14}{near:>9.2f} µs{far:>9.2f} µs{far / near:>8.2f}")
    print(f"first deadline of a new calendar, with its year compiled: {compiled * 1000:.2f} ms")
    print(f"goal: under {GOAL_MICROSECONDS} µs at any distance once compiled")


def _call(calendar: WorkingCalendar, name: str, days: int) -> Callable[[], object]:
    seconds, end = days * 8 * 3600, calendar.add(START, days * 8 * 3600)
    return {
        "add": lambda: calendar.add(START, seconds),
        "subtract": lambda: calendar.subtract(end, seconds),
        "between": lambda: calendar.between(START, end),
        "add_days": lambda: calendar.add_days(START, days),
    }[name]


def _median_microseconds(call: Callable[[], object]) -> float:
    call()
    return median(repeat(call, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


def _holiday_book() -> HolidayBook:
    path = Path(app.policies.__path__[0]) / "law" / "holidays.toml"
    return HolidayBook.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
