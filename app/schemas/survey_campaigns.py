"""Bodies of survey campaigns: many customers asked at one time, without a ticket."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Email, Instant, Line, LocalDate, Phone, RequestBody, ResponseBody, Word
from app.schemas.tickets import CONTACT_REQUIRED, PolicyRef
from app.services.rules.surveys import SurveyKind, SurveyState

MOST_CUSTOMERS = 1000


class SurveyCustomerIn(RequestBody):
    """One customer of a list. Where the CRM sends the links, it knows them by `external_id`."""

    name: Line | None = None
    phone: Phone | None = None
    email: Email | None = None
    external_id: Line | None = None

    @model_validator(mode="after")
    def _somebody_is_meant(self) -> Self:
        if self.phone is None and self.email is None and self.external_id is None:
            raise Refusal("contact_required", CONTACT_REQUIRED)
        return self


class SurveyCampaignIn(RequestBody):
    """Ask many customers of a line: those on a list, or those who had a ticket since a day.

    The same `seed` draws the same customers again; without one each campaign draws anew. Without `send_at` it begins
    at once, in contact hours.
    """

    business_line: Word | None = None
    kind: Literal["periodic", "loyalty"]
    customers: Annotated[list[SurveyCustomerIn], Field(min_length=1, max_length=MOST_CUSTOMERS)] | None = None
    tickets_since: Annotated[LocalDate | None, Field(description="a day in the line's zone")] = None
    send_at: Instant | None = None
    seed: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None

    @model_validator(mode="after")
    def _either_of_both(self) -> Self:
        if (self.customers is None) is (self.tickets_since is None):
            raise Refusal("required", Text("customers 与 tickets_since 须给出其一", "Give customers or tickets_since"))
        return self


class SurveyCampaignOut(ResponseBody):
    """`percent` of the customers are asked: those whose lot, 0 to 99, is below it.

    A lot is the SHA-256 of the seed, a zero byte and the keyed hash of the customer's contact: its first eight bytes
    modulo 100. Each survey of the campaign shows its own.
    """

    id: str
    business_line: str
    kind: SurveyKind
    policy: PolicyRef
    seed: str
    percent: int
    customers: Annotated[int, Field(description="different ones who can be reached")]
    drawn: int
    states: Annotated[dict[SurveyState, int], Field(description="how many surveys are in which state by now")]
    send_at: Instant
    created_at: Instant


class SurveyCampaignList(ResponseBody):
    items: list[SurveyCampaignOut]
    next_cursor: str | None
    has_more: bool
