"""Bodies of warranty cards, of the question whether something is under guarantee, and of charges."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import (
    Bilingual,
    Flag,
    Instant,
    Line,
    LocalDate,
    Money,
    RequestBody,
    ResponseBody,
    StaffNo,
    Word,
)
from app.schemas.purchases import Id, Months, PartMonths
from app.schemas.tickets import DecisionOut, PolicyRef
from app.services.rules.clause import Basis
from app.services.rules.returns.words import Part, Remedy
from app.services.rules.warranty import Excluded

RepairDays = Annotated[int, Field(strict=True, ge=0, le=3660)]


class WarrantyCardIn(RequestBody):
    """The card of a purchase; terms that are left out are the catalogue's, and the start is as the purchase says."""

    purchase_id: Id
    months: Months | None = None
    part_months: PartMonths | None = None
    starts_on: LocalDate | None = None


class WarrantyCardPatch(RequestBody):
    """What is left out stays as it is; `null` clears a date."""

    months: Months | None = None
    part_months: PartMonths | None = None
    starts_on: LocalDate | None = None
    replaced_on: Annotated[LocalDate | None, Field(description="an exchange: the term runs anew")] = None
    repair_days: Annotated[RepairDays | None, Field(description="taken by repairs and by waiting for parts")] = None

    @model_validator(mode="after")
    def _what_a_card_has(self) -> Self:
        for name in ("months", "part_months", "repair_days"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise Refusal("required", Text(f"{name} 不能清空", f"{name} cannot be cleared"), field=name)
        return self


class ExtensionIn(RequestBody):
    reason: Line
    until: Annotated[LocalDate, Field(description="the last day")]
    staff_no: StaffNo | None = None


class ExtensionOut(ResponseBody):
    reason: str
    until: LocalDate
    staff_no: str | None
    at: Instant


class WarrantyCardOut(ResponseBody):
    id: str
    business_line: str
    purchase_id: str
    months: int
    part_months: dict[Part, int]
    starts_on: LocalDate | None
    replaced_on: LocalDate | None
    repair_days: int
    extensions: list[ExtensionOut]
    version: int
    created_at: Instant
    updated_at: Instant


class WarrantyCardList(ResponseBody):
    items: list[WarrantyCardOut]
    next_cursor: str | None
    has_more: bool


class WarrantyFactsIn(RequestBody):
    """What the caller knows. Of a purchase on file it fills what the file leaves open, and says what happened."""

    delivered_on: LocalDate | None = None
    installed_on: LocalDate | None = None
    replaced_on: LocalDate | None = None
    warranty_months: Months | None = None
    product_category: Word | None = None
    part: Annotated[Part | None, Field(description="that failed; null: the whole unit")] = None
    part_warranty_months: Months | None = None
    repair_days: RepairDays | None = None
    extended_until: LocalDate | None = None
    misuse_found: Flag = False
    unauthorized_repair: Flag = False
    force_majeure: Flag = False


class WarrantyCheckIn(RequestBody):
    """About a purchase, a serial number, or facts alone."""

    business_line: Word | None = None
    purchase_id: Id | None = None
    serial_no: Line | None = None
    facts: WarrantyFactsIn | None = None

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.purchase_id is None and self.serial_no is None and self.facts is None:
            raise Refusal(
                "required",
                Text("请给出 purchase_id、serial_no 或 facts", "Give purchase_id, serial_no or facts"),
                field="purchase_id",
            )
        return self


class QuotedOut(ResponseBody):
    """The most that may be asked for a service, in CNY."""

    item: str
    title: Bilingual
    price: str
    clause: str


class WarrantyCheckOut(ResponseBody):
    """`covered` is null while one of `missing_facts` decides it. Free of charge is what `free` names."""

    covered: bool | None
    until: LocalDate | None
    free: list[Remedy]
    missing_facts: list[str]
    calendar_confirmed: Annotated[bool, Field(description="the days off of the last day's year are published")]
    quotation: Annotated[list[QuotedOut], Field(description="outside the guarantee: the price list")]
    decisions: list[DecisionOut]
    policy: PolicyRef
    decided_at: Instant


class ChargeIn(RequestBody):
    """What a customer is to pay on a ticket, by an item of the edition's price list."""

    item: Word
    amount: Money
    accepted_at: Annotated[Instant, Field(description="when the customer accepted the quotation")]
    excluded: Annotated[Excluded | None, Field(description="why a guarantee does not cover the fault")] = None
    purchase_id: Annotated[Id | None, Field(description="null: found by the ticket's serial or order number")] = None
    staff_no: StaffNo | None = None

    @model_validator(mode="after")
    def _something_is_charged(self) -> Self:
        if self.amount <= 0:
            raise Refusal("too_small", Text("金额须大于 0", "More than 0"), field="amount")
        return self


class ChargeOut(ResponseBody):
    id: str
    ticket: str
    item: str
    amount: str
    listed_price: str
    clause: str
    basis: Basis
    accepted_at: Instant
    under_guarantee: Annotated[bool | None, Field(description="null: no purchase on file says")]
    staff_no: str | None
    at: Instant
