"""客户档案: customers of a line, shown by tier, with everything on file of them in one view."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag
from app.core.crypto import KeyRing
from app.core.errors import FieldError, ValidationFailed
from app.core.ids import id_text, new_id
from app.core.pagination import next_link
from app.core.personal import Tier
from app.models.customers import Customer
from app.models.purchases import Purchase
from app.models.return_requests import ReturnLine, ReturnRequest
from app.models.tickets import Ticket
from app.schemas.customers import (
    CONTACT_REQUIRED,
    ArchivedCustomerIn,
    ArchivedCustomerList,
    ArchivedCustomerOut,
    ArchivedCustomerPatch,
    Consent,
    CustomerHistory,
    CustomerSearchIn,
    ReturnRequestMention,
    TicketSummary,
)
from app.schemas.lists import ArchiveFilter
from app.services.access_log import log_archive, log_replay
from app.services.archive.purchases import shown_purchase
from app.services.archive.records import RecordExists, duplicate_means, find_record, patch
from app.services.context import Context
from app.services.listing import latest_first
from app.services.tickets.customers import PERSONAL, comparable_phone, hashed, person_criteria, shown_person

SEALED: Final = "customer.contact_sealed"
MOST_SHOWN: Final = 100


def seal(customer: Customer, person: dict[str, str | None], keyring: KeyRing) -> None:
    """Encrypt a customer's contact and leave keyed hashes to find it by. `person` has the `PERSONAL` keys."""
    customer.contact_sealed = keyring.seal(person, place=SEALED, row=customer.id) if any(person.values()) else None
    hashed(customer, person, keyring)


def unseal(customer: Customer, keyring: KeyRing) -> dict[str, str | None]:
    nothing: dict[str, str | None] = dict.fromkeys(PERSONAL)
    if customer.contact_sealed is None:
        return nothing
    return nothing | keyring.open(customer.contact_sealed, place=SEALED, row=customer.id)


async def add_customer(ctx: Context, body: ArchivedCustomerIn) -> Answer:
    """Put a customer on file.

    Raises: NotFound, RecordExists if the line has a customer of this `external_id`.
    """
    line = ctx.line(body.business_line)
    async with ctx.write(body, line=line.name) as unit:
        if unit.replayed is not None:
            if ctx.caller.tier is Tier.SENSITIVE:
                log_replay(unit.session, ctx)
            return unit.replayed
        customer = Customer(
            id=new_id(), business_line_id=line.id, version=1, external_id=body.external_id, tier=body.tier,
            business_scope=body.business_scope, consents=_words(body.consents), created_at=ctx.now, updated_at=ctx.now,
        )  # fmt: skip
        seal(customer, {name: getattr(body, name) for name in PERSONAL}, ctx.keyring)
        unit.session.add(customer)
        with duplicate_means(RecordExists()):
            await unit.session.flush()
        return unit.answer(await _answer(unit.session, ctx, customer, status=201))


async def change_customer(ctx: Context, reference: str, body: ArchivedCustomerPatch) -> Answer:
    """Change what is on file of a customer.

    Raises: RecordNotFound, RecordExists, ValidationFailed, IfMatchRequired, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        customer = await find_record(unit.session, ctx, Customer, reference, lock=True)
        if unit.replayed is not None:
            if ctx.caller.tier is Tier.SENSITIVE:
                log_replay(unit.session, ctx)
            return unit.replayed
        check_version(ctx.call, customer.version, ctx.caller.tier, required=True)
        given = {name: getattr(body, name) for name in PERSONAL if name in body.model_fields_set}
        patch(customer, body, ctx.now)
        if "consents" in body.model_fields_set:
            customer.consents = _words(body.consents or ())
        person = unseal(customer, ctx.keyring) | given
        if not (person["phone"] or person["email"] or customer.external_id):
            raise ValidationFailed(errors=[FieldError(("pointer", "#"), "contact_required", CONTACT_REQUIRED)])
        seal(customer, person, ctx.keyring)
        with duplicate_means(RecordExists()):
            await unit.session.flush()
        return unit.answer(await _answer(unit.session, ctx, customer))


async def get_customer(ctx: Context, reference: str) -> Answer:
    """Raises: RecordNotFound."""
    async with ctx.db.read() as session:
        return await _answer(session, ctx, await find_record(session, ctx, Customer, reference))


async def list_customers(ctx: Context, wanted: ArchiveFilter) -> Answer:
    """Return the customers of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    return await _page(ctx, wanted, [])


