"""Reading the cells of a spreadsheet as people in China write them: dates, phones, prices, words.

A cell is text and nothing else: what looks like a formula is kept as it stands, or refused where a figure is expected.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import read_phone
from app.services.rules.purchases import SHANGHAI
from app.services.rules.returns.words import BuyerType, PurchaseChannel

Word = TypeVar("Word", bound=StrEnum)

_QUOTED = re.compile(r'="([^"]*)"')  # how spreadsheets are kept from taking a number for a number
_APOSTROPHE = re.compile(r"^'(?=\d)")
_DAY = r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
_CLOCK = r"(?:T|\s*)(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2})(?:\.\d+)?秒?|分)?"
_DATE = re.compile(rf"{_DAY}(?:{_CLOCK})?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_SERIAL = re.compile(r"(\d{5})(\.\d+)?", re.ASCII)  # days since the end of 1899, as spreadsheets count
_SERIAL_ZERO: Final = date(1899, 12, 30)
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+?\d+", re.ASCII)
_PRICE = re.compile(r"(?:¥|CNY|RMB)?\s*(\d{1,3}(?:,\d{3})+|\d{1,10})(?:(\.\d{1,2})0*)?\s*元?", re.ASCII | re.IGNORECASE)
_QUANTITY = re.compile(r"(\d{1,9})(?:\.0+)?\s*(?:件|台|个|只|套|箱|盒|瓶|桶|袋|pcs)?", re.ASCII | re.IGNORECASE)
_LONGEST: Final = 100

_CHANNELS: Final[Mapping[str, PurchaseChannel]] = {
    **dict.fromkeys(("线上", "网上", "网店", "网购", "电商", "商城"), PurchaseChannel.ONLINE),
    **dict.fromkeys(("直播", "直播间"), PurchaseChannel.LIVESTREAM),
    **dict.fromkeys(("自提", "线上下单门店自提"), PurchaseChannel.ONLINE_PICKUP),
    **dict.fromkeys(("电话", "电话订购"), PurchaseChannel.PHONE),
    **dict.fromkeys(("电视", "电视购物"), PurchaseChannel.TV),
    "邮购": PurchaseChannel.MAIL_ORDER,
    **dict.fromkeys(("门店", "实体店", "专卖店", "线下"), PurchaseChannel.STORE),
    **dict.fromkeys(("上门", "上门推销"), PurchaseChannel.DOOR_TO_DOOR),
    **dict.fromkeys(("合同", "对公", "批发", "工程"), PurchaseChannel.B2B_CONTRACT),
}
_BUYERS: Final[Mapping[str, BuyerType]] = {
    **dict.fromkeys(("个人", "消费者", "家庭"), BuyerType.CONSUMER),
    **dict.fromkeys(("企业", "公司", "单位", "商户"), BuyerType.BUSINESS),
}


def plain(cell: str) -> str:
    """Return a cell's text: without the marks that only tell a spreadsheet to leave it alone, and its outer spaces."""
    cell = cell.strip().removeprefix("\ufeff").strip()
    quoted = _QUOTED.fullmatch(cell)
    return (quoted[1] if quoted else _APOSTROPHE.sub("", cell)).strip()


def read_text(cell: str) -> str:
    """Raises: Refusal."""
    if len(cell) > _LONGEST:
        raise Refusal("too_long", Text(f"至多 {_LONGEST} 个字符", f"At most {_LONGEST} characters"))
    if any(unicodedata.category(sign) == "Cc" for sign in cell):
        raise Refusal("control_character", Text("含控制字符或换行", "It holds a control character or a line end"))
    return cell


def read_number(cell: str) -> str:
    """Return an order or serial number. Raises: Refusal if a spreadsheet has rounded it."""
    if _SCIENTIFIC.fullmatch(cell):
        raise _rounded()
    return read_text(cell)


def read_cell_phone(cell: str) -> str:
    """Raises: Refusal."""
    cell = unicodedata.normalize("NFKC", cell)
    if _SCIENTIFIC.fullmatch(cell):
        raise _rounded()
    return read_phone(read_text(cell.removesuffix(".0")))


def _rounded() -> Refusal:
    detail = Text(
        "表格软件已将号码转为科学计数法，请将该列设为文本后重新导出",
        "The spreadsheet has rounded the number: make the column text and export again",
    )
    return Refusal("rounded_number", detail)


def read_moment(cell: str) -> datetime:
    """Return an instant in UTC: midnight in Asia/Shanghai where the cell names the day alone. Raises: Refusal."""
    cell = unicodedata.normalize("NFKC", cell)
    serial = _SERIAL.fullmatch(cell)
    try:
        if serial:
            midnight = datetime.combine(_SERIAL_ZERO + timedelta(days=int(serial[1])), time(), SHANGHAI)
            local = midnight + timedelta(seconds=round(Decimal(serial[2] or "0") * 86_400))
        else:
            local = _written(cell)
        if not 1970 <= local.year <= 2100:
            raise ValueError
    except ValueError:
        detail = Text("不是有效日期，可写 2026-03-08、2026/3/8 或 2026年3月8日", "Not a date: write 2026-03-08")
        raise Refusal("not_a_date", detail) from None
    return local.astimezone(UTC)


def _written(cell: str) -> datetime:
    """Raises: ValueError."""
    found = _DATE.fullmatch(cell) or _COMPACT.fullmatch(cell)
    if found is None:
        raise ValueError
    year, month, day, *clock = (int(part) for part in found.groups() if part)
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=SHANGHAI)


def read_day(cell: str) -> date:
    """Raises: Refusal."""
    return read_moment(cell).astimezone(SHANGHAI).date()


def read_price(cell: str) -> Decimal:
    """Return an amount in CNY. Raises: Refusal."""
    found = _PRICE.fullmatch(unicodedata.normalize("NFKC", cell))
    if found is None:
        raise Refusal("not_money", Text("金额格式如 1299.00", "An amount is written 1299.00"))
    return Decimal(found[1].replace(",", "") + (found[2] or ""))


def read_quantity(cell: str) -> int:
    """Raises: Refusal."""
    found = _QUANTITY.fullmatch(unicodedata.normalize("NFKC", cell))
    if found is None or int(found[1]) == 0:
        raise Refusal("not_an_integer", Text("须为大于 0 的整数", "A whole number above 0 is expected"))
    return int(found[1])


def read_order_line(cell: str) -> int:
    """Raises: Refusal."""
    number = read_quantity(cell)
    if number > 10_000:
        raise Refusal("too_large", Text("不得大于 10000", "Not more than 10000"))
    return number


def read_channel(cell: str) -> PurchaseChannel:
    """Raises: Refusal."""
    return _word(cell, PurchaseChannel, _CHANNELS)


def read_buyer(cell: str) -> BuyerType:
    """Raises: Refusal."""
    return _word(cell, BuyerType, _BUYERS)


def _word(cell: str, words: type[Word], spoken: Mapping[str, Word]) -> Word:
    if cell in spoken:
        return spoken[cell]
    try:
        return words(cell.lower())
    except ValueError:
        zh, en = "、".join(spoken), ", ".join(words)
        raise Refusal("unknown_value", Text(f"可写：{zh}", f"One of: {en}")) from None
