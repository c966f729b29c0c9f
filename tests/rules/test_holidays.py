"""The holiday book: the shipped file against the library it comes from, and what a calendar makes of it."""

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays as library
import pytest
from pydantic import ValidationError

import app.policies
from app.services.rules.calendar import ROUND_THE_CLOCK, WEEKDAYS, WeeklyHours, WorkingCalendar
from app.services.rules.holidays import HolidayBook, HolidayYear, build_calendar, changed_spans

SHANGHAI = "Asia/Shanghai"
FILE = Path(app.policies.__path__[0]) / "law" / "holidays.toml"
BOOK = HolidayBook.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))
OFFICE_HOURS = [("08:30", "17:30")]
OFFICE_WEEK = dict.fromkeys(WEEKDAYS[:5], OFFICE_HOURS)
OFFICE = build_calendar(SHANGHAI, OFFICE_WEEK, BOOK)


def open_hours(calendar: WorkingCalendar, day: str) -> float:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(SHANGHAI))
    return calendar.between(start, start + timedelta(days=1)) / 3600


def days_from(first: str, count: int) -> set[date]:
    return {date.fromisoformat(first) + timedelta(days=n) for n in range(count)}


def test_2026_is_as_its_notice_has_it() -> None:
    year = next(year for year in BOOK.years if year.year == 2026)
    holidays = [("2026-01-01", 3), ("2026-02-15", 9), ("2026-04-04", 3), ("2026-05-01", 5), ("2026-06-19", 3)]
    holidays += [("2026-09-25", 3), ("2026-10-01", 7)]
    worked = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]
    assert set(year.rest_days) == set().union(*(days_from(first, count) for first, count in holidays))
    assert year.make_up_workdays == tuple(map(date.fromisoformat, worked))
    assert (year.confirmed, year.notice) == (True, "国办发明电〔2025〕7号")


@pytest.mark.parametrize("year", [year for year in BOOK.years if year.confirmed], ids=lambda year: year.year)
def test_confirmed_years_agree_with_the_library(year: HolidayYear) -> None:
    published = library.country_holidays("CN", years=year.year)
    make_up = tuple(sorted(day for day in published.weekend_workdays if day.year == year.year))
    if not make_up:
        pytest.skip(f"the installed library has no make-up workdays for {year.year}")
    assert year.make_up_workdays == make_up
    assert set(published) <= set(year.rest_days)
    assert all(day.weekday() >= 5 for day in set(year.rest_days) - set(published))


def test_a_year_without_make_up_workdays_is_not_confirmed() -> None:
    assert [year.year for year in BOOK.years] == list(range(2020, 2031))
    assert all(year.confirmed == bool(year.make_up_workdays) for year in BOOK.years)
    assert all(day.weekday() >= 5 for day in BOOK.make_up_workdays)


def test_unconfirmed_years_have_the_days_the_law_fixes() -> None:
    # 第二条: 元旦, 除夕至正月初三, 清明, 五一, 端午, 中秋, 国庆
    fixed = {date(2027, 1, 1), date(2027, 4, 5), date(2027, 6, 9), date(2027, 9, 15)}
    fixed |= days_from("2027-02-05", 4) | days_from("2027-05-01", 2) | days_from("2027-10-01", 3)
    assert fixed <= BOOK.rest_days
    assert not any(day.year == 2027 for day in BOOK.make_up_workdays)


def test_the_festivals_themselves_are_known_apart_from_days_exchanged() -> None:
    statutory = {day for year in BOOK.years for day in year.statutory_days if day.year == 2026}
    fixed = {date(2026, 1, 1), date(2026, 4, 5), date(2026, 6, 19), date(2026, 9, 25)}
    assert statutory == fixed | days_from("2026-02-16", 4) | days_from("2026-05-01", 2) | days_from("2026-10-01", 3)
    assert statutory <= BOOK.rest_days


@pytest.mark.parametrize(
    ("start", "end", "confirmed"),
    [
        ("2026-11-20", "2026-12-31", True),
        ("2026-11-20", "2027-01-01", False),
        ("2027-03-01", "2027-03-02", False),
        ("2020-01-01", "2026-12-31", True),
        ("2019-12-31", "2020-01-02", False),
        ("2035-01-01", "2035-01-02", False),
    ],
)
def test_an_interval_is_confirmed_if_every_year_of_it_is(start: str, end: str, confirmed: bool) -> None:
    assert BOOK.is_confirmed(date.fromisoformat(start), date.fromisoformat(end)) is confirmed


