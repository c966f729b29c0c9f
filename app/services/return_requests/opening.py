"""Submitting a return request: its units are taken, each line is decided, and the time to answer begins."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.ids import id_from, id_text, new_id
from app.models.purchases import Purchase
from app.models.return_requests import RETURN_NUMBER, ReturnLine, ReturnRequest
from app.models.tickets import Ticket
from app.schemas.return_facts import SHANGHAI, local_moment
from app.schemas.return_requests import ReturnLineIn, ReturnRequestIn
from app.services.archive.file import units_held
from app.services.context import Context
from app.services.directory import Line
from app.services.return_requests import wording
from app.services.return_requests.deadlines import add_deadline
from app.services.return_requests.deciding import decided, first_facts, on_file
from app.services.return_requests.loading import DecidedLine, Loaded, answer_again
from app.services.return_requests.reading import answer_return
from app.services.return_requests.records import note, note_on_ticket
from app.services.return_requests.refusals import NotOnFile, NotYet, QuantityExceedsReturnable
from app.services.rules.return_requests import DeadlineKind, ReturnStatus, answer_days
from app.services.rules.returns.facts import ReturnFacts
from app.services.tickets.loading import find_ticket
from app.services.tickets.refusals import TicketNotFound

SUBMIT = "submit"
_LONGEST_NAME = 100


async def open_return(ctx: Context, body: ReturnRequestIn) -> Answer:
    """Record a request with the decision on each line; a right that is lacking is an answer, not an error.

    The purchases' rows are held meanwhile, so that of any number of callers only as many get units as there are.
    Raises: NotFound for a line that is not the caller's; NotOnFile, QuantityExceedsReturnable.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, None)
        session = unit.session
        purchases = await _held(session, line, body)
        taken = await units_held(session, purchases.keys())
        _check_left(body, purchases, taken)
        ticket = await _ticket(session, ctx, line, body.ticket)
        loaded = await _decided(ctx, session, line, body, purchases, taken, ticket)
        await _announce(ctx, session, loaded, body)
        return unit.answer(await answer_return(ctx, session, loaded, status=201))


async def _held(session: AsyncSession, line: Line, body: ReturnRequestIn) -> Mapping[UUID, Purchase]:
    """Return the purchases of the form, their rows held; always in the same order, so that nobody waits in a circle.

    Raises: NotOnFile.
    """
    ids = [_purchase_id(form) for form in body.lines]
    chosen = select(Purchase).where(Purchase.business_line_id == line.id, Purchase.id.in_([i for i in ids if i]))
    found = {row.id: row for row in await session.scalars(chosen.order_by(Purchase.id).with_for_update())}
    missing = [
        place for place, form in enumerate(body.lines) if form.purchase_id is not None and ids[place] not in found
    ]
    if missing:
        raise NotOnFile(f"lines/{place}/purchase_id" for place in missing)
    return found


def _purchase_id(form: ReturnLineIn) -> UUID | None:
    return None if form.purchase_id is None else id_from("pur", form.purchase_id)


def _check_left(body: ReturnRequestIn, purchases: Mapping[UUID, Purchase], taken: Mapping[UUID, int]) -> None:
    """Raises: QuantityExceedsReturnable."""
    wanted = Counter[UUID | None]()
    beyond = []
    for place, form in enumerate(body.lines, start=1):
        purchase_id = _purchase_id(form)
        if purchase_id is None:
            continue
        left = max(purchases[purchase_id].quantity - taken.get(purchase_id, 0) - wanted[purchase_id], 0)
        wanted[purchase_id] += form.quantity
        if form.quantity > left:
            beyond.append({"line": place, "requested": form.quantity, "returnable": left})
    if beyond:
        raise QuantityExceedsReturnable(beyond)


async def _ticket(session: AsyncSession, ctx: Context, line: Line, reference: str | None) -> Ticket | None:
    """Raises: NotOnFile for a ticket the line does not have."""
    if reference is None:
        return None
    try:
        ticket = await find_ticket(session, ctx, reference)
    except TicketNotFound:
        ticket = None
    if ticket is None or ticket.business_line_id != line.id:
        raise NotOnFile(["ticket"])
    return ticket


