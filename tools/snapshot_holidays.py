"""Write app/policies/law/holidays.toml from the `holidays` package: run `python tools/snapshot_holidays.py`.

Once a year, when the State Council's notice is out (October to December) and the package knows it: add the notice's
number below and run again. A year for which the package has no make-up workdays is not announced, though the
package lists holidays for it all the same; such a year is written as unconfirmed.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from holidays import country_holidays

TARGET = Path(__file__).parents[1] / "app/policies/law/holidays.toml"
YEARS = range(2020, 2031)
LAW = "全国年节及纪念日放假办法（2024年修订）第二条、第六条"
NOTICES = {
    2020: "国办发明电〔2019〕16号、国办发明电〔2020〕1号（延长春节假期）",
    2021: "国办发明电〔2020〕27号",
    2022: "国办发明电〔2021〕11号",
    2023: "国办发明电〔2022〕16号",
    2024: "国办发明电〔2023〕7号",
    2025: "国办发明电〔2024〕12号",
    2026: "国办发明电〔2025〕7号",
}
# 与周末连休: the notice names this day alone, so the weekend beside it stays an ordinary one
NAMED_ALONE = {date(2024, 1, 1), date(2024, 6, 10)}
MOVED = ("休息日", "补假")  # how the package marks days off that are not the festival's own
HEADER = """\
# 中国法定节假日与调休 / Public holidays and make-up workdays in China. Written by tools/snapshot_holidays.py.
# confirmed = true: 按国务院办公厅当年部分节假日安排的通知 / as the State Council's notice for the year has it,
#   weekend days inside a holiday included.
# statutory_days: 办法第二条规定的节日本日，不含补假与调休 / the festivals themselves, without days given for others.
# confirmed = false: 当年通知未公布 / no notice yet: the days the law fixes, with substitute days for those on a
#   weekend (第六条) reckoned as the next working days. Days may still move, and make-up workdays are unknown.
"""


def main() -> None:
    package = country_holidays("CN", years=range(YEARS.start - 1, YEARS.stop + 1), language="zh_CN")
    if estimated := [day for day, name in package.items() if "推定" in name]:
        raise SystemExit(f"the package only estimates {estimated[0]}: end YEARS earlier")
    off, worked = set(package), set(package.weekend_workdays)
    statutory = {day for day, name in package.items() if not any(word in name for word in MOVED)}
    tables = [_table(year, off, worked, statutory) for year in YEARS]
    TARGET.write_text("\n".join([HEADER + f'\nlaw = "{LAW}"\n', *tables]), encoding="utf-8")


def _table(year: int, off: set[date], worked: set[date], statutory: set[date]) -> str:
    # a December make-up day belongs to the next year's notice
    announced = any(day.year == year and day.month < 12 for day in worked)
    if announced != (year in NOTICES):
        raise SystemExit(f"{year}: make-up workdays and the notice's number must come together")
    rest_days = off | _weekends_inside(off, worked)
    lines = ["[[years]]", f"year = {year}", f"confirmed = {str(announced).lower()}"]
    lines += [f'notice = "{NOTICES[year]}"'] if announced else []
    lines += [f"rest_days = {_days(year, rest_days)}", f"make_up_workdays = {_days(year, worked)}"]
    lines += [f"statutory_days = {_days(year, statutory)}"]
    return "\n".join(lines) + "\n"


def _weekends_inside(off: set[date], worked: set[date]) -> set[date]:
    """Return the weekend days next to a holiday: the package leaves them out, the notices name them."""
    found = set()
    for holiday in off - NAMED_ALONE:
        for step in (timedelta(days=-1), timedelta(days=1)):
            day = holiday + step
            while holiday.year in NOTICES and day.weekday() >= 5 and day not in worked:
                found.add(day)
                day += step
    return found


def _days(year: int, days: Iterable[date]) -> str:
    listed = [day.isoformat() for day in sorted(days) if day.year == year]
    rows = [", ".join(listed[i : i + 8]) for i in range(0, len(listed), 8)]
    return "[\n" + "".join(f"    {row},\n" for row in rows) + "]" if rows else "[]"


if __name__ == "__main__":
    main()
