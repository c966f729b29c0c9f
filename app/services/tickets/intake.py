"""服务受理: a ticket is taken once, decided at once, and answered with a definite promise."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import FieldError, ServerBusy, ValidationFailed
from app.core.ids import id_from, new_id
from app.core.language import Text
from app.core.metrics import TICKETS
from app.core.outbox import Event
from app.models.complaint_reports import ComplaintReport
from app.models.test_clocks import TestClock
from app.models.tickets import Ticket, TicketCommitment, TimelineEntry
from app.schemas.fields import instant_text
from app.schemas.tickets import TicketIn
from app.services.complaint_reports.opening import begin_report
from app.services.context import Context
from app.services.directory import Line
from app.services.policy_book import Policy
from app.services.progress import expect_word
from app.services.rules.facts import TicketFacts
from app.services.rules.handling import Handling
from app.services.rules.tickets import Status
from app.services.tickets.answering import answer_again, answer_ticket
from app.services.tickets.clocks import commitment_row, decision_documents, promise_anew
from app.services.tickets.customers import PERSONAL, seal_customer
from app.services.tickets.judgement import (
    Judgement,
    Reading,
    classification_document,
    is_serious_complaint,
    judge,
    read_text,
    with_classification,
)
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.refusals import ExternalRefConflict
from app.services.tickets.service_points import read_network
from app.services.tickets.writing import insert_ticket

# A caller's clock may run a little ahead of ours.
_CLOCK_SKEW = timedelta(minutes=5)
_AS_GIVEN = (
    "channel", "item_class", "description", "materials", "seller", "service_provider", "branch", "region",
)  # fmt: skip
NUMBERS_TRIED = 20
# What may differ when the same call is posted again; references are compared by themselves.
_NOT_COMPARED = {"call", "opened_at", "external_ref"}


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


async def open_ticket(ctx: Context, body: TicketIn) -> Answer:
    """Take a ticket under the edition in force, with every decision that follows from it.

    A repeated `external_ref` or `call_id` answers 200 with the ticket that is there.
    Raises: NotFound, ValidationFailed, ExternalRefConflict, IdempotencyKeyReused, IdempotencyInProgress.
    """
    line = ctx.line(body.business_line)
    asked = ctx
    if body.test_clock is not None:
        ctx = await _at_test_clock(ctx, line, body.test_clock)
    if body.opened_at is not None and body.opened_at > ctx.now + _CLOCK_SKEW:
        raise ValidationFailed(errors=[_IN_THE_FUTURE])
    async with asked.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, None)
        draft = await draft_ticket(ctx, unit.session, line, body)
        return unit.answer(await _take(ctx, unit.session, line, body, draft))


_IN_THE_FUTURE = FieldError(
    ("pointer", "#/opened_at"), "in_the_future", Text("opened_at 不能晚于现在", "opened_at lies in the future")
)


async def _at_test_clock(ctx: Context, line: Line, reference: str) -> Context:
    """Return the context at the time of a test clock of this line.

    Raises: ValidationFailed if there is none, and wherever there are no test clocks.
    """
    if not ctx.kit.sandbox:
        raise ValidationFailed(errors=[_SANDBOX_ONLY])
    async with ctx.db.begin() as session:
        chosen = TestClock.id == id_from("clk", reference), TestClock.business_line_id == line.id
        now = await session.scalar(select(TestClock.now).where(*chosen))
    if now is None:
        raise ValidationFailed(errors=[_NO_SUCH_CLOCK])
    return replace(ctx, now=now)


_SANDBOX_ONLY = FieldError(
    ("pointer", "#/test_clock"),
    "sandbox_only",
    Text("仅沙箱环境（AFTERSALES_SANDBOX）有测试时钟", "Only a sandbox (AFTERSALES_SANDBOX) has test clocks"),
)
_NO_SUCH_CLOCK = FieldError(
    ("pointer", "#/test_clock"),
    "unknown_value",
    Text("该经营线没有此测试时钟", "The business line has no such test clock"),
)


async def _take(ctx: Context, session: AsyncSession, line: Line, body: TicketIn, draft: Draft) -> Answer:
    beginning = begin(ctx, draft, first_contact(body))
    for _ in range(NUMBERS_TRIED):
        if await write_draft(session, draft, beginning):
            return await answer_ticket(ctx, session, 201, draft.ticket, draft.commitments)
        if answer := await _repeated(ctx, session, line, body, draft.ticket):
            return answer
    raise ServerBusy(headers={"Retry-After": "1"})  # not the reference but the number was taken, again and again


def begin(ctx: Context, draft: Draft, agent: str | None) -> Beginning:
    """Return what a new ticket's timeline and the feed begin with."""
    ticket = draft.ticket
    told = {} if draft.handling is None else {"reported_to": ticket.department}
    facts = {"service_level": ticket.service_level, "policy": f"{ticket.policy_name}/{ticket.policy_version}"}
    entries = [entry_row(ctx, ticket, "recorded", staff_no=agent, visibility="customer", data=facts | told)]
    events = [event_row(ctx, ticket, "ticket.recorded", kind=ticket.kind, channel=ticket.channel, **told)]
    if draft.severe:
        events.append(event_row(ctx, ticket, "complaint.serious", severity=ticket.severity))
    report = None
    if draft.handling is not None and draft.handling.report_required:
        report, entry, event = begin_report(ctx, ticket, draft.policy, draft.handling)
        entries.append(entry)
        events.append(event)
    return Beginning(entries, events, report)


