"""Bodies of the erasure of a person."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.core.validation import Refusal
from app.schemas.customers import CONTACT_REQUIRED
from app.schemas.fields import (
    Bilingual,
    Email,
    Instant,
    Line,
    Phone,
    Reference,
    RequestBody,
    ResponseBody,
    StaffNo,
    Word,
)
from app.services.rules.erasures import ErasureGround, ErasureState


class ErasureIn(RequestBody):
    """Whose data are to be erased: everything given is one person's."""

    business_line: Word | None = None
    external_id: Line | None = None
    phone: Phone | None = None
    email: Email | None = None
    ground: ErasureGround
    identity_verified: Annotated[
        Literal[True], Field(description="somebody has seen to it that it is the person, or acts for them, who asks")
    ]
    reference: Annotated[Reference | None, Field(description="the request's number where it came in")] = None
    received_at: Annotated[Instant | None, Field(description="when the person asked; now where it is left out")] = None
    staff_no: StaffNo | None = None

    @model_validator(mode="after")
    def _somebody_is_named(self) -> Self:
        if not (self.phone or self.email or self.external_id):
            raise Refusal("contact_required", CONTACT_REQUIRED)
        return self


class ErasureCounts(ResponseBody):
    """What was erased, or freed of the person. `stored_answers` are those kept for repeated requests."""

    customers: int = 0
    tickets: int = 0
    attachments: int = 0
    return_requests: int = 0
    surveys: int = 0
    purchases: int = 0
    stored_answers: int = 0


class KeptOut(ResponseBody):
    """Purchases whose records the law has kept; they no longer name the person, and go by themselves in time."""

    purchases: int
    until: date
    law: Bilingual


class ErasureOut(ResponseBody):
    """An erasure never shows whom it was about."""

    id: str
    business_line: str
    state: ErasureState
    ground: ErasureGround
    reference: str | None
    counts: ErasureCounts
    kept: KeptOut | None
    staff_no: str | None
    received_at: Instant
    due_at: Instant
    accepted_at: Instant
    completed_at: Instant | None


class ErasureList(ResponseBody):
    items: list[ErasureOut]
    next_cursor: str | None
    has_more: bool
