"""Chapters on what customers are entitled to: returns, promises, guarantee, training, their data."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from app.services.rules.clause import Cited, Sourced, Terms, Wording
from app.services.rules.facts import ALWAYS, Condition
from app.services.rules.policy_shapes import Days, Items, Months, Statement, Step
from app.services.rules.returns.words import Part, Payer, Remedy
from app.services.rules.routing import Name
from app.services.rules.sla import Milestone

# What an edition may promise; a return less depreciation and a paid repair follow from the law alone.
PromisedRemedy = Literal[Remedy.RETURN, Remedy.EXCHANGE, Remedy.REPAIR]
# CNY. A TOML string: a float would not be the figure that was written.
Price = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]


class ReturnCase(Sourced):
    """One case in which goods may come back; `negotiable` means with the company's consent only.

    `exclusions` name the goods it is not for, by the words of the law.
    """

    title: Wording
    remedies: tuple[PromisedRemedy, ...]
    negotiable: bool = False
    within_days: Cited[Days] | None = None
    freight: Cited[Payer] | None = None
    confirmed_by: Name | None = None
    conditions: Items | None = None
    exclusions: Items | None = None


class ReturnTerms(Terms):
    """退换货. `unconfirmed_freight` is paid by whoever has to where inspection finds no defect."""

    quality: ReturnCase | None = None
    customer_cause: ReturnCase | None = None
    no_reason: ReturnCase | None = None
    other: Statement | None = None
    refund_days: Cited[Days] | None = None
    unconfirmed_freight: Cited[Payer] | None = None
    form: Items | None = None
    flow: tuple[Step, ...] = ()
    receipt_checks: Items | None = None


class PublicPromise(Statement):
    """公开承诺. Where `broken_by` names milestones, missing one of them calls the promise in."""

    name: Name
    when: Condition = ALWAYS
    broken_by: tuple[Milestone, ...] = ()


class GuaranteeTerm(Sourced):
    """The company's own guarantee on some categories of goods; `parts` have terms of their own."""

    categories: Annotated[tuple[Name, ...], Field(min_length=1)]
    title: Wording
    months: Months
    parts: dict[Part, Months] = Field(default_factory=dict)


class PriceItem(Sourced):
    """One paid service and its price, the most that may be asked for it."""

    name: Name
    title: Wording
    price: Price


class WarrantyTerms(Terms):
    """质保与三包."""

    card: Items | None = None
    guarantees: Cited[tuple[PromisedRemedy, ...]] | None = None
    after_term: Items | None = None
    goods: tuple[GuaranteeTerm, ...] = ()
    price_list: tuple[PriceItem, ...] = ()


class TrainingTerms(Terms):
    """客户培训."""

    plan: Items
    levels: Items
    forms: Items
    exam: Items
    certificate: Cited[bool]
    filed: Cited[bool]


class PrivacyTerms(Terms):
    classes: Items
    principles: Items


class ArchiveTerms(Terms):
    """客户档案 and who may look into it."""

    customer: Items
    purchases: Items
    services: Items
    surveys: Items
    approved_by: Step
    access: Items
    log: Items
    backups: Statement


class RetentionTerms(Terms):
    years_after_closure: Cited[Annotated[int, Field(gt=0, le=100)]]