async def write_draft(session: AsyncSession, draft: Draft, beginning: Beginning) -> bool:
    """Write a ticket with what it begins with, under a new number; False if its reference or the number is taken."""
    ticket = draft.ticket
    day = ticket.opened_at.astimezone(ZoneInfo(draft.policy.time.timezone)).strftime("%Y%m%d")
    number = await insert_ticket(session, ticket, draft.commitments, beginning.entries, beginning.events, day=day)
    if number is None:
        return False
    ticket.number = number
    if beginning.report is not None:
        session.add(beginning.report)
    TICKETS.labels(ticket.channel, ticket.kind).inc()
    return True


async def _repeated(ctx: Context, session: AsyncSession, line: Line, body: TicketIn, posted: Ticket) -> Answer | None:
    """Answer with the ticket its reference stands for, noting what this report of the call says differently.

    None if no ticket has the reference: the two ways a new ticket can clash are its reference and its number.
    """
    columns = (Ticket.external_ref, posted.external_ref), (Ticket.call_id, posted.call_id)
    same = [column == value for column, value in columns if value is not None]
    if not same:
        return None
    mine = select(Ticket).where(Ticket.client_id == posted.client_id, or_(*same)).with_for_update()
    tickets = (await session.scalars(mine)).all()
    if not tickets:
        return None
    ticket = tickets[0]
    same_facts = ticket.fingerprint in ctx.keyring.lookups("intake", _comparable(line, body))
    # A ticket taken by its call alone has the call's id for a reference: a reference of its own may come later.
    own_reference = ticket.external_ref if ticket.external_ref != ticket.call_id else None
    other_reference = None not in (body.external_ref, own_reference) and body.external_ref != own_reference
    if len(tickets) > 1 or not same_facts or other_reference:
        seen = ticket.business_line_id in ctx.line_ids()
        raise ExternalRefConflict(ticket.number if seen else None)
    if ticket.call_id is None and posted.call_id is not None:
        await _learn_call(session, ticket, posted.call_id)
    differs: dict[str, Any] = {}
    if posted.call is not None and posted.call != ticket.call:
        differs["call"] = posted.call
    if body.opened_at is not None and body.opened_at != ticket.opened_at:
        differs["opened_at"] = instant_text(body.opened_at)
    if differs:
        session.add(entry_row(ctx, ticket, "repeated", author="system", data=differs))
        session.add(event_row(ctx, ticket, "ticket.repeated", changed=sorted(differs)))
    rows = await session.scalars(select(TicketCommitment).where(TicketCommitment.ticket_id == ticket.id))
    return await answer_ticket(ctx, session, 200, ticket, rows.all())


async def _learn_call(session: AsyncSession, ticket: Ticket, call_id: str) -> None:
    """Note the call a ticket was reported by, so that the call alone leads to the ticket from now on."""
    try:
        async with session.begin_nested():
            await session.execute(update(Ticket).where(Ticket.id == ticket.id).values(call_id=call_id))
    except IntegrityError:  # another report of this call is making a ticket at this moment: the caller tries again
        raise ServerBusy(headers={"Retry-After": "1"}) from None


def first_contact(body: TicketIn) -> str | None:
    """Return who took the matter first: the staff member named, else the hotline agent."""
    return body.staff_no or (body.call.agent_no if body.call else None)


async def draft_ticket(ctx: Context, session: AsyncSession, line: Line, body: TicketIn) -> Draft:
    """Decide a new ticket under the edition in force, reading of the database the line's service network alone.

    Raises: EditionUnavailable, ValidationFailed for a seller that the line does not have.
    """
    order_no = body.product.order_no if body.product else None
    network = await read_network(
        ctx, session, line, region=body.region, sold_by=body.sold_by, order_no=order_no
    )  # fmt: skip
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
    facts = replace(_facts(body, reading), sold_by=network.sold_by if network else None)
    judged = judge(
        policy, facts, opened_at, materials=body.materials, first_contact=first_contact(body),
        points=network.points if network else None,
    )  # fmt: skip
    ticket = _ticket(ctx, line, body, policy=policy, reading=reading, judged=judged, opened_at=opened_at)
    ticket.sold_by = facts.sold_by
    rows = [commitment_row(ticket, promised, policy) for promised in judged.sla.commitments]
    promise_anew(ticket, rows, policy, ctx.now)
    return Draft(ticket, rows, is_serious_complaint(ticket), judged.handling, policy)


def _facts(body: TicketIn, reading: Reading) -> TicketFacts:
    facts = TicketFacts(
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
    )
    found = reading.classification
    return with_classification(facts, found.complaint_class, found.issue_type)


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
    ticket = Ticket(
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
        fingerprint=ctx.keyring.lookup("intake", _comparable(line, body)),
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


def _comparable(line: Line, body: TicketIn) -> str:
    """Return, as text, what a repeat of the same matter must agree with."""
    given = body.model_dump(mode="json", exclude=_NOT_COMPARED, exclude_none=True)
    return json.dumps(given | {"business_line": line.name}, ensure_ascii=False, sort_keys=True)
