"""Bodies of a reveal, and of the record of who saw what."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from app.schemas.fields import Instant, RequestBody, ResponseBody

Purpose = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=200),
    Field(description="what it is needed for, as the access log keeps it", examples=["回电核对地址"]),
]


class PersonalField(StrEnum):
    """What is known of a person."""

    NAME = "name"
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


class RevealIn(RequestBody):
    purpose: Purpose
    fields: Annotated[list[PersonalField], Field(min_length=1, max_length=4)]


class RevealOut(ResponseBody):
    """The values asked for, `null` for what is not known; `subject` is whose they are."""

    subject: str
    values: dict[PersonalField, str | None]


class AccessOut(ResponseBody):
    """One look at personal data in full. `purpose` is given by a reveal only."""

    id: str
    business_line: str
    key_id: str
    staff_no: str | None
    subject: str
    fields: list[str]
    purpose: str | None
    request_id: str
    at: Instant


class AccessList(ResponseBody):
    items: list[AccessOut]
    next_cursor: str | None
    has_more: bool
