"""Bodies of the endpoints on returns."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from app.schemas.fields import Bilingual, Instant, Reference, RequestBody, ResponseBody, Word
from app.schemas.return_facts import ReturnFactsIn
from app.schemas.tickets import PolicyRef
from app.services.rules.returns.words import Flag, Outcome, Payer, Remedy, RuleSource

Amount = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str)]


class EligibilityIn(RequestBody):
    """With `purchase_id` the purchase on file supplies what it knows; the facts given count where it is silent."""

    business_line: Word | None = None
    purchase_id: Reference | None = None
    facts: ReturnFactsIn = Field(default_factory=ReturnFactsIn)


class RuleOut(ResponseBody):
    rule: str
    source: RuleSource
    law: str
    article: str
    reason: Bilingual


class EligibilityOut(ResponseBody):
    """Dates are days in Asia/Shanghai that end at 24:00; amounts are CNY. What does not apply is left out."""

    outcome: Outcome
    remedies: list[Remedy]
    freight_payer: Payer | Literal["none"]
    freight_if_inspection_fails: Payer | None = None
    deadline: date | None = None
    warranty_end: date | None = None
    refund_due_by: date | None = None
    refund_amount: Amount | None = None
    refund_in_kind: dict[str, Amount] | None = None
    depreciation_days: int | None = None
    returnable_quantity: int | None = None
    missing_facts: list[str]
    bring: list[str]
    flags: list[Flag]
    disclose_uncertainty: bool
    calendar_confirmed: bool
    basis: list[RuleOut]
    policy: PolicyRef
    decided_at: Instant
