"""A ticket as a caller sees it, with personal data masked by the caller's tier."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import orjson

from app.core.crypto import KeyRing
from app.core.ids import id_text
from app.core.personal import Tier, mask_text, may_identify
from app.models.tickets import TicketCommitment, TimelineEntry
from app.schemas.fields import instant_text
from app.schemas.tickets import DecisionOut, TimelineEntryOut
from app.services.directory import Known
from app.services.rules.promise import with_number
from app.services.rules.sla import Timekeeping
from app.services.tickets.clocks import running
from app.services.tickets.customers import open_customer, shown_person

_AS_STORED = (
    "number", "channel", "kind", "status", "urgency", "severity", "item_class", "service_level", "external_ref",
    "owner_staff_no", "assignee_staff_no", "department", "collaborating_departments", "handler_role",
    "escalation_level", "region", "sold_by", "served_by", "materials", "missing_materials", "version",
)  # fmt: skip
# What callers wrote, and may have put a number into.
_AS_WRITTEN = ("seller", "service_provider", "branch")


_ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")  # of ours: some have as many figures in a row as a card's number


def render_ticket(
    ticket: Mapping[str, Any],
    commitments: Sequence[TicketCommitment],
    *,
    known: Known,
    keyring: KeyRing,
    tier: Tier,
    now: datetime,
) -> dict[str, Any]:
    """Shape a row of `SHOWN` for one tier: the document of a `TicketOut`, which is written more quickly than a model.

    Commitments come in the order of their deadlines.
    """
    time = known.timekeeping_of(ticket["policy_name"], ticket["policy_version"])
    person = open_customer(ticket["customer_sealed"], ticket["id"], keyring)
    description = shown_text(ticket["description"], tier, person["name"])
    promise = _document(ticket["promise"])
    wording = with_number(ticket["number"], promise["zh"], promise["en"])
    return {
        "id": id_text("tkt", ticket["id"]),
        "business_line": known.by_id[ticket["business_line_id"]].name,
        "time_zone": time.timezone,
        "policy": {"name": ticket["policy_name"], "version": ticket["policy_version"]},
        "customer": render_customer(ticket, person, tier),
        "description": description,
        "call": None if tier is Tier.PUBLIC else shown_document(_document(ticket["call"]), tier),
        "classification": _classification(_document(ticket["classification"]), description),
        "commitments": [
            render_commitment(row, time, now)
            for row in sorted(commitments, key=lambda row: (row.due_at, row.milestone, row.instance))
        ],
        "promise": wording.document(),
        "follow_up_of": id_text("tkt", ticket["follow_up_of_id"]) if ticket["follow_up_of_id"] else None,
        "test_clock": id_text("clk", ticket["test_clock_id"]) if ticket["test_clock_id"] else None,
        "decisions": _decisions(_document(ticket["decisions"]), tier),
        "opened_at": instant_text(ticket["opened_at"]),
        "updated_at": instant_text(ticket["updated_at"]),
        "closed_at": ticket["closed_at"] and instant_text(ticket["closed_at"]),
        **{name: ticket[name] for name in _AS_STORED},
        "product": shown_document(_document(ticket["product"]), tier),
        **{name: shown_document(ticket[name], tier) for name in _AS_WRITTEN},
    }


def _document(value: Any) -> Any:
    """Return the document of a column: in a row of `SHOWN` it is as PostgreSQL writes it."""
    return orjson.loads(value) if isinstance(value, str) else value


def render_commitment(row: TicketCommitment, time: Timekeeping, now: datetime) -> dict[str, Any]:
    """Shape a commitment: the document of a `CommitmentOut`."""
    commitment, acknowledged_at = running(row), row.escalation_acknowledged_at
    return {
        "id": id_text("cmt", row.id),
        "milestone": row.milestone,
        "target": {"value": row.target_value, "unit": row.target_unit},
        "clock": commitment.target.clock,
        "due_at": instant_text(row.due_at),
        "calendar_confirmed": row.calendar_confirmed,
        "state": commitment.state_at(now),
        "met_at": row.met_at and instant_text(row.met_at),
        "used_seconds": commitment.used_seconds(now, time),
        "paused_seconds": commitment.paused_seconds(now, time),
        "delay_reason_recorded": row.delay_reason is not None,
        "escalation_acknowledged_at": acknowledged_at and instant_text(acknowledged_at),
    }


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


def render_customer(
    ticket: Mapping[str, Any], person: dict[str, str | None], tier: Tier
) -> dict[str, str | None] | None:
    """Show the contact as the tier allows: nothing of the person, masked, or as given (a `CustomerOut`)."""
    external_id = ticket["customer_external_id"]
    if ticket["customer_sealed"] is None and external_id is None:
        return None
    shown_id = None if tier is Tier.PUBLIC else external_id
    return {"external_id": shown_id, "tier": ticket["customer_tier"], **shown_person(person, tier)}


def render_decision(document: dict[str, Any], tier: Tier) -> DecisionOut:
    """Show a decision on record; a name in its reason may have been written with a number."""
    return DecisionOut.model_validate(_decisions([document], tier)[0])


def _decisions(documents: list[dict[str, Any]], tier: Tier) -> list[dict[str, Any]]:
    """Show decisions on record; the texts of all are searched at once, as there is seldom anything to mask."""
    if not may_identify(*chain.from_iterable(_words(document) for document in documents)):
        return documents
    return [shown_document(each, tier) if may_identify(*_words(each)) else each for each in documents]


def _words(decision: dict[str, Any]) -> tuple[str, ...]:
    reason = decision["reason"]
    return decision["outcome"], decision["rule"], decision["clause"], reason["zh"], reason["en"]


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
        return value if _ID.fullmatch(value) else mask_text(value)
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {name: _masked(item) for name, item in value.items()}
    return value
