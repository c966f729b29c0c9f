"""A ticket as a caller sees it, with personal data masked by the caller's tier."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.core.crypto import KeyRing
from app.core.ids import id_text
from app.core.personal import Tier, mask_address, mask_email, mask_name, mask_phone, mask_text
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
from app.services.policy_book import Policy
from app.services.rules.clause import DecisionKind
from app.services.rules.promise import with_number
from app.services.rules.sla import Timekeeping
from app.services.tickets.clocks import running

SEALED = "ticket.customer_sealed"


def policy_of(known: Known, ticket: Ticket) -> Policy:
    """Return the edition the ticket keeps."""
    return known.book.get(ticket.policy_name, ticket.policy_version)


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
    time = policy_of(known, ticket).time
    clear = tier is Tier.SENSITIVE
    return TicketOut.model_construct(
        id=id_text("tkt", ticket.id),
        number=ticket.number,
        business_line=known.by_id[ticket.business_line_id].name,
        time_zone=time.timezone,
        policy=PolicyRef(name=ticket.policy_name, version=ticket.policy_version),
        channel=ticket.channel,
        kind=ticket.kind,
        status=ticket.status,
        urgency=ticket.urgency,
        severity=ticket.severity,
        item_class=ticket.item_class,
        service_level=ticket.service_level,
        customer=_customer(ticket, keyring, tier),
        product=ticket.product,
        description=ticket.description if clear else mask_text(ticket.description),
        external_ref=ticket.external_ref,
        owner_staff_no=ticket.owner_staff_no,
        assignee_staff_no=ticket.assignee_staff_no,
        department=ticket.department,
        collaborating_departments=ticket.collaborating_departments,
        handler_role=ticket.handler_role,
        escalation_level=ticket.escalation_level,
        seller=ticket.seller,
        service_provider=ticket.service_provider,
        branch=ticket.branch,
        region=ticket.region,
        classification=_classification(ticket.classification, clear=clear),
        commitments=[
            render_commitment(row, time, now)
            for row in sorted(commitments, key=lambda row: (row.due_at, row.milestone, row.instance))
        ],
        materials=ticket.materials,
        missing_materials=ticket.missing_materials,
        promise=_promise(ticket),
        decisions=[_decision(document) for document in ticket.decisions],
        version=ticket.version,
        opened_at=ticket.opened_at,
        updated_at=ticket.updated_at,
        closed_at=ticket.closed_at,
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
        paused_seconds=commitment.paused_seconds(commitment.met_at or now, time),
    )


def render_entry(entry: TimelineEntry, tier: Tier) -> TimelineEntryOut:
    clear = tier is Tier.SENSITIVE
    return TimelineEntryOut(
        id=id_text("tle", entry.id),
        kind=entry.kind,
        visibility=entry.visibility,
        author=entry.author,
        staff_no=entry.staff_no,
        text=entry.text if clear or entry.text is None else mask_text(entry.text),
        data=entry.data if clear else _masked(entry.data),
        at=entry.at,
    )


def _customer(ticket: Ticket, keyring: KeyRing, tier: Tier) -> CustomerOut | None:
    """Show the contact as the tier allows: nothing of the person, masked, or as given."""
    if ticket.customer_sealed is None and ticket.customer_external_id is None:
        return None
    shown: dict[str, str | None] = dict.fromkeys(("name", "phone", "email", "address"))
    if tier is not Tier.PUBLIC and ticket.customer_sealed is not None:
        shown |= keyring.open(ticket.customer_sealed, place=SEALED, row=ticket.id)
    if tier is Tier.GENERAL:
        masks = {"name": mask_name, "phone": mask_phone, "email": mask_email, "address": mask_address}
        shown = {name: value and masks[name](value) for name, value in shown.items()}
    return CustomerOut(external_id=ticket.customer_external_id, tier=ticket.customer_tier, **shown)


def _decision(document: dict[str, Any]) -> DecisionOut:
    kind, reason = DecisionKind(document["kind"]), Bilingual(**document["reason"])
    return DecisionOut.model_construct(**{**document, "kind": kind, "reason": reason})


def _promise(ticket: Ticket) -> Bilingual:
    wording = with_number(ticket.number, ticket.promise["zh"], ticket.promise["en"])
    return Bilingual(zh=wording.zh, en=wording.en)


def _classification(document: dict[str, Any] | None, *, clear: bool) -> dict[str, Any] | None:
    if document is None or clear:
        return document
    evidence = [{**entry, "text": mask_text(entry["text"])} for entry in document["evidence"]]
    return {**document, "evidence": evidence}


def _masked(data: dict[str, Any]) -> dict[str, Any]:
    return {name: mask_text(value) if isinstance(value, str) else value for name, value in data.items()}