async def search_customers(ctx: Context, wanted: CustomerSearchIn) -> Answer:
    """Return the customers who meet every criterion. People are found by keyed hash.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    criteria = person_criteria(Customer, wanted, ctx.keyring)
    if wanted.external_id is not None:
        criteria.append(Customer.external_id == wanted.external_id)
    return await _page(ctx, wanted, criteria)


async def customer_history(ctx: Context, reference: str) -> Answer:
    """Return everything on file of a customer: tickets are theirs by phone, email or the CRM's id.

    Raises: RecordNotFound.
    """
    async with ctx.db.read() as session:
        customer = await find_record(session, ctx, Customer, reference)
        _log(session, ctx, [customer])
        theirs = and_(
            Ticket.business_line_id == customer.business_line_id, or_(false(), *_theirs(customer, ctx.keyring))
        )
        tickets = await session.scalars(
            select(Ticket).where(theirs).order_by(Ticket.opened_at.desc(), Ticket.id.desc()).limit(MOST_SHOWN)
        )
        purchases = await session.scalars(
            select(Purchase)
            .where(Purchase.customer_id == customer.id)
            .order_by(Purchase.created_at.desc(), Purchase.id.desc())
            .limit(MOST_SHOWN)
        )
        history = CustomerHistory(
            customer=_shown(ctx, customer),
            tickets=[_summary(ticket) for ticket in tickets],
            purchases=[shown_purchase(ctx, purchase) for purchase in purchases],
            return_requests=[_mention(request) for request in await _returns(session, customer, theirs)],
        )
    return Answer.of(200, history)


async def _returns(session: AsyncSession, customer: Customer, theirs: ColumnElement[bool]) -> Sequence[ReturnRequest]:
    """Return the requests of a customer's purchases, and those under the tickets that are `theirs`."""
    of_purchases = (
        select(ReturnLine.return_request_id)
        .join(Purchase, Purchase.id == ReturnLine.purchase_id)
        .where(Purchase.customer_id == customer.id)
    )
    of_tickets = select(Ticket.id).where(theirs)
    chosen = (
        select(ReturnRequest)
        .where(
            ReturnRequest.business_line_id == customer.business_line_id,
            or_(ReturnRequest.id.in_(of_purchases), ReturnRequest.ticket_id.in_(of_tickets)),
        )
        .order_by(ReturnRequest.submitted_at.desc(), ReturnRequest.id.desc())
        .limit(MOST_SHOWN)
    )
    return (await session.scalars(chosen)).all()


def _theirs(customer: Customer, keyring: KeyRing) -> list[ColumnElement[bool]]:
    person = unseal(customer, keyring)
    phone, email = person["phone"], person["email"]
    theirs: list[ColumnElement[bool]] = []
    if phone:
        theirs.append(Ticket.phone_hash.in_(keyring.lookups("phone", comparable_phone(phone))))
    if email:
        theirs.append(Ticket.email_hash.in_(keyring.lookups("email", email)))
    if customer.external_id:
        theirs.append(Ticket.customer_external_id == customer.external_id)
    return theirs


async def _page(
    ctx: Context, wanted: ArchiveFilter | CustomerSearchIn, criteria: Sequence[ColumnElement[bool]]
) -> Answer:
    chosen = select(Customer).where(Customer.business_line_id.in_(ctx.line_ids(wanted.business_line)), *criteria)
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, Customer.created_at, wanted=wanted)
        _log(session, ctx, found)
    items = [_shown(ctx, customer) for customer in found]
    page = ArchivedCustomerList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def _answer(session: AsyncSession, ctx: Context, customer: Customer, *, status: int = 200) -> Answer:
    _log(session, ctx, [customer])
    shown = _shown(ctx, customer)
    place = {"location": f"/v1/customers/{shown.id}"} if status == HTTPStatus.CREATED else {}
    return Answer.of(status, shown, etag=etag(customer.version, ctx.caller.tier), vary="Authorization", **place)


def _log(session: AsyncSession, ctx: Context, customers: Sequence[Customer]) -> None:
    if ctx.caller.tier is Tier.SENSITIVE:
        log_archive(session, ctx, customers)


def _shown(ctx: Context, customer: Customer) -> ArchivedCustomerOut:
    return ArchivedCustomerOut(
        id=id_text("cus", customer.id),
        business_line=ctx.known.by_id[customer.business_line_id].name,
        external_id=None if ctx.caller.tier is Tier.PUBLIC else customer.external_id,
        tier=customer.tier,
        business_scope=customer.business_scope,
        consents=[Consent(word) for word in customer.consents],
        version=customer.version,
        created_at=customer.created_at,
        updated_at=customer.updated_at,
        **shown_person(unseal(customer, ctx.keyring), ctx.caller.tier),
    )


def _summary(ticket: Ticket) -> TicketSummary:
    return TicketSummary(
        id=id_text("tkt", ticket.id), number=ticket.number, kind=ticket.kind, status=ticket.status,
        department=ticket.department, opened_at=ticket.opened_at, closed_at=ticket.closed_at,
    )  # fmt: skip


def _mention(request: ReturnRequest) -> ReturnRequestMention:
    return ReturnRequestMention(
        id=id_text("ret", request.id), number=request.number, status=request.status,
        submitted_at=request.submitted_at, closed_at=request.closed_at,
    )  # fmt: skip


def _words(consents: Sequence[Consent]) -> list[str]:
    return sorted({consent.value for consent in consents})
