"""Bodies by which somebody shows that an order is theirs."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Instant, Line, RequestBody, ResponseBody, Word


class OrderTokenIn(RequestBody):
    """For a link in the shop's own message to its customer: whoever has the token may check this order."""

    business_line: Word | None = None
    order_no: Line
    days: Annotated[int, Field(strict=True, ge=1, le=365)] = 30


class OrderTokenOut(ResponseBody):
    order_token: str
    expires_at: Instant


class OrderProofIn(RequestBody):
    """Exactly one of the two."""

    phone_last4: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None
    order_token: Annotated[str, Field(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.phone_last4 is None) is (self.order_token is None):
            detail = Text("phone_last4 与 order_token 须且只须有一项", "Send phone_last4 or order_token, exactly one")
            raise Refusal("one_of", detail)
        return self
