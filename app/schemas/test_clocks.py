"""Bodies of the test clock endpoints."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Instant, Line, RequestBody, ResponseBody, Word

LONGEST_STEP_SECONDS = 2 * 366 * 86_400


class TestClockIn(RequestBody):
    business_line: Word | None = None
    name: Line | None = None
    now: Instant


class AdvanceIn(RequestBody):
    """To an instant or by a number of seconds: exactly one of the two, forwards, two years at most."""

    to: Instant | None = None
    by_seconds: Annotated[int, Field(strict=True, ge=1, le=LONGEST_STEP_SECONDS)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.to is None) is (self.by_seconds is None):
            raise Refusal(
                "one_of", Text("to 与 by_seconds 须且只须有一项", "Send to or by_seconds, exactly one of the two")
            )
        return self


class TestClockOut(ResponseBody):
    id: str
    business_line: str
    name: str | None
    now: Instant
    status: Annotated[
        Literal["ready", "advancing"], Field(description="`advancing`: a worker is still firing timers on the way")
    ]
    version: int
    created_at: Instant


class AdvancedOut(TestClockOut):
    fired: Annotated[int, Field(description="warnings, breaches and escalations fired before this answer")]


class TestClockList(ResponseBody):
    items: list[TestClockOut]
    next_cursor: str | None
    has_more: bool
