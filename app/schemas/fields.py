"""The kinds of field that bodies are made of."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from app.core.language import Text
from app.core.validation import Refusal


class RequestBody(BaseModel):
    """What a caller sends: a field we do not know is an error, never ignored."""

    model_config = ConfigDict(extra="forbid")


class EmptyBody(RequestBody):
    """Nothing needs to be said."""


class ResponseBody(BaseModel):
    """What we send."""

    model_config = ConfigDict(frozen=True)


class Bilingual(ResponseBody):
    zh: str
    en: str


# ISO 8601 knows more forms (weeks, no separators) than people expect to be understood here.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.{0,24}", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
FIRST_INSTANT, LAST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)


def read_instant(value: Any) -> datetime:
    """Read a time with its offset, as UTC. Raises: Refusal."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise Refusal(
            "not_a_time", Text("时间格式如 2026-11-22T08:46:01+08:00", "A time is written 2026-11-22T08:46:01+08:00")
        )
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise Refusal("not_a_time", Text("不是有效的时间", "Not a valid time")) from None
    if instant.tzinfo is None:
        raise Refusal("timezone_required", Text("时间须带时区，例如 +08:00", "A time needs an offset, such as +08:00"))
    if not FIRST_INSTANT <= instant < LAST_INSTANT:
        raise Refusal("out_of_range", Text("年份须在 1970–2100 之间", "Years from 1970 to 2100 are taken"))
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)  # as it is shown again


def read_local_date(value: Any) -> date:
    """Read a date. Raises: Refusal."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise Refusal("not_a_date", Text("日期格式为 YYYY-MM-DD", "A date is written YYYY-MM-DD")) from None
    if not 1970 <= day.year <= 2100:
        raise Refusal("out_of_range", Text("年份须在 1970–2100 之间", "Years from 1970 to 2100 are taken"))
    return day


_MONEY = re.compile(r"\d{1,10}(\.\d{1,2})?", re.ASCII)


def _money(value: Any) -> Decimal:
    """Take a decimal string, or a JSON number as many write it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, Decimal):
        value = f"{value:f}"
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise Refusal(
            "not_money", Text("金额为非负小数，至多两位，如 299.00", "An amount is written 299.00, and not negative")
        )
    return Decimal(value)


# An extension as people in China write it: 0571-88886666-801, 0571-88886666转801.
_EXTENSION = re.compile(r"^(.{7,}?)(?:转|轉|(?<=\d{7})-)\s*(\d{1,6})$")


def read_phone(value: str) -> str:
    """Write a number in E.164, with `;ext=` behind it where it has an extension."""
    written = _EXTENSION.match(value)
    value, extension = (written[1], f";ext={written[2]}") if written else (value, "")
    try:
        number = phonenumbers.parse(value, "CN")
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise Refusal(
            "invalid_phone",
            Text("不是有效的电话号码，固定电话请带区号", "Not a phone number: give landlines with their area code"),
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + extension


def instant_text(value: datetime) -> str:
    """Write an instant exactly as `2026-11-22T08:46:01.123Z`."""
    return f"{value.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"


_AS_MONEY = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": r"^\d{1,10}(\.\d{1,2})?$"},
            {"type": "number", "minimum": 0, "maximum": 9_999_999_999},
        ],
        "examples": ["299.00"],
    }
)
# Said how to write it, since pydantic would warn of the text it writes for a decimal of a validator of ours.
Money = Annotated[
    Decimal, PlainValidator(_money), PlainSerializer("{:f}".format, return_type=str, when_used="json"), _AS_MONEY
]
Instant = Annotated[datetime, BeforeValidator(read_instant), PlainSerializer(instant_text, when_used="json")]
LocalDate = Annotated[date, BeforeValidator(read_local_date)]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=30), AfterValidator(read_phone)
]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}$"
    ),
]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
StaffNo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
PointNo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]  # of a service point
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
