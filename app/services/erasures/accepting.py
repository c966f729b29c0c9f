"""Takes a request for erasure: who is meant, and whether anything bars it yet."""

from dataclasses import replace
from typing import Final

from sqlalchemy import ColumnElement, and_, false, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import ServiceError
from app.core.ids import id_text, new_id
from app.core.language import Text
from app.models.customers import Customer
from app.models.erasures import Erasure
from app.models.purchases import Purchase
from app.models.return_requests import ReturnLine, ReturnRequest
from app.models.tickets import Ticket
from app.schemas.erasures import ErasureIn
from app.services.access_log import log_erasure
from app.services.archive.customers import unseal
from app.services.context import Context
from app.services.directory import Line
from app.services.erasures.persons import Person
from app.services.erasures.reading import shown_erasure
from app.services.rules.erasures import OPEN_MATTERS, ErasureState, due_by
from app.services.rules.return_requests import OVER as RETURN_OVER
from app.services.rules.tickets import OVER as TICKET_OVER
from app.services.surveys.customers import contact_hashes
from app.services.tickets.customers import person_criteria

_MOST_NAMED: Final = 20


class PersonAmbiguous(ServiceError):
    """Several customers are reached by the phone or email given, and it was not said which of them is meant."""

    status, code, by_rule = 409, "person_ambiguous", True
    title = Text(
        "该电话或邮箱属于多个客户，请注明 external_id",
        "Several customers are reached by this phone or email: name the external_id",
    )


class PersonHasOpenMatters(ServiceError):
    """The person's tickets or return requests are not over: their data are still needed."""

    # Not kept under a key: once they are closed, the same request goes through.
    status, code = 409, "person_has_open_matters"
    title = Text(
        "该客户尚有未办结的事项，请在办结或取消后再删除",
        "The person has open matters: close or cancel them, then erase",
    )


async def accept_erasure(ctx: Context, body: ErasureIn) -> Answer:
    """Accept the erasure of a person of a line; a worker carries it out, within seconds as a rule.

    Raises: NotFound, PersonAmbiguous, PersonHasOpenMatters.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            return unit.replayed
        person = await _identified(unit.session, ctx, line, body)
        await _see_all_over(unit.session, person)
        received_at = min(body.received_at or ctx.now, ctx.now)
        erasure = Erasure(
            id=new_id(), business_line_id=line.id, state=ErasureState.ACCEPTED, ground=body.ground,
            reference=body.reference, person_hashes=list(person.hashes), counts={}, purchases_kept=0,
            key_id=ctx.caller.key_id, staff_no=body.staff_no or ctx.caller.staff_no, received_at=received_at,
            due_at=due_by(received_at), accepted_at=ctx.now,
        )  # fmt: skip
        unit.session.add(erasure)
        log_erasure(unit.session, ctx, line.id, f"erasures/{id_text('era', erasure.id)}", body.ground)
        await unit.session.flush()
        shown = shown_erasure(ctx, erasure)
        return unit.answer(Answer.of(202, shown, location=f"/v1/erasures/{shown.id}"))


async def _identified(session: AsyncSession, ctx: Context, line: Line, body: ErasureIn) -> Person:
    """Return the person with every way they are known by: given, or on file of the same customer.

    Raises: PersonAmbiguous.
    """
    external_id = body.external_id or await _external_id(session, ctx, line, body)
    reached = contact_hashes(ctx.keyring, phone=body.phone, email=body.email, external_id=external_id)
    person = Person(line.id, reached, [external_id] if external_id else [], ctx.now)
    hashes = dict.fromkeys(reached)
    for customer in await session.scalars(select(Customer).where(person.customers)):
        known = unseal(customer, ctx.keyring)
        on_file = contact_hashes(ctx.keyring, phone=known["phone"], email=known["email"], external_id=None)
        hashes |= dict.fromkeys(on_file)
    return replace(person, hashes=list(hashes))


async def _external_id(session: AsyncSession, ctx: Context, line: Line, body: ErasureIn) -> str | None:
    """Return the one external id under which phone and email stand, None if they stand alone.

    Raises: PersonAmbiguous.
    """
    sought = _Sought(body.phone, body.email)
    tickets = select(Ticket.customer_external_id).where(
        Ticket.business_line_id == line.id, or_(false(), *person_criteria(Ticket, sought, ctx.keyring))
    )
    customers = select(Customer.external_id).where(
        Customer.business_line_id == line.id, or_(false(), *person_criteria(Customer, sought, ctx.keyring))
    )
    found = await session.scalars(union(tickets, customers))
    ids = [external_id for external_id in found if external_id is not None]
    if len(ids) > 1:
        raise PersonAmbiguous
    return ids[0] if ids else None


class _Sought:
    """Who is looked for, by any of what is given."""

    name = None

    def __init__(self, phone: str | None, email: str | None) -> None:
        self.phone, self.email = phone, email


async def _see_all_over(session: AsyncSession, person: Person) -> None:
    """Raises: PersonHasOpenMatters naming them."""
    tickets = select(Ticket.number).where(person.tickets, Ticket.status.not_in(TICKET_OVER))
    returns = select(ReturnRequest.number).where(_returns_of(person), ReturnRequest.status.not_in(RETURN_OVER))
    open_tickets = list(await session.scalars(tickets.order_by(Ticket.number).limit(_MOST_NAMED)))
    open_returns = list(await session.scalars(returns.order_by(ReturnRequest.number).limit(_MOST_NAMED)))
    if open_tickets or open_returns:
        members = {"tickets": open_tickets, "return_requests": open_returns, "law": OPEN_MATTERS.document()}
        raise PersonHasOpenMatters(members=members)


def _returns_of(person: Person) -> ColumnElement[bool]:
    theirs = select(Customer.id).where(person.customers)
    of_purchases = (
        select(ReturnLine.return_request_id)
        .join(Purchase, Purchase.id == ReturnLine.purchase_id)
        .where(Purchase.customer_id.in_(theirs))
    )
    of_tickets = select(Ticket.id).where(person.tickets)
    mine = or_(ReturnRequest.ticket_id.in_(of_tickets), ReturnRequest.id.in_(of_purchases))
    return and_(ReturnRequest.business_line_id == person.line, mine)
