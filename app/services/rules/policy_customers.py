"""Chapters on what customers are entitled to: returns, promises, guarantee, surveys, training, their data."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.services.rules.clause import Cited, Sourced, Terms, Wording
from app.services.rules.facts import ALWAYS, Condition
from app.services.rules.policy_shapes import Days, Items, Statement, Step
from app.services.rules.routing import Name
from app.services.rules.sla import Milestone

# CNY. A TOML string: a float would not be the figure that was written.
Price = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]


class Payer(StrEnum):
    """运费承担方."""

    MERCHANT = "merchant"
    CUSTOMER = "customer"


class Remedy(StrEnum):
    RETURN = "return"
    EXCHANGE = "exchange"
    REPAIR = "repair"


class SurveyAspect(StrEnum):
    OVERALL = "overall"
    PRODUCT_QUALITY = "product_quality"
    ATTITUDE = "attitude"
    TIMELINESS = "timeliness"
    PROBLEM_SOLVING = "problem_solving"


class ReturnCase(Sourced):
    """One case in which goods may come back; `negotiable` means with the company's consent only."""

    title: Wording
    remedies: tuple[Remedy, ...]
    negotiable: bool = False
    within_days: Cited[Days] | None = None
    freight: Cited[Payer] | None = None
    confirmed_by: Name | None = None
    conditions: Items | None = None


class ReturnTerms(Terms):
    """退换货."""

    quality: ReturnCase | None = None
    customer_cause: ReturnCase | None = None
    no_reason: ReturnCase | None = None
    other: Statement | None = None
    refund_days: Cited[Days] | None = None
    form: Items | None = None
    flow: tuple[Step, ...] = ()
    receipt_checks: Items | None = None


class PublicPromise(Statement):
    """公开承诺. Where `broken_by` names milestones, missing one of them calls the promise in."""

    name: Name
    when: Condition = ALWAYS
    broken_by: tuple[Milestone, ...] = ()


class PriceItem(Sourced):
    """One paid service and its price, the most that may be asked for it."""

    name: Name
    title: Wording
    price: Price


class WarrantyTerms(Terms):
    """质保与三包."""

    card: Items | None = None
    guarantees: Cited[tuple[Remedy, ...]] | None = None
    after_term: Items | None = None
    price_list: tuple[PriceItem, ...] = ()


class AspectItems(Sourced):
    items: Annotated[dict[SurveyAspect, Wording], Field(min_length=1)]


class SurveyTerms(Terms):
    """满意度调查: `scale` is the lowest and the highest score of an aspect."""

    aspects: AspectItems
    scale: Cited[tuple[int, int]]
    dissatisfied_at_most: Cited[int]
    unresolved_is_dissatisfied: Cited[bool]
    one_invitation_in_days: Cited[Days]
    valid_days: Cited[Days]
    methods: Items | None = None
    subjects: Items | None = None
    analysis: Statement | None = None


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
