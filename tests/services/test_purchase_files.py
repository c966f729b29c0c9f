"""Reading spreadsheets of purchases as they come: encodings, dates, phones, prices, and what is wrong with them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.core.validation import Refusal
from app.services.archive import cells
from app.services.archive.purchase_files import FileRefused, decode, read_table

HEADER = "订单号,产品名称,数量,单价,购买日期,手机号"
NOON_8_MARCH = datetime(2026, 3, 8, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-03-08", date(2026, 3, 8)), ("2026/3/8", date(2026, 3, 8)), ("2026.3.8", date(2026, 3, 8)),
        ("2026年3月8日", date(2026, 3, 8)), ("20260308", date(2026, 3, 8)), ("46089", date(2026, 3, 8)),
        ("２０２６－０３－０８", date(2026, 3, 8)),
        ("2026/3/8 23:59", date(2026, 3, 8)), ("2024-02-29", date(2024, 2, 29)),
        ("2026-02-30", None), ("8/3/2026", None), ("2026-3", None), ("1969-12-31", None), ("2101-01-01", None),
        ("=TODAY()", None), ("2026-03-08T25:00", None), ("99999", None), ("昨天", None),
    ],
)  # fmt: skip
def test_a_day_is_read_however_it_is_written(cell: str, day: date | None) -> None:
    assert _read(cells.read_day, cell) == day


@pytest.mark.parametrize(
    "cell", ["2026-03-08 12:00:00", "2026/3/8 12:00", "2026年3月8日12时0分", "46089.5", "2026-03-08T12:00:00.000"]
)
def test_a_moment_is_that_of_shanghai(cell: str) -> None:
    assert cells.read_moment(cell) == NOON_8_MARCH


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ("1299", "1299"),
        ("1,299.00", "1299.00"), ("¥1299.5", "1299.5"), ("￥ 1299元", "1299"), ("１２９９．００", "1299.00"),
        ("1299.000", "1299.00"), ("0", "0"), ("10000000000000", None), ("1299.999", None), ("-5", None), ("1e3", None),
        ("12,99", None), ("=1+1", None), ("面议", None), ("NaN", None),
    ],
)  # fmt: skip
def test_a_price_is_read_to_the_cent_or_not_at_all(cell: str, price: str | None) -> None:
    assert _read(cells.read_price, cell) == (None if price is None else Decimal(price))


@pytest.mark.parametrize(
    ("cell", "phone"),
    [
        ("13800001234", "+8613800001234"), ("138-0000-1234", "+8613800001234"), ("+86 138 0000 1234", "+8613800001234"),
        ("１３８００００１２３４", "+8613800001234"), ("13800001234.0", "+8613800001234"),
        ("0571-88886666转801", "+8657188886666;ext=801"), ("1.38E+10", None), ("电话", None), ("=HYPERLINK(1)", None),
    ],
)  # fmt: skip
def test_a_phone_is_read_however_it_is_written(cell: str, phone: str | None) -> None:
    assert _read(cells.read_cell_phone, cell) == phone


def _read(read: Any, cell: str) -> Any:
    try:
        return read(cells.plain(cell))
    except Refusal:
        return None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_is_read_in_the_encodings_spreadsheets_write(encoding: str, end: str) -> None:
    content = end.join((HEADER, 'D-1,"餐盘, 26厘米",2件,"￥1,299.00",2026/3/8,13800001234', "")).encode(encoding)
    [row] = read_table(decode(content)).good
    assert (row.line, row.values) == (
        2,
        {
            "order_no": "D-1", "product_name": "餐盘, 26厘米", "quantity": 2, "unit_price": Decimal("1299.00"),
            "purchased_on": date(2026, 3, 8), "phone": "+8613800001234",
        },
    )  # fmt: skip


def test_every_good_line_is_kept_and_every_bad_one_named_by_line_column_and_reason() -> None:
    rows = [
        "D-1,餐盘,1,10,2026-03-08,13800001234",
        "D-2,餐盘,零,10,2026-13-08,13800001234",
        ",餐盘,1,10,,",
        "D-4,餐盘,1,10,,,多出的格",
        ",,,,,",
        "D-6,餐盘",
        '"从不闭合,餐盘,1,10,,',
        "D-8,餐盘,1,10,,",
    ]
    table = read_table("\n".join((HEADER, *rows)))
    assert [row.values["order_no"] for row in table.good] == ["D-1", "D-6", "D-8"]
    assert [(bad.line, bad.column, bad.code) for bad in table.bad] == [
        (3, "数量", "not_an_integer"), (3, "购买日期", "not_a_date"), (4, "订单号", "required"),
        (5, None, "too_many_cells"), (8, None, "malformed_line"),
    ]  # fmt: skip
    assert all(bad.reason.zh and bad.reason.en for bad in table.bad)
    assert table.bad_lines == 4


@pytest.mark.parametrize(
    "cell",
    ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "=1+1", "<script>alert(1)</script>", "'; DROP TABLE x;--"],
)
def test_a_formula_is_only_text(cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    [row] = read_table(f"order_no,product_name\nD-1,{quoted}\n").good
    assert row.values["product_name"] == cell


def test_the_marks_that_keep_a_number_a_text_are_no_part_of_it() -> None:
    [row] = read_table('order_no,product_name,phone\n"=""0012""",餐盘,\'13800001234\n').good
    assert (row.values["order_no"], row.values["phone"]) == ("0012", "+8613800001234")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1.23457E+11", "rounded_number"), ("x" * 101, "too_long"), ('"a\nb"', "control_character"),
        ("a\x00b", "control_character"), ("y" * 200_000, "malformed_line"),
    ],
)  # fmt: skip
def test_a_hostile_cell_spoils_its_own_line_alone(cell: str, code: str) -> None:
    table = read_table(f"order_no,product_name\n{cell},餐盘\nD-2,餐盘\n")
    assert [row.values["order_no"] for row in table.good] == ["D-2"]
    assert [bad.code for bad in table.bad] == [code]
    assert all(cell not in bad.reason.zh + bad.reason.en for bad in table.bad)


def test_a_remark_of_several_lines_is_no_line_of_its_own() -> None:
    table = read_table('order_no,product_name,备注\nD-1,餐盘,"第一行\nX-9,假订单,"\nD-2,餐盘,\n')
    assert [row.values["order_no"] for row in table.good] == ["D-1", "D-2"]
    assert [row.line for row in table.good] == [2, 4]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "missing_column"), ("订单号\nD-1\n", "missing_column"), ("订单号,单号,品名\n", "repeated_column"),
        (",".join(f"c{n}" for n in range(300)), "too_many_columns"), ("PK\x03\x04", "missing_column"),
    ],
)  # fmt: skip
def test_a_file_without_its_columns_is_refused_as_a_whole(text: str, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_table(text)
    assert refused.value.code == code


def test_a_file_in_neither_encoding_is_refused() -> None:
    with pytest.raises(FileRefused):
        decode(b"\xff\xfe\x00\x81\xff")
