"""A CSV file of purchases, read line by line: what is right of it, and what is wrong with the rest.

Nothing of a cell is repeated in a reason: it may be a person's.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.core.language import Text
from app.core.validation import Refusal
from app.services.archive import cells

HEADER_LINE: Final = 1
MOST_COLUMNS: Final = 200

# What a column may be called, and how its cells are read. The first name is the one we use.
_COLUMNS: Final[Mapping[str, tuple[Callable[[str], Any], tuple[str, ...]]]] = {
    "order_no": (cells.read_number, ("订单号", "订单编号", "单号")),
    "order_line": (cells.read_order_line, ("行号", "订单行号", "明细行")),
    "serial_no": (cells.read_number, ("序列号", "机身号", "SN", "sn")),
    "product_name": (cells.read_text, ("产品名称", "商品名称", "品名", "产品")),
    "spec_model": (cells.read_text, ("规格型号", "规格", "型号", "model")),
    "sku": (cells.read_number, ("货号", "商品编码", "SKU", "产品编码")),
    "batch": (cells.read_number, ("批号", "批次")),
    "quantity": (cells.read_quantity, ("数量", "件数")),
    "unit_price": (cells.read_price, ("单价", "实付单价", "成交价")),
    "purchased_on": (cells.read_day, ("购买日期", "下单日期", "销售日期", "日期")),
    "delivered_at": (cells.read_moment, ("签收时间", "签收日期", "交付日期", "收货日期")),
    "installed_at": (cells.read_moment, ("安装时间", "安装日期", "安装完成日期")),
    "channel": (cells.read_channel, ("购买渠道", "渠道", "销售渠道")),
    "buyer_type": (cells.read_buyer, ("客户类型", "买方类型")),
    "customer_id": (cells.read_number, ("客户编号", "客户号", "会员号", "external_id")),
    "name": (cells.read_text, ("姓名", "客户姓名", "客户名称", "收货人", "客户")),
    "phone": (cells.read_cell_phone, ("电话", "手机", "手机号", "联系电话", "手机号码")),
}
_BY_TITLE: Final = {title: name for name, (_, titles) in _COLUMNS.items() for title in (name, *titles)}
_LONGEST_ROW: Final = 20  # lines, of remarks within quotation marks
_MALFORMED: Final = Text("引号有误，无法分列", "Its quotation marks are wrong: it does not split into columns")
_REQUIRED: Final = ("order_no", "product_name")
_REQUIRED_TEXT: Final = Text("必填", "This field is required")


class FileRefused(ValueError):
    """The file as a whole cannot be read; `detail` says why."""

    def __init__(self, code: str, detail: Text) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail.en)


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a line is not taken. `line` is the file's, from 1; `column` as the file calls it, None: the whole line."""

    line: int
    column: str | None
    code: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Good:
    line: int
    values: dict[str, Any]


@dataclass(slots=True)
class Table:
    good: list[Good] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)

    @property
    def bad_lines(self) -> int:
        return len({bad.line for bad in self.bad})


def decode(content: bytes) -> str:
    """Return a file's text: UTF-8, with or without a mark at its beginning, or else GB 18030, of which GBK is a part.

    Raises: FileRefused.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused("wrong_encoding", Text("文件编码须为 UTF-8 或 GBK", "The file must be in UTF-8 or GBK"))


def read_table(text: str) -> Table:
    """Read a file. Every line that is right is kept; empty ones are passed over.

    Raises: FileRefused if the first line does not name the columns that are needed.
    """
    text = text.removeprefix("\ufeff")
    lines = _lines(text)
    _, header = next(lines, (HEADER_LINE, []))
    titles = [cells.plain(title) for title in header] if isinstance(header, list) else []
    columns = _columns(titles)
    table = Table()
    for line, row in lines:
        if isinstance(row, Bad):
            table.bad.append(row)
        elif any(cell.strip() for cell in row):
            _read_row(table, line, row, titles, columns)
    return table


def _lines(text: str) -> Iterator[tuple[int, list[str] | Bad]]:
    """Return the rows with the number of the line each begins on.

    A row that cannot be split, as one whose quotation mark is never closed, is bad by its first line alone: it does
    not take the rest of the file with it.
    """
    lines = io.StringIO(text, newline="").readlines()
    delimiter = max(",\t;", key=text.partition("\n")[0].count)
    place = 0
    while place < len(lines):
        reader = csv.reader(lines[place : place + _LONGEST_ROW], delimiter=delimiter, strict=True)
        try:
            row: list[str] | Bad = next(reader)
            taken = reader.line_num
        except csv.Error:
            row, taken = Bad(place + 1, None, "malformed_line", _MALFORMED), 1
        yield place + 1, row
        place += taken


def _columns(titles: list[str]) -> dict[int, str]:
    """Return which column is where; columns nobody knows are passed over."""
    if len(titles) > MOST_COLUMNS:
        raise FileRefused("too_many_columns", Text(f"至多 {MOST_COLUMNS} 列", f"At most {MOST_COLUMNS} columns"))
    columns = {place: _BY_TITLE[title] for place, title in enumerate(titles) if title in _BY_TITLE}
    names = list(columns.values())
    for name in _COLUMNS:
        zh, en = _COLUMNS[name][1][0], name
        if names.count(name) > 1:
            raise FileRefused("repeated_column", Text(f"列重复：{zh}", f"A column stands twice: {en}"))
        if name in _REQUIRED and name not in names:
            raise FileRefused("missing_column", Text(f"首行缺少列：{zh}", f"The first line lacks the column {en}"))
    return columns


def _read_row(table: Table, line: int, row: list[str], titles: list[str], columns: Mapping[int, str]) -> None:
    values: dict[str, Any] = {}
    faults: list[Bad] = []
    if len(row) > len(titles):
        faults.append(Bad(line, None, "too_many_cells", Text("列数多于首行", "More cells than the first line has")))
    for place, name in columns.items():
        cell = cells.plain(row[place]) if place < len(row) else ""
        if not cell and name in _REQUIRED:
            faults.append(Bad(line, titles[place], "required", _REQUIRED_TEXT))
        if not cell:
            continue
        try:
            values[name] = _COLUMNS[name][0](cell)
        except Refusal as refusal:
            faults.append(Bad(line, titles[place], refusal.code, refusal.detail))
    if faults:
        table.bad.extend(faults)
    else:
        table.good.append(Good(line, values))
