"""Chapters on the company's own house: delays, escalation, indicators, staff, tools, audit, cost, documents, law."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.services.rules.clause import Cited, Sourced, Terms, Wording
from app.services.rules.policy_shapes import Items, Percent, Statement, Step
from app.services.rules.routing import Name


class NoticeMeans(StrEnum):
    """How staff are told: by whatever reaches the role beside the CRM's event feed, by a letter, or by a call."""

    CRM = "crm"
    EMAIL = "email"
    PHONE = "phone"


class Polarity(StrEnum):
    HIGHER = "higher"  # the higher the better
    LOWER = "lower"


class KpiUnit(StrEnum):
    PERCENT = "percent"
    HOURS = "hours"
    SCORE = "score"


class DelayTerms(Sourced):
    """A late step needs its reason on record and is reported to this role."""

    reason_required: bool
    role: Name


class WarningTerm(Sourced):
    """Who is told before a deadline, and of its breach; without `role`, whoever handles the ticket."""

    role: Name | None = None
    channel: NoticeMeans


class EscalationTerm(Sourced):
    """Who is told at each of the three levels of `sla.escalation_percent`."""

    level: Annotated[int, Field(ge=1, le=3)]
    role: Name
    channel: NoticeMeans


class KpiTerm(Sourced):
    """考核指标. `target` is None while the company has set none."""

    name: Name
    title: Wording
    better: Polarity
    unit: KpiUnit
    definition: Wording | None = None
    target: Cited[Decimal] | None = None


class StaffTerms(Terms):
    theory_hours: Cited[int] | None = None
    practice_hours: Cited[int] | None = None
    certificate: Cited[bool] | None = None
    health_check: Cited[bool] | None = None
    exam: Items | None = None
    appraisal: Items | None = None
    incentives: Statement | None = None


class ToolShare(Sourced):
    name: Name
    title: Wording
    percent: Percent


class ToolTerms(Terms):
    mix: tuple[ToolShare, ...]
    ledger: Items
    rules: tuple[Statement, ...]


class AuditTerms(Terms):
    checks: Items
    audits: Items
    indicators: Items
    findings: Items
    report: Statement


class CostTerms(Terms):
    items: Items
    flow: tuple[Step, ...]


class LawTerm(Sourced):
    """A statute the document rests on; `clause` says where in the document, `article` where in the law."""

    law: Wording
    article: str
    title: Wording
    cases: dict[Name, Wording] = Field(default_factory=dict)
