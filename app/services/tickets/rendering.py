"""A ticket as a caller sees it, with personal data masked by the caller's tier."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.core.crypto import KeyRing
from app.core.ids import id_text
from app.core.personal import Tier, mask_text, may_identify
from app.models.tickets import Ticket, TicketCommitment, TimelineEntry
from app.schemas.fields import Bilingual
from app.schemas.tickets import (
    CommitmentOut,
    CustomerOut,
    DecisionOut,
    PolicyRef,
    TargetOut,
    TicketOut,
    TimelineEntryOut,
)
from app.services.directory import Known
from app.services.rules.promise import with_number
from app.services.rules.sla import Timekeeping
from app.services.tickets.clocks import running
from app.services.tickets.customers import open_customer, shown_person

_AS_STORED = (
    "number", "channel", "kind", "status", "urgency", "severity", "item_class", "service_level", "external_ref",
    "owner_staff_no", "assignee_staff_no", "department", "collaborating_departments", "handler_role",
    "escalation_level", "region", "sold_by", "served_by", "materials", "missing_materials", "version", "opened_at",
    "updated_at", "closed_at",
)  # fmt: skip
# What callers wrote, and may have put a number into.
_AS_WRITTEN = ("product", "seller", "service_provider", "branch")


def render_ticket(
    ticket: Ticket,
    commitments: Sequence[TicketCommitment],
    *,
    known: Known,
    keyring: KeyRing,
    tier: Tier,
    now: datetime,
) -> TicketOut:
    """Shape a ticket for one tier. Commitments come in the order of their deadlines."""
    time = known.timekeeping_of(ticket.policy_name, ticket.policy_version)
    person = open_customer(ticket.customer_sealed, ticket.id, keyring)
    description = shown_text(ticket.description, tier, person["name"])
    return TicketOut.model_construct(
        id=id_text("tkt", ticket.id),
        business_line=known.by_id[ticket.business_line_id].name,
        time_zone=time.timezone,
        policy=PolicyRef(name=ticket.policy_name, version=ticket.policy_version),
        customer=render_customer(ticket, person, tier),
        description=description,
        call=None if tier is Tier.PUBLIC else shown_document(ticket.call, tier),
        classification=_classification(ticket.classification, description),
        commitments=[
            render_commitment(row, time, now)
            for row in sorted(commitments, key=lambda row: (row.due_at, row.milestone, row.instance))
        ],
        promise=_promise(ticket),
        follow_up_of=id_text("tkt", ticket.follow_up_of_id) if ticket.follow_up_of_id else None,
        test_clock=id_text("clk", ticket.test_clock_id) if ticket.test_clock_id else None,
        decisions=[render_decision(document, tier) for document in ticket.decisions],
        **{name: getattr(ticket, name) for name in _AS_STORED},
        **{name: shown_document(getattr(ticket, name), tier) for name in _AS_WRITTEN},
    )


def render_commitment(row: TicketCommitment, time: Timekeeping, now: datetime) -> CommitmentOut:
    commitment = running(row)
    return CommitmentOut.model_construct(
        id=id_text("cmt", row.id),
        milestone=row.milestone,
        target=TargetOut(value=row.target_value, unit=row.target_unit),
        clock=commitment.target.clock,
        due_at=row.due_at,
        calendar_confirmed=row.calendar_confirmed,
        state=commitment.state_at(now),
        met_at=row.met_at,
        used_seconds=commitment.used_seconds(now, time),
        paused_seconds=commitment.paused_seconds(now, time),
        delay_reason_recorded=row.delay_reason is not None,
        escalation_acknowledged_at=row.escalation_acknowledged_at,
    )


def render_entry(entry: TimelineEntry, tier: Tier) -> TimelineEntryOut:
    return TimelineEntryOut(
        id=id_text("tle", entry.id),
        kind=entry.kind,
        visibility=entry.visibility,
        author=entry.author,
        staff_no=entry.staff_no,
        text=shown_text(entry.text, tier),
        data={} if tier is Tier.PUBLIC else shown_document(entry.data, tier),
        at=entry.at,
    )


def render_customer(ticket: Ticket, person: dict[str, str | None], tier: Tier) -> CustomerOut | None:
    """Show the contact as the tier allows: nothing of the person, masked, or as given."""
    if ticket.customer_sealed is None and ticket.customer_external_id is None:
        return None
    external_id = None if tier is Tier.PUBLIC else ticket.customer_external_id
    return CustomerOut(external_id=external_id, tier=ticket.customer_tier, **shown_person(person, tier))


def render_decision(document: dict[str, Any], tier: Tier) -> DecisionOut:
    """Show a decision on record; a name in its reason may have been written with a number."""
    reason = document["reason"]
    if may_identify(document["outcome"], document["rule"], document["clause"], reason["zh"], reason["en"]):
        document = shown_document(document, tier)
    return DecisionOut.model_validate(document)


def _promise(ticket: Ticket) -> Bilingual:
    wording = with_number(ticket.number, ticket.promise["zh"], ticket.promise["en"])
    return Bilingual(zh=wording.zh, en=wording.en)


def _classification(document: dict[str, Any] | None, description: str | None) -> dict[str, Any] | None:
    """Quote the evidence from the description as it is shown, so that masking cannot be got round."""
    if document is None:
        return None
    if description is None:
        return {**document, "evidence": []}
    evidence = [{**quote, "text": description[quote["start"] : quote["end"]]} for quote in document["evidence"]]
    return {**document, "evidence": evidence}


def shown_text(text: str | None, tier: Tier, name: str | None = None) -> str | None:
    """Show free text as the tier allows; the customer's own name is masked with the rest, keeping positions."""
    if text is None or tier is Tier.SENSITIVE:
        return text
    if tier is Tier.PUBLIC:
        return None
    hidden = mask_text(text)
    return hidden.replace(name, name[0] + "*" * (len(name) - 1)) if name and len(name) > 1 else hidden


def shown_texts(texts: Sequence[str], tier: Tier) -> list[str]:
    """Show free texts as the tier allows, none of them to the tier `public`."""
    return [shown for text in texts if (shown := shown_text(text, tier)) is not None]


def shown_document(value: Any, tier: Tier) -> Any:
    """Show a document that callers wrote into, masked unless the tier sees it in full."""
    return value if tier is Tier.SENSITIVE else _masked(value)


def _masked(value: Any) -> Any:
    """Mask what callers wrote anywhere in a document."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    return value
