"""Edition: one dated version of a company's written after-sales policy, as typed data.

A chapter that is None is one the document does not have. What has to be decided for every ticket (calendar, service
levels, routing, surveys, retention) is always there, with basis `assumed` where the document is silent.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from app.services.rules.clause import SILENT as SILENT
from app.services.rules.clause import Cited, Terms, Wording
from app.services.rules.materials import MaterialName, MaterialTerm
from app.services.rules.policy_company import (
    AuditTerms,
    CostTerms,
    DelayTerms,
    EscalationTerm,
    KpiTerm,
    LawTerm,
    StaffTerms,
    ToolTerms,
    WarningTerm,
)
from app.services.rules.policy_customers import (
    ArchiveTerms,
    PrivacyTerms,
    PublicPromise,
    RetentionTerms,
    ReturnTerms,
    TrainingTerms,
    WarrantyTerms,
)
from app.services.rules.policy_service import (
    ComplaintTerms,
    FieldServiceTerms,
    HotlineTerms,
    IncidentTerms,
    IntakeTerms,
    QualityTerms,
)
from app.services.rules.policy_shapes import Items
from app.services.rules.progress import ProgressTerms
from app.services.rules.routing import Name, RoutingTerms, Titled
from app.services.rules.sla import SlaTerms
from app.services.rules.surveys import SurveyTerms

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ClockTime = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Window = tuple[ClockTime, ClockTime]


class Header(Terms):
    """`effective_from` is a date in the edition's zone; the edition is in force from its first minute on."""

    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,19}$")]
    title: Wording
    document: str  # the source's own title
    effective_from: date
    language: Literal["zh", "en"] = "zh"  # of the source
    note: Wording | None = None


class CalendarTerms(Terms):
    """Opening hours, in wall time of `timezone`; a weekday left out is closed."""

    timezone: Annotated[str, Field(max_length=64)]
    weekly_hours: Cited[dict[Weekday, tuple[Window, ...]]]
    chinese_holidays: Cited[bool]
    date_hours: dict[date, Cited[tuple[Window, ...]]] = Field(default_factory=dict)
    contact_hours: Cited[Window]


class Edition(Terms):
    """`notes` holds the texts that a `note` in the file refers to by name; here every `note` is the text itself."""

    edition: Header
    notes: dict[Name, Wording] = Field(default_factory=dict)
    calendar: CalendarTerms
    sla: SlaTerms
    warnings: WarningTerm | None = None
    escalations: tuple[EscalationTerm, ...]
    delays: DelayTerms
    routing: RoutingTerms
    departments: dict[Name, Titled]
    roles: dict[Name, Titled]
    materials: tuple[MaterialTerm, ...] = ()
    material_titles: dict[MaterialName, Wording] = Field(default_factory=dict)
    surveys: SurveyTerms
    progress: ProgressTerms | None = None
    retention: RetentionTerms
    intake: IntakeTerms | None = None
    complaints: ComplaintTerms | None = None
    quality: QualityTerms | None = None
    hotline: HotlineTerms | None = None
    field_service: FieldServiceTerms | None = None
    incidents: IncidentTerms | None = None
    returns: ReturnTerms | None = None
    promises: tuple[PublicPromise, ...] = ()
    warranty: WarrantyTerms | None = None
    training: TrainingTerms | None = None
    privacy: PrivacyTerms | None = None
    archive: ArchiveTerms | None = None
    kpis: tuple[KpiTerm, ...] = ()
    staff: StaffTerms | None = None
    tools: ToolTerms | None = None
    audit: AuditTerms | None = None
    costs: CostTerms | None = None
    documents: Items | None = None
    law: tuple[LawTerm, ...] = ()
