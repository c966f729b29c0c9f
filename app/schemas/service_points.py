"""Bodies of the service network."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Instant, Line, LocalDate, PointNo, RequestBody, ResponseBody, Word
from app.schemas.tickets import Region
from app.services.rules.classification import Kind
from app.services.rules.service_points import PointKind

Regions = Annotated[
    list[Region],
    Field(
        max_length=500, description="served: `CN-ZJ`, or GB/T 2260 as `CN-3301` and `CN-330106`; none: it sells only"
    ),
]
Categories = Annotated[list[Word], Field(max_length=50, description="of goods it serves; none: all")]
TicketKinds = Annotated[list[Kind], Field(max_length=50, description="matters it serves; none: all")]
Contact = Annotated[Line, Field(description="the point's own, as it is published; no private number of a person")]


class ServicePointIn(RequestBody):
    """A branch, dealer, agent or service provider. Without `active_from` it is active from today."""

    business_line: Word | None = None
    number: PointNo
    name: Line
    kind: PointKind
    regions: Regions = []
    categories: Categories = []
    ticket_kinds: TicketKinds = []
    department: Annotated[Word | None, Field(description="of the edition, that it answers to")] = None
    contact: Contact | None = None
    active_from: LocalDate | None = None
    active_until: Annotated[LocalDate | None, Field(description="its last day")] = None


class ServicePointPatch(RequestBody):
    """What is left out stays as it is; `null` clears a department, a contact or the last day."""

    name: Line | None = None
    kind: PointKind | None = None
    regions: Regions | None = None
    categories: Categories | None = None
    ticket_kinds: TicketKinds | None = None
    department: Word | None = None
    contact: Contact | None = None
    active_from: LocalDate | None = None
    active_until: LocalDate | None = None

    @model_validator(mode="after")
    def _what_a_point_has(self) -> Self:
        for name in ("name", "kind", "regions", "categories", "ticket_kinds", "active_from"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise Refusal("required", Text(f"{name} 不能清空", f"{name} cannot be cleared"), field=name)
        return self


class ServicePointOut(ResponseBody):
    id: str
    business_line: str
    number: str
    name: str
    kind: PointKind
    regions: list[str]
    categories: list[str]
    ticket_kinds: list[Kind]
    department: str | None
    contact: str | None
    active_from: LocalDate
    active_until: LocalDate | None
    version: int
    created_at: Instant
    updated_at: Instant


class ServicePointList(ResponseBody):
    items: list[ServicePointOut]
    next_cursor: str | None
    has_more: bool
