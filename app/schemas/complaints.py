"""Bodies of the complaint endpoints."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from app.core.language import Text
from app.core.validation import Refusal
from app.schemas.fields import Line, LongText, RequestBody, ResponseBody, ShortText, StaffNo, Word
from app.schemas.tickets import DecisionOut, ProductIn, Region
from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.facts import Channel, ItemClass


class ClassificationFactsIn(RequestBody):
    """Facts of the matter that routing depends on."""

    channel: Channel | None = None
    kind: Kind | None = None
    urgency: Urgency | None = None
    severity: Severity | None = None
    tier: Word | None = None
    item_class: ItemClass | None = None
    region: Region | None = None
    seller: Line | None = None
    service_provider: Line | None = None
    branch: Line | None = None


class ClassifyIn(RequestBody):
    business_line: Word | None = None
    text: LongText
    product: ProductIn | None = None
    facts: ClassificationFactsIn | None = None


class ClassifyOut(ResponseBody):
    complaint_class: ComplaintClass
    issue_type: IssueType
    also: list[IssueType]
    severity: Severity
    urgency: Urgency
    kind: Kind
    confidence: dict[str, float]
    needs_confirmation: Annotated[bool, Field(description="staff should look: the reading is not sure enough")]
    evidence: list[dict[str, Any]]
    model: Annotated[str, Field(description="the version of the model that read the text")]
    lexicon: Annotated[str, Field(description="the version of the words that it was read by")]
    department: str
    collaborating_departments: list[str]
    handler_role: str
    decisions: list[DecisionOut]


class ClassificationIn(RequestBody):
    """What staff say the matter is."""

    complaint_class: ComplaintClass
    issue_type: IssueType
    also: Annotated[list[IssueType], Field(max_length=12)] = []
    severity: Severity
    urgency: Urgency | None = None
    kind: Kind | None = None
    staff_no: StaffNo
    reason: ShortText | None = None

    @model_validator(mode="after")
    def _one_thing_or_the_other(self) -> Self:
        """What is no complaint has neither issue type nor severity; a complaint has both."""
        none = self.complaint_class is ComplaintClass.NOT_COMPLAINT
        if (self.issue_type is IssueType.NONE) is not none or (self.severity is Severity.NONE) is not none:
            raise Refusal(
                "contradiction",
                Text(
                    "not_complaint 的 issue_type 与 severity 均为 none，其它类别均不得为 none",
                    "not_complaint has issue_type and severity none; every other class has neither none",
                ),
            )
        return self


class FieldAgreement(ResponseBody):
    """Of `n` times that staff gave a field, how often it was what the machine had read."""

    n: int
    agreed: int
    rate: Annotated[float | None, Field(description="null while n is 0")]


class AgreementRow(ResponseBody):
    """A month (of Asia/Shanghai), line and model version; `n` tickets, each by the last that staff said of it."""

    month: str
    business_line: str
    model: Annotated[str | None, Field(description="the version that had read them; null: none had")]
    n: int
    complaint_class: FieldAgreement
    issue_type: FieldAgreement
    severity: FieldAgreement
    urgency: FieldAgreement
    kind: FieldAgreement


class Agreement(ResponseBody):
    rows: list[AgreementRow]
