"""Bodies of the endpoints on returns."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, PlainSerializer, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Bilingual, Instant, Line, Reference, RequestBody, ResponseBody, Word
from app.schemas.orders import OrderProofIn
from app.schemas.purchases import OrderLine
from app.schemas.return_facts import ReturnFactsIn
from app.schemas.tickets import PolicyRef
from app.services.rules.returns.words import Flag, Outcome, Payer, Remedy, RuleSource

Amount = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str)]


class EligibilityIn(RequestBody):
    """About facts alone, or about a purchase on file: by its id, or by its order number with a proof.

    The purchase supplies what the file knows; the facts given count where it is silent.
    """

    business_line: Word | None = None
    purchase_id: Reference | None = None
    order_no: Line | None = None
    order_line: Annotated[OrderLine, Field(description="which line of the order")] = 1
    proof: OrderProofIn | None = None
    facts: ReturnFactsIn = Field(default_factory=ReturnFactsIn)

    @model_validator(mode="after")
    def _an_order_with_its_proof(self) -> Self:
        if (self.order_no is None) is not (self.proof is None):
            field = "proof" if self.proof is None else "order_no"
            raise Refusal(
                "required", Text("order_no 与 proof 须同时给出", "Send order_no and proof together"), field=field
            )
        if self.order_no is not None and self.purchase_id is not None:
            detail = Text("purchase_id 与 order_no 只能有一项", "Send purchase_id or order_no, not both")
            raise Refusal("one_of", detail, field="purchase_id")
        return self


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
    overruled_facts: Annotated[
        list[str] | None, Field(description="given, and contradicted by the file, which holds")
    ] = None
    disclose_uncertainty: bool
    calendar_confirmed: bool
    basis: list[RuleOut]
    policy: PolicyRef
    decided_at: Instant
