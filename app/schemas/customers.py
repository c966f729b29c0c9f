"""Bodies of the customers in the archive."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Email, Instant, Line, Phone, RequestBody, ResponseBody, Word
from app.schemas.purchases import PurchaseOut
from app.services.rules.classification import Kind
from app.services.rules.return_requests import ReturnStatus
from app.services.rules.tickets import Status

Address = Annotated[str, Field(max_length=300)]


class Consent(StrEnum):
    """What a customer has agreed to."""

    SURVEYS = "surveys"  # 满意度回访
    CARE = "care"  # 关怀
    MARKETING = "marketing"
    RECORDING = "recording"  # 通话录音


Consents = Annotated[list[Consent], Field(max_length=10)]
CONTACT_REQUIRED = Text("须有 phone、email、external_id 之一", "One of phone, email, external_id is needed")


class ArchivedCustomerIn(RequestBody):
    """A customer of one line; `external_id` is the CRM's own, once a line."""

    business_line: Word | None = None
    name: Line | None = None
    phone: Phone | None = None
    email: Email | None = None
    address: Address | None = None
    external_id: Line | None = None
    tier: Word | None = None
    business_scope: Annotated[Line | None, Field(description="经营范围, of a business")] = None
    consents: Consents = []

    @model_validator(mode="after")
    def _can_be_found_again(self) -> Self:
        if not (self.phone or self.email or self.external_id):
            raise Refusal("contact_required", CONTACT_REQUIRED)
        return self


class ArchivedCustomerPatch(RequestBody):
    """What is left out stays as it is; `null` clears a field."""

    name: Line | None = None
    phone: Phone | None = None
    email: Email | None = None
    address: Address | None = None
    external_id: Line | None = None
    tier: Word | None = None
    business_scope: Line | None = None
    consents: Consents | None = None

    @model_validator(mode="after")
    def _what_a_customer_has(self) -> Self:
        if "consents" in self.model_fields_set and self.consents is None:
            raise Refusal(
                "required", Text("consents 不能清空，可为 []", "consents may be [], not null"), field="consents"
            )
        return self


class CustomerSearchIn(RequestBody):
    """At least one criterion; all given must hold."""

    business_line: Word | None = None
    phone: Phone | None = None
    email: Email | None = None
    name: Line | None = None
    external_id: Line | None = None
    limit: Annotated[int, Field(strict=True, ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=2000)] | None = None

    @model_validator(mode="after")
    def _somebody_is_looked_for(self) -> Self:
        if all(value is None for value in (self.phone, self.email, self.name, self.external_id)):
            raise Refusal("required", Text("请给出至少一个查询条件", "Give at least one criterion"))
        return self


class ArchivedCustomerOut(ResponseBody):
    """Personal data as the caller's tier allows."""

    id: str
    business_line: str
    name: str | None
    phone: str | None
    email: str | None
    address: str | None
    external_id: str | None
    tier: str | None
    business_scope: str | None
    consents: list[Consent]
    version: int
    created_at: Instant
    updated_at: Instant


class ArchivedCustomerList(ResponseBody):
    items: list[ArchivedCustomerOut]
    next_cursor: str | None
    has_more: bool


class TicketSummary(ResponseBody):
    id: str
    number: str
    kind: Kind
    status: Status
    department: str
    opened_at: Instant
    closed_at: Instant | None


class ReturnRequestMention(ResponseBody):
    id: str
    number: str
    status: ReturnStatus
    submitted_at: Instant
    closed_at: Instant | None


class CustomerHistory(ResponseBody):
    """Everything on file of a customer, the latest first, a hundred of each kind at most."""

    customer: ArchivedCustomerOut
    tickets: list[TicketSummary]
    purchases: list[PurchaseOut]
    return_requests: Annotated[
        list[ReturnRequestMention], Field(description="of their purchases, or under their tickets")
    ]
