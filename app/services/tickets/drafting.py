"""A new ticket decided: kind, deadlines, route, materials, promise, and what its timeline and the feed begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import bare_row
from app.core.ids import id_from, new_id
from app.core.outbox import Event
from app.models.complaint_reports import ComplaintReport
from app.models.tickets import Ticket, TicketCommitment, TimelineEntry
from app.schemas.tickets import TicketIn
from app.services.complaint_reports.opening import begin_report
from app.services.context import Context
from app.services.directory import Line
from app.services.policy_book import Policy
from app.services.progress import expect_word
from app.services.rules.facts import TicketFacts
from app.services.rules.handling import Handling
from app.services.rules.tickets import Status
from app.services.tickets.clocks import commitment_row, decision_documents, promise_anew
from app.services.tickets.customers import PERSONAL, seal_customer
from app.services.tickets.judgement import (
    Judgement,
    Reading,
    classification_document,
    is_serious,
    judge,
    known_issue,
    read_text,
)
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.service_points import Network, read_network

_AS_GIVEN = (
    "channel", "item_class", "description", "materials", "seller", "service_provider", "branch", "region",
)  # fmt: skip
# What may differ when the same call is posted again; references are compared by themselves.
_NOT_COMPARED = {"call", "opened_at", "external_ref"}
_commitment: Final[Callable[..., TicketCommitment]] = partial(bare_row, TicketCommitment)
_entry: Final[Callable[..., TimelineEntry]] = partial(bare_row, TimelineEntry)
_event: Final[Callable[..., Event]] = partial(bare_row, Event)


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket decided but not yet written."""

    ticket: Ticket
    commitments: list[TicketCommitment]
    severe: bool
    handling: Handling | None
    policy: Policy


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a new ticket's timeline and the feed begin with, and the handling report if it needs one."""

    entries: list[TimelineEntry]
    events: list[Event]
    report: ComplaintReport | None


def begin(ctx: Context, draft: Draft, agent: str | None) -> Beginning:
    """Return what a new ticket's timeline and the feed begin with."""
    ticket = draft.ticket
    told = {} if draft.handling is None else {"reported_to": ticket.department}
    facts = {"service_level": ticket.service_level, "policy": f"{ticket.policy_name}/{ticket.policy_version}"}
    entries = [
        entry_row(ctx, ticket, "recorded", staff_no=agent, visibility="customer", data=facts | told, make=_entry)
    ]
    events = [event_row(ctx, ticket, "ticket.recorded", kind=ticket.kind, channel=ticket.channel, make=_event, **told)]
    if draft.severe:
        events.append(event_row(ctx, ticket, "complaint.serious", severity=ticket.severity, make=_event))
    report = None
    if draft.handling is not None and draft.handling.report_required:
        report, entry, event = begin_report(ctx, ticket, draft.policy, draft.handling)
        entries.append(entry)
        events.append(event)
    return Beginning(entries, events, report)


def first_contact(body: TicketIn) -> str | None:
    """Return who took the matter first: the staff member named, else the hotline agent."""
    return body.staff_no or (body.call.agent_no if body.call else None)


async def draft_ticket(ctx: Context, session: AsyncSession, line: Line, body: TicketIn) -> Draft:
    """Decide a new ticket under the edition in force, by the line's service network as it is on file.

    Raises: EditionUnavailable, ValidationFailed for a seller that the line does not have.
    """
    order_no = body.product.order_no if body.product else None
    network = await read_network(
        ctx, session, line, region=body.region, sold_by=body.sold_by, order_no=order_no
    )  # fmt: skip
    return decide_draft(ctx, line, body, network)


