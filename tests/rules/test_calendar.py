"""The working calendar, case by case; `test_calendar_oracle` adds random ones."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.services.rules.calendar import (
    ROUND_THE_CLOCK,
    WEEKDAYS,
    NoServiceDays,
    WeeklyHours,
    Window,
    WorkingCalendar,
    end_of_day,
)

SHANGHAI, NEW_YORK, LORD_HOWE, KATHMANDU = "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"
OFFICE_HOURS = [("08:30", "12:00"), ("13:00", "17:30")]
OFFICE_WEEK = dict.fromkeys(WEEKDAYS[:5], OFFICE_HOURS)
NATIONAL_DAY = [date(2026, 10, day) for day in range(1, 8)]
OFFICE = WorkingCalendar(SHANGHAI, OFFICE_WEEK, NATIONAL_DAY, {date(2026, 10, 10): OFFICE_HOURS})


def at(local: str, zone: str = SHANGHAI) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))


def hours(count: float) -> int:
    return int(count * 3600)


def daily(*windows: Window) -> WeeklyHours:
    return dict.fromkeys(WEEKDAYS, windows)


@pytest.mark.parametrize(
    ("start", "seconds", "due"),
    [
        ("2026-09-21 10:00", hours(1), "2026-09-21 11:00"),
        ("2026-09-21 11:30", hours(1), "2026-09-21 13:30"),  # over lunch
        ("2026-09-21 11:00", hours(1), "2026-09-21 12:00"),  # the closing time itself, not the next opening
        ("2026-09-21 09:30", hours(7), "2026-09-21 17:30"),
        ("2026-09-21 17:30", 1, "2026-09-22 08:30:01"),
        ("2026-09-21 06:00", hours(1), "2026-09-21 09:30"),
        ("2026-09-21 12:20", hours(1), "2026-09-21 14:00"),
        ("2026-09-18 18:00", hours(1), "2026-09-21 09:30"),  # over the weekend
        ("2026-09-30 16:30", hours(2), "2026-10-08 09:30"),  # National Day week does not count
        ("2026-10-09 17:00", hours(1), "2026-10-10 09:00"),  # the make-up Saturday does
        ("2026-10-10 17:00", hours(1), "2026-10-12 09:00"),  # the Sunday after it does not
        ("2026-10-03 12:00", 0, "2026-10-03 12:00"),
        ("2026-09-21 10:00:00.250000", 1, "2026-09-21 10:00:01.250000"),
        ("2026-09-21 17:29:59.750000", 1, "2026-09-22 08:30:00.750000"),
    ],
)
def test_add_counts_open_seconds_only(start: str, seconds: int, due: str) -> None:
    assert OFFICE.add(at(start), seconds) == at(due)
    assert OFFICE.add(at(start), seconds).tzinfo is UTC


@pytest.mark.parametrize(
    ("end", "seconds", "start"),
    [
        ("2026-09-21 11:00", hours(1), "2026-09-21 10:00"),
        ("2026-09-21 13:30", hours(1), "2026-09-21 11:30"),
        ("2026-09-21 14:00", hours(1), "2026-09-21 13:00"),  # the opening time itself, not the closing before it
        ("2026-10-08 09:30", hours(2), "2026-09-30 16:30"),
        ("2026-10-08 08:30", hours(1), "2026-09-30 16:30"),
        ("2026-10-12 09:00", hours(1), "2026-10-10 17:00"),
        ("2026-10-03 12:00", 0, "2026-10-03 12:00"),
        ("2026-09-21 08:30:00.500000", 1, "2026-09-18 17:29:59.500000"),
    ],
)
def test_subtract_gives_the_latest_start(end: str, seconds: int, start: str) -> None:
    assert OFFICE.subtract(at(end), seconds) == at(start)


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-09-21 00:00", "2026-09-22 00:00", hours(8)),
        ("2026-09-21 11:30", "2026-09-21 13:30", hours(1)),
        ("2026-09-30 16:30", "2026-10-08 09:30", hours(2)),
        ("2026-10-01 00:00", "2026-10-08 00:00", 0),
        ("2026-10-10 00:00", "2026-10-12 00:00", hours(8)),
        ("2026-09-21 10:00:00.500000", "2026-09-21 10:00:02", 1),  # a begun second is not counted
        ("2026-09-22 12:00", "2026-09-21 12:00", 0),
        ("2026-09-21 10:00", "2026-09-21 10:00", 0),
    ],
)
def test_between_counts_open_seconds(start: str, end: str, seconds: int) -> None:
    assert OFFICE.between(at(start), at(end)) == seconds


@pytest.mark.parametrize(
    ("start", "days", "last_day"),
    [
        ("2026-09-21 09:00", 1, "2026-09-22"),
        ("2026-09-21 23:59", 1, "2026-09-22"),
        ("2026-09-25 09:00", 1, "2026-09-28"),
        ("2026-09-30 09:00", 1, "2026-10-08"),
        ("2026-10-03 09:00", 1, "2026-10-08"),
        ("2026-10-09 09:00", 1, "2026-10-10"),  # a make-up Saturday is a working day
        ("2026-10-09 09:00", 2, "2026-10-12"),
        ("2026-09-21 09:00", 0, "2026-09-21"),
        ("2026-10-03 09:00", 0, "2026-10-03"),
        ("2026-12-31 09:00", 1, "2027-01-01"),
        ("2026-10-12 00:00", 780, "2029-10-08"),
    ],
)
def test_working_days_end_at_24_00_of_the_nth_open_date(start: str, days: int, last_day: str) -> None:
    assert OFFICE.add_days(at(start), days) == at(last_day) + timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "days", "zone", "end"),
    [
        ("2026-03-10 10:15+08:00", 7, SHANGHAI, "2026-03-17T16:00+00:00"),
        ("2026-03-10 00:05+08:00", 1, SHANGHAI, "2026-03-11T16:00+00:00"),
        ("2026-03-09 16:05+00:00", 1, SHANGHAI, "2026-03-11T16:00+00:00"),  # the local date counts, not that in UTC
        ("2024-02-28 12:00+08:00", 1, SHANGHAI, "2024-02-29T16:00+00:00"),
        ("2026-03-10 10:15+08:00", 0, SHANGHAI, "2026-03-10T16:00+00:00"),
        ("2026-03-07 12:00-05:00", 1, NEW_YORK, "2026-03-09T04:00+00:00"),
        ("2026-11-01 12:00+00:00", 0, NEW_YORK, "2026-11-02T05:00+00:00"),
        ("2018-11-03 12:00-03:00", 0, "America/Sao_Paulo", "2018-11-04T03:00+00:00"),  # that midnight is skipped
    ],
)
def test_calendar_days_end_at_24_00_local_time(start: str, days: int, zone: str, end: str) -> None:
    assert end_of_day(datetime.fromisoformat(start), days, zone).isoformat() == end.replace("+00", ":00+00")


@pytest.mark.parametrize(
    ("window", "zone", "day", "open_hours"),
    [
        (("02:30", "03:30"), NEW_YORK, "2026-03-08", 0.5),  # 02:00–03:00 is skipped
        (("02:00", "03:00"), NEW_YORK, "2026-03-08", 0),
        (("01:30", "02:30"), NEW_YORK, "2026-03-08", 0.5),
        (("01:00", "02:00"), NEW_YORK, "2026-11-01", 2),  # shown twice
        (("01:30", "01:45"), NEW_YORK, "2026-11-01", 0.5),
        (("00:00", "24:00"), NEW_YORK, "2026-03-08", 23),
        (("00:00", "24:00"), NEW_YORK, "2026-11-01", 25),
        (("01:45", "02:45"), LORD_HOWE, "2026-10-04", 0.5),  # 02:00–02:30 is skipped
        (("01:30", "02:00"), LORD_HOWE, "2026-04-05", 1),
        (("00:00", "24:00"), LORD_HOWE, "2026-04-05", 24.5),
        (("00:00", "24:00"), SHANGHAI, "1986-05-04", 23),
        (("00:00", "24:00"), SHANGHAI, "1986-09-14", 25),
        (("00:00", "24:00"), SHANGHAI, "1991-09-15", 25),
        (("00:00", "24:00"), SHANGHAI, "1992-04-12", 24),
        (("23:00", "24:00"), "Africa/Casablanca", "2008-05-31", 1),  # the clock is put forward at 00:00 UTC
        (("00:00", "24:00"), KATHMANDU, "1986-01-01", 23.75),  # the clock went from +05:30 to +05:45
    ],
)
def test_a_window_is_open_while_the_wall_clock_shows_it(window: Window, zone: str, day: str, open_hours: float) -> None:
    calendar = WorkingCalendar(zone, daily(window))
    start = at(day, zone)
    assert calendar.between(start, end_of_day(start, 0, zone)) == hours(open_hours)


def test_a_window_across_the_second_showing_of_an_hour_opens_twice() -> None:
    calendar = WorkingCalendar(NEW_YORK, {"sun": [("01:30", "02:30")]})
    day = at("2026-11-01", NEW_YORK)
    assert list(calendar.windows(day, day + timedelta(days=1))) == [
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 0, tzinfo=UTC)),  # 01:30–02:00 EDT
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),  # 01:30–02:30 EST
    ]


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-06-01 22:00", "2026-06-02 06:00"),
        ("2026-03-07 22:00", "2026-03-08 07:00"),  # an hour of the night is skipped
        ("2026-10-31 22:00", "2026-11-01 05:00"),  # an hour comes twice
    ],
)
def test_a_night_shift_counts_the_seconds_that_really_pass(start: str, due: str) -> None:
    calendar = WorkingCalendar(NEW_YORK, daily(("22:00", "07:00")))
    assert calendar.add(at(start, NEW_YORK), hours(8)) == at(due, NEW_YORK)
    assert calendar.subtract(at(due, NEW_YORK), hours(8)) == at(start, NEW_YORK)


def test_a_window_past_midnight_belongs_to_the_date_it_opens_on() -> None:
    week: WeeklyHours = {"mon": [("22:00", "06:00")]}
    monday, tuesday = date(2026, 9, 21), date(2026, 9, 22)
    start, end = at("2026-09-21"), at("2026-09-24")
    assert WorkingCalendar(SHANGHAI, week, [tuesday]).between(start, end) == hours(8)
    assert WorkingCalendar(SHANGHAI, week, [], {tuesday: []}).between(start, end) == hours(8)
    assert WorkingCalendar(SHANGHAI, week, [monday]).between(start, end) == 0
    assert WorkingCalendar(SHANGHAI, week, [monday]).add_days(start, 1) == at("2026-09-29")


def test_hours_of_a_date_win_over_its_holiday_and_its_weekday() -> None:
    calendar = WorkingCalendar(
        SHANGHAI,
        OFFICE_WEEK,
        ["2026-09-22", "2026-09-23"],
        {"2026-09-22": [("09:00", "12:00")], "2026-09-24": [], "2026-09-26": [("10:00", "11:00")]},
    )
    days = [calendar.between(at(f"2026-09-{day}"), at(f"2026-09-{day + 1}")) for day in range(21, 28)]
    assert days == [hours(count) for count in (8, 3, 0, 0, 8, 1, 0)]


def test_overlapping_and_touching_windows_merge() -> None:
    calendar = WorkingCalendar(SHANGHAI, {"mon": [("22:00", "02:00"), ("09:00", "12:00"), ("11:00", "14:00")]})
    tuesday = {date(2026, 9, 22): [("01:00", "03:00"), ("03:00", "04:00")]}
    merged = WorkingCalendar(SHANGHAI, {"mon": [("22:00", "02:00"), ("09:00", "14:00")]}, (), tuesday)
    assert calendar.between(at("2026-09-21"), at("2026-09-23")) == hours(9)
    assert list(merged.windows(at("2026-09-21 13:00"), at("2026-09-23"))) == [
        (at("2026-09-21 13:00"), at("2026-09-21 14:00")),
        (at("2026-09-21 22:00"), at("2026-09-22 04:00")),
    ]


def test_round_the_clock_is_plain_time() -> None:
    calendar = WorkingCalendar(ZoneInfo(NEW_YORK), ROUND_THE_CLOCK)
    start = datetime(2026, 10, 30, 1, 2, 3, 4, UTC)
    assert calendar.add(start, hours(24 * 400)) == start + timedelta(days=400)
    assert calendar.subtract(start, hours(24 * 400)) == start - timedelta(days=400)
    assert list(calendar.windows(start, start + timedelta(days=400))) == [(start, start + timedelta(days=400))]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (("25:00", "26:00"), "tue.*25:00"),
        (("9", "12:00"), "tue.*9–12:00"),
        (("09:60", "12:00"), "tue.*09:60"),
        (("09:00", "24:01"), "tue.*24:01"),
        (("24:00", "06:00"), "tue.*24:00–06:00"),
        (("09:00", "09:00"), "tue.*09:00–09:00"),
        (("09:00",), "tue.*09:00"),
        ("09:00", "tue.*09:00"),
        ((9, 12), "tue.*9–12"),
    ],
)
def test_a_malformed_window_is_named_with_its_day(window: Window, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WorkingCalendar(SHANGHAI, {"tue": [window]})
    with pytest.raises(ValueError, match="2026-09-22"):
        WorkingCalendar(SHANGHAI, {}, (), {date(2026, 9, 22): [window]})


def test_unknown_zones_and_weekdays_are_refused() -> None:
    with pytest.raises(ValueError, match="Asia/Peking"):
        WorkingCalendar("Asia/Peking", OFFICE_WEEK)
    with pytest.raises(ValueError, match="monday"):
        WorkingCalendar(SHANGHAI, {"monday": OFFICE_HOURS})  # type: ignore[dict-item]


def test_naive_datetimes_and_negative_amounts_are_refused() -> None:
    naive, aware = datetime(2026, 9, 21, 10), at("2026-09-21 10:00")  # noqa: DTZ001
    for call in (
        lambda: OFFICE.add(naive, 1),
        lambda: OFFICE.subtract(naive, 1),
        lambda: OFFICE.between(naive, aware),
        lambda: OFFICE.between(aware, naive),
        lambda: OFFICE.add_days(naive, 1),
        lambda: end_of_day(naive, 1, SHANGHAI),
        lambda: OFFICE.add(aware, -1),
        lambda: OFFICE.subtract(aware, -1),
        lambda: OFFICE.add_days(aware, -1),
        lambda: end_of_day(aware, -1, SHANGHAI),
    ):
        with pytest.raises(ValueError, match=r"naive|negative"):
            call()


def test_a_calendar_without_open_time_says_so() -> None:
    start = at("2026-09-21 10:00")
    never = WorkingCalendar(SHANGHAI, daily())
    always_off = WorkingCalendar(SHANGHAI, OFFICE_WEEK, [start.date() + timedelta(days=n) for n in range(-400, 400)])
    for calendar in (never, always_off):
        for call in (calendar.add, calendar.subtract, calendar.add_days):
            with pytest.raises(NoServiceDays, match="366 days"):
                call(start, 1)
        assert calendar.between(start, start + timedelta(days=300)) == 0
        assert calendar.add(start, 0) == start


def test_a_closure_on_the_way_counts_whatever_was_compiled_before() -> None:
    closed = [date(2027, 1, 1) + timedelta(days=n) for n in range(400)]
    start, after = at("2026-12-31 17:00"), at("2028-12-31 10:00")
    fresh, compiled = (WorkingCalendar(SHANGHAI, OFFICE_WEEK, closed) for _ in range(2))
    compiled.between(at("2020-01-01"), at("2035-01-01"))
    for calendar in (fresh, compiled):
        assert calendar.add(start, hours(0.5)) == at("2026-12-31 17:30")
        assert calendar.add_days(start, 0) == at("2027-01-01")
        for before in (start, start - timedelta(days=1)):
            with pytest.raises(NoServiceDays):
                calendar.add(before, hours(9))
            with pytest.raises(NoServiceDays):
                calendar.add_days(before, 2)
        with pytest.raises(NoServiceDays):
            calendar.subtract(after, hours(9000))


def test_open_time_is_sought_for_366_days_and_no_longer() -> None:
    opening = at("2027-09-21 09:00")
    calendar = WorkingCalendar(SHANGHAI, {}, (), {date(2027, 9, 21): [("09:00", "10:00")]})
    assert calendar.add(opening - timedelta(days=366) + timedelta(seconds=1), 60) == opening + timedelta(seconds=60)
    with pytest.raises(NoServiceDays):
        calendar.add(opening - timedelta(days=366), 60)
    assert calendar.subtract(opening + timedelta(days=366), 3600) == opening
    with pytest.raises(NoServiceDays):
        calendar.subtract(opening + timedelta(days=366, hours=1), 60)
    assert calendar.add_days(at("2026-09-20"), 1) == at("2027-09-22")
    with pytest.raises(NoServiceDays):
        calendar.add_days(at("2026-09-19"), 1)


@pytest.mark.parametrize("compiled", [None, "2026-06-01", "2027-06-01"])
def test_the_turn_of_the_year_is_no_edge_of_the_calendar(compiled: str | None) -> None:
    def calendar() -> WorkingCalendar:
        made = WorkingCalendar(SHANGHAI, OFFICE_WEEK)
        if compiled:
            made.add(at(compiled), 60)
        return made

    turn = datetime(2027, 1, 1, tzinfo=UTC)  # 08:00 in Shanghai
    assert calendar().add(turn, 60) == at("2027-01-01 08:31")
    assert calendar().subtract(turn, 60) == at("2026-12-31 17:29")
    assert calendar().add_days(at("2027-01-01 04:00"), 1) == at("2027-01-05")
    assert calendar().add_days(at("2026-12-31 04:00"), 1) == at("2027-01-02")


def test_equal_definitions_are_equal_values() -> None:
    same = WorkingCalendar(ZoneInfo(SHANGHAI), OFFICE_WEEK, NATIONAL_DAY[::-1], {"2026-10-10": OFFICE_HOURS})
    assert same == OFFICE
    assert hash(same) == hash(OFFICE)
    assert WorkingCalendar(SHANGHAI, OFFICE_WEEK) != OFFICE
    assert WorkingCalendar(KATHMANDU, OFFICE_WEEK) != WorkingCalendar(SHANGHAI, OFFICE_WEEK)


def test_threads_may_share_a_calendar() -> None:
    starts = [at("2026-01-01") + timedelta(days=97 * n) for n in range(-10, 10)]
    alone = WorkingCalendar(SHANGHAI, OFFICE_WEEK)
    shared = WorkingCalendar(SHANGHAI, OFFICE_WEEK)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda start: shared.add(start, hours(500)), starts)) == [
            alone.add(start, hours(500)) for start in starts
        ]
