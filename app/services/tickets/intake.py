"""服务受理: a ticket is taken once, decided at once, and answered with a definite promise."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.db import LOCK_NOT_AVAILABLE, sqlstate
from app.core.errors import FieldError, ServerBusy, ServiceError, ValidationFailed
from app.core.ids import id_from
from app.core.language import Text
from app.core.metrics import TICKETS
from app.core.personal import Tier
from app.models.test_clocks import TestClock
from app.models.tickets import Ticket, TicketCommitment
from app.schemas.fields import instant_text
from app.schemas.tickets import TicketIn
from app.services.context import Context
from app.services.directory import Line
from app.services.tickets.answering import answer_again, answer_ticket, shown_answer
from app.services.tickets.drafting import Beginning, Draft, begin, comparable, decide_draft, draft_ticket, first_contact
from app.services.tickets.records import entry_row, event_row
from app.services.tickets.refusals import ExternalRefConflict
from app.services.tickets.writing import insert_at_once, insert_ticket

# A caller's clock may run a little ahead of ours.
_CLOCK_SKEW = timedelta(minutes=5)
NUMBERS_TRIED = 20


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
    if _stands_alone(ctx, line, body) and (answer := await _take_at_once(ctx, line, body)):
        return answer
    async with asked.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, None)
        draft = await draft_ticket(ctx, unit.session, line, body)
        return unit.answer(await _take(ctx, unit.session, line, body, draft))


def _stands_alone(ctx: Context, line: Line, body: TicketIn) -> bool:
    """Tell whether a ticket can be decided, and its answer shown, without a look at the database or a note of it."""
    networked = line.id in ctx.known.networked or body.sold_by is not None
    return body.test_clock is None and not networked and ctx.caller.tier is not Tier.SENSITIVE


async def _take_at_once(ctx: Context, line: Line, body: TicketIn) -> Answer | None:
    """Take a ticket in one message, with the answer under the retry key.

    None wherever it is not as simple as that, with nothing written: the transaction finds out why, and says so.
    """
    try:
        draft = decide_draft(ctx, line, body, None)
    except ServiceError:
        return None
    if draft.handling is not None and draft.handling.report_required:
        return None
    ticket, claim, db = draft.ticket, ctx.claim(body, line=line.name), ctx.db
    beginning = begin(ctx, draft, first_contact(body))
    ticket.number = f"AS-{_day(draft)}-{await ctx.kit.serials.next(db):06}"
    answer = shown_answer(ctx, 201, ticket, draft.commitments)
    try:
        if not await insert_at_once(db, ticket, draft.commitments, beginning, claim, answer):
            return None  # the key was used before
    except asyncpg.UniqueViolationError:
        return None  # there is a ticket with this reference, or this number
    except ServerBusy as busy:
        if sqlstate(busy.__cause__) == LOCK_NOT_AVAILABLE:
            return None  # the same is under way
        raise
    TICKETS.labels(ticket.channel, ticket.kind).inc()
    return answer


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


async def write_draft(session: AsyncSession, draft: Draft, beginning: Beginning) -> bool:
    """Write a ticket with what it begins with, under a new number; False if its reference or the number is taken."""
    ticket = draft.ticket
    number = await insert_ticket(session, ticket, draft.commitments, beginning, day=_day(draft))
    if number is None:
        return False
    ticket.number = number
    if beginning.report is not None:
        session.add(beginning.report)
    TICKETS.labels(ticket.channel, ticket.kind).inc()
    return True


def _day(draft: Draft) -> str:
    """Return the local day that a ticket's number begins with."""
    return draft.ticket.opened_at.astimezone(ZoneInfo(draft.policy.time.timezone)).strftime("%Y%m%d")


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
    same_facts = ticket.fingerprint in ctx.keyring.lookups("intake", comparable(line, body))
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