def test_confirmation_reaches_to_the_end_of_the_last_announced_year() -> None:
    assert BOOK.confirmed_through == date(2026, 12, 31)
    assert HolidayBook(law="", years=()).confirmed_through is None


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2026-09-30", 9),
        ("2026-10-01", 0),
        ("2026-10-07", 0),
        ("2026-10-08", 9),
        ("2026-10-10", 9),  # a make-up Saturday
        ("2026-10-11", 0),
        ("2026-09-20", 9),  # a make-up Sunday
        ("2026-02-23", 0),  # a Monday off in exchange
        ("2020-01-31", 0),  # the Spring Festival holiday was extended
        ("2020-02-01", 0),  # and this make-up Saturday with it called off
    ],
)
def test_the_calendar_keeps_holidays_and_make_up_workdays(day: str, hours: float) -> None:
    assert open_hours(OFFICE, day) == hours


def test_a_make_up_workday_has_the_hours_of_the_first_open_weekday() -> None:
    week: WeeklyHours = {"tue": [("09:00", "12:00")], "fri": [("09:00", "17:00")], "sat": [("10:00", "11:00")]}
    calendar = build_calendar(SHANGHAI, week, BOOK)
    assert [open_hours(calendar, day) for day in ("2026-10-10", "2026-10-17", "2026-09-20")] == [3, 1, 3]


def test_a_company_s_own_dates_win_over_holidays_and_make_up_workdays() -> None:
    own = {date(2026, 10, 10): [], date(2026, 10, 5): [("10:00", "12:00")], date(2026, 10, 9): [("08:30", "12:00")]}
    calendar = build_calendar(SHANGHAI, OFFICE_WEEK, BOOK, own)
    assert [open_hours(calendar, day) for day in ("2026-10-10", "2026-10-05", "2026-10-09")] == [0, 2, 3.5]


def test_without_a_book_the_week_stands_alone() -> None:
    assert build_calendar(SHANGHAI, OFFICE_WEEK) == WorkingCalendar(SHANGHAI, OFFICE_WEEK)
    assert open_hours(build_calendar(SHANGHAI, ROUND_THE_CLOCK), "2026-10-01") == 24
    assert open_hours(build_calendar(SHANGHAI, {}, BOOK), "2026-10-10") == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rest_days": [date(2025, 12, 31)]}, "must lie in that year"),
        ({"make_up_workdays": [date(2026, 2, 28), date(2026, 2, 14)]}, "in order"),
        ({"rest_days": [date(2026, 1, 4)]}, "both a rest day and a make-up workday: 2026-01-04"),
        ({"notice": None}, "name it"),
        ({"statutory_days": [date(2026, 10, 1)]}, "is a rest day too: 2026-10-01"),
        ({"holidays": []}, "holidays"),
    ],
)
def test_a_year_that_contradicts_itself_is_refused(change: dict[str, object], said: str) -> None:
    year = {"year": 2026, "confirmed": True, "notice": "国办发明电〔2025〕7号"}
    year |= {"rest_days": [date(2026, 1, 1)], "make_up_workdays": [date(2026, 1, 4)]}
    assert HolidayBook.model_validate({"law": "", "years": [year]}).is_confirmed(date(2026, 1, 1), date(2026, 1, 4))
    with pytest.raises(ValidationError, match=said):
        HolidayBook.model_validate({"law": "", "years": [year | change]})
    with pytest.raises(ValidationError, match="in order and once each"):
        HolidayBook.model_validate({"law": "", "years": [year, year]})


def changed_book(year: int, **changes: object) -> HolidayBook:
    years = [each.model_copy(update=changes) if each.year == year else each for each in BOOK.years]
    return BOOK.model_copy(update={"years": tuple(years)})


@pytest.mark.parametrize(
    ("changes", "spans"),
    [
        ({}, []),
        ({"notice": "国办发明电〔2026〕1号"}, []),  # deadlines do not depend on its words
        ({"make_up_workdays": (date(2027, 2, 20), date(2027, 2, 21))}, [("2027-02-20", "2027-02-21")]),
        ({"rest_days": ()}, None),
        ({"confirmed": True}, [("2027-01-01", "2027-12-31")]),
    ],
)
def test_what_changes_is_every_date_that_counts_differently_or_is_confirmed_now(
    changes: dict[str, object], spans: list[tuple[str, str]] | None
) -> None:
    after = changed_book(2027, **changes)
    found = [(first.isoformat(), last.isoformat()) for first, last in changed_spans(BOOK.days, after.days)]
    assert changed_spans(after.days, BOOK.days) == changed_spans(BOOK.days, after.days)
    if spans is not None:
        assert found == spans
    else:
        assert found[:3] == [("2027-01-01", "2027-01-01"), ("2027-02-05", "2027-02-10"), ("2027-04-05", "2027-04-05")]