def decide_draft(ctx: Context, line: Line, body: TicketIn, network: Network | None) -> Draft:
    """Decide a new ticket under the edition in force, without a look at the database. Raises: EditionUnavailable."""
    opened_at = body.opened_at or ctx.now
    policy = ctx.known.policy_on(line, opened_at)
    category = body.product.category if body.product else None
    reading = read_text(
        ctx.known.book,
        body.description,
        kind=body.kind,
        severity=body.severity,
        urgency=body.urgency,
        product_category=category,
        channel=body.channel,
        edition=policy.edition,
    )
    facts = _facts(body, reading, network.sold_by if network else None)
    judged = judge(
        policy, facts, opened_at, materials=body.materials, first_contact=first_contact(body),
        points=network.points if network else None,
    )  # fmt: skip
    ticket = _ticket(ctx, line, body, policy=policy, reading=reading, judged=judged, opened_at=opened_at)
    ticket.sold_by = facts.sold_by
    rows = [commitment_row(ticket, promised, policy, make=_commitment) for promised in judged.sla.commitments]
    promise_anew(ticket, rows, policy, ctx.now)
    return Draft(ticket, rows, is_serious(facts), judged.handling, policy)


def _facts(body: TicketIn, reading: Reading, sold_by: str | None) -> TicketFacts:
    found = reading.classification
    return TicketFacts(
        channel=body.channel,
        kind=reading.kind,
        urgency=reading.urgency,
        severity=reading.severity,
        tier=body.customer.tier if body.customer else None,
        item_class=body.item_class,
        product_category=body.product.category if body.product else None,
        region=body.region,
        seller=body.seller,
        service_provider=body.service_provider,
        branch=body.branch,
        sold_by=sold_by,
        complaint_class=found.complaint_class,
        issue_type=known_issue(found.issue_type),
    )


def _decided(reading: Reading, judged: Judgement, now: datetime) -> dict[str, Any]:
    """What the rules say of a new ticket, by column."""
    return {
        "kind": reading.kind,
        "urgency": reading.urgency,
        "severity": reading.severity,
        "classification": classification_document(reading.classification),
        "service_level": judged.sla.service_level.name,
        "missing_materials": list(judged.materials.missing),
        "owner_staff_no": judged.routing.owner_staff_no,
        "department": judged.routing.department,
        "collaborating_departments": list(judged.routing.collaborating),
        "handler_role": judged.routing.handler_role,
        "transferred": False,
        "served_by": judged.serving.number if judged.serving else None,
        "served_by_chosen": False,
        "escalation_level": 0,
        "decisions": decision_documents((*reading.decisions, *judged.decisions), now),
    }


def _ticket(
    ctx: Context,
    line: Line,
    body: TicketIn,
    *,
    policy: Policy,
    reading: Reading,
    judged: Judgement,
    opened_at: datetime,
) -> Ticket:
    call = body.call.model_dump(mode="json", exclude_unset=True) if body.call else None
    call_id = body.call.call_id if body.call else None
    ticket = bare_row(
        Ticket,
        id=new_id(),
        business_line_id=line.id,
        version=1,
        events_emitted=0,
        policy_name=policy.name,
        policy_version=policy.version,
        status=Status.RECORDED,
        product=body.product.model_dump(mode="json", exclude_none=True) if body.product else {},
        client_id=ctx.caller.client_id,
        external_ref=body.external_ref or call_id,
        call_id=call_id,
        call=call,
        customer_external_id=body.customer.external_id if body.customer else None,
        customer_tier=body.customer.tier if body.customer else None,
        fingerprint=ctx.keyring.lookup("intake", comparable(line, body)),
        test_clock_id=id_from("clk", body.test_clock) if body.test_clock else None,
        opened_at=opened_at,
        round_started_at=opened_at,
        recorded_at=ctx.now,
        updated_at=ctx.now,
        **{name: getattr(body, name) for name in _AS_GIVEN},
        **_decided(reading, judged, ctx.now),
    )
    expect_word(ticket, policy, ctx.now)
    given = body.customer
    seal_customer(ticket, given.model_dump(include=set(PERSONAL)) if given else {}, ctx.keyring)
    return ticket


def comparable(line: Line, body: TicketIn) -> bytes:
    """Return, as JSON, what a repeat of the same matter must agree with."""
    given = body.model_dump(mode="json", exclude=_NOT_COMPARED, exclude_none=True)
    return orjson.dumps(given | {"business_line": line.name}, option=orjson.OPT_SORT_KEYS)
