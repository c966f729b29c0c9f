"""What is known of a ticket when something is decided about it, and the conditions an edition puts on it."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from app.services.rules.classification import ComplaintClass, IssueType, Kind, Severity, Urgency
from app.services.rules.clause import Terms


class Channel(StrEnum):
    """受理渠道: where the matter came in."""

    HOTLINE = "hotline"
    EMAIL = "email"
    WEB = "web"
    ONLINE_CHAT = "online_chat"
    STORE = "store"
    LETTER = "letter"
    ON_SITE = "on_site"
    CRM = "crm"
    INTERNAL = "internal"  # 公司内部质量控制发现


class ItemClass(StrEnum):
    """服务项目类别 (家居 2.1)."""

    BASIC = "basic"
    EXTENDED = "extended"
    CUSTOMISED = "customised"


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """The facts that deadlines, routing and materials depend on; None is unknown."""

    channel: Channel
    kind: Kind
    urgency: Urgency
    severity: Severity | None = None
    complaint_class: ComplaintClass | None = None
    issue_type: IssueType | None = None
    tier: str | None = None
    item_class: ItemClass | None = None
    product_category: str | None = None
    region: str | None = None
    seller: str | None = None
    service_provider: str | None = None
    branch: str | None = None
    sold_by: str | None = None  # service points, by number
    served_by: str | None = None


class Condition(Terms):
    """When an entry of the edition applies: every field given must hold, a field left out holds always.

    A field holds when the ticket's value is in its list, so an unknown value never satisfies a given field.
    """

    channel: tuple[Channel, ...] = ()
    kind: tuple[Kind, ...] = ()
    urgency: tuple[Urgency, ...] = ()
    severity: tuple[Severity, ...] = ()
    complaint_class: tuple[ComplaintClass, ...] = ()
    issue_type: tuple[IssueType, ...] = ()
    tier: tuple[str, ...] = ()
    item_class: tuple[ItemClass, ...] = ()
    product_category: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    seller: tuple[str, ...] = ()
    service_provider: tuple[str, ...] = ()
    branch: tuple[str, ...] = ()

    def holds(self, facts: TicketFacts) -> bool:
        for name, values in self._given:  # noqa: SIM110 - asked ten times a ticket: `all` takes twice as long
            if getattr(facts, name) not in values:
                return False
        return True

    @cached_property
    def _given(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple([(name, getattr(self, name)) for name in sorted(self.model_fields_set)])


ALWAYS = Condition()