async def _decided(
    ctx: Context,
    session: AsyncSession,
    line: Line,
    body: ReturnRequestIn,
    purchases: Mapping[UUID, Purchase],
    taken: Mapping[UUID, int],
    ticket: Ticket | None,
) -> Loaded:
    """Put the rows together: the edition and the law are those of the day of the earliest notice."""
    request = ReturnRequest(
        id=new_id(), business_line_id=line.id, ticket_id=ticket.id if ticket else None, version=0, events_emitted=0,
        status=ReturnStatus.SUBMITTED, goodwill=False, history=[], message={}, submitted_by=body.staff_no,
        submitted_at=ctx.now, updated_at=ctx.now, closed_at=None,
    )  # fmt: skip
    lines = [_line(request, place, form, purchases) for place, form in enumerate(body.lines, start=1)]
    facts: list[ReturnFacts] = []
    for row, form in zip(lines, body.lines, strict=True):
        known = await on_file(session, ctx, row, form.facts)
        if row.purchase_id is not None:
            known["quantity_returned_before"] = taken.get(row.purchase_id, 0)
        facts.append(first_facts(ctx, row, form, known))
    _check_notice(ctx, facts)
    request.noticed_on = min(each.notice.day for each in facts)
    policy = ctx.known.policy_on(line, datetime.combine(request.noticed_on, time(12), SHANGHAI))
    request.policy_name, request.policy_version = policy.name, policy.version
    serial = await session.scalar(select(RETURN_NUMBER.next_value()))
    request.number = f"RT-{policy.time.date_of(ctx.now):%Y%m%d}-{serial:06}"
    decisions = [
        decided(ctx, row, each, policy, revision=1, cause=SUBMIT, staff_no=body.staff_no)
        for row, each in zip(lines, facts, strict=True)
    ]
    for rows in ([request], lines, decisions):
        session.add_all(rows)
        await session.flush()  # one after the other, for each refers to the one before
    as_decided = [DecidedLine(row, [made]) for row, made in zip(lines, decisions, strict=True)]
    return Loaded(request, as_decided, [], policy, ticket.number if ticket else None)


def _check_notice(ctx: Context, facts: Sequence[ReturnFacts]) -> None:
    """Raises: NotYet for a notice that lies in the future: the time to answer would."""
    today = local_moment(ctx.now).day
    for place, each in enumerate(facts):
        if each.notice.day > today:
            raise NotYet(f"lines/{place}/facts/requested_at")


def _line(request: ReturnRequest, place: int, form: ReturnLineIn, purchases: Mapping[UUID, Purchase]) -> ReturnLine:
    purchase_id = _purchase_id(form)
    purchase = None if purchase_id is None else purchases[purchase_id]
    return ReturnLine(
        id=new_id(), business_line_id=request.business_line_id, return_request_id=request.id, place=place,
        purchase_id=purchase_id,
        product_name=purchase.product_name if purchase else (form.product_name or "")[:_LONGEST_NAME],
        spec_model=(purchase and purchase.spec_model) or form.spec_model,
        purchased_on=(purchase and purchase.purchased_on) or form.purchased_on,
        reason=form.reason, problem=form.problem, quantity=form.quantity, held=form.quantity, remedy=None, approved=0,
        received=0, restocked=0, scrapped=0, sent_again=0, refunded=0, replaced_on=None,
    )  # fmt: skip


async def _announce(ctx: Context, session: AsyncSession, loaded: Loaded, body: ReturnRequestIn) -> None:
    request = loaded.request
    law = ctx.known.book.statutes.on(request.noticed_on)
    days, rule = answer_days([line.line.reason for line in loaded.lines], law)
    deadline = add_deadline(
        session, request, loaded.policy, DeadlineKind.ANSWER, begins=request.noticed_on, days=days, rule=rule
    )
    loaded.deadlines.append(deadline)
    data = {
        "lines": [
            {"line": line.line.place, "quantity": line.line.quantity, "outcome": line.outcome,
             "purchase_id": line.line.purchase_id and id_text("pur", line.line.purchase_id)}
            for line in loaded.lines
        ]
    }  # fmt: skip
    note(
        ctx, session, request, move=SUBMIT, event="return.submitted", staff_no=body.staff_no, data=data,
        message=wording.submitted(loaded, deadline.due_on),
    )  # fmt: skip
    await note_on_ticket(ctx, session, request, "return_submitted", body.staff_no)
