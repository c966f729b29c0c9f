"""谁销售、谁服务: the service points of a ticket, read where the rules decide on them and checked where people do."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import FieldError, ValidationFailed
from app.models.purchases import Purchase
from app.models.service_points import ServicePoint
from app.models.tickets import Ticket
from app.schemas.tickets import TicketPatch
from app.services.context import Context
from app.services.directory import Line
from app.services.rules.classification import Kind
from app.services.rules.clause import Decision
from app.services.rules.service_points import Point, decide_by_staff, region_chain
from app.services.rules.tickets import WORKING
from app.services.service_points import UNKNOWN_POINT, active_on, check_points, local_day


@dataclass(frozen=True, slots=True)
class Network:
    """What of a line's service network matters to one ticket: who sold, and the points that may serve."""

    sold_by: str | None
    points: tuple[Point, ...]


async def read_network(
    ctx: Context,
    session: AsyncSession,
    line: Line,
    *,
    region: str | None,
    sold_by: str | None,
    order_no: str | None,
) -> Network | None:
    """Return who sold and which points could serve today, by one statement; None where the line has no points.

    Without `sold_by` it is as the purchase on file under this order number says.
    Raises: ValidationFailed for a seller that the line does not have.
    """
    if line.id not in ctx.known.networked and sold_by is None:
        return None
    seller = _seller_of(line.id, order_no).scalar_subquery() if order_no else None
    sold = ServicePoint.number == (seller if sold_by is None else sold_by)
    active = active_on(local_day(ctx, line))
    near = ServicePoint.regions.overlap(region_chain(region)) & active if region else False
    columns = (
        ServicePoint.number, ServicePoint.name, ServicePoint.regions, ServicePoint.categories,
        ServicePoint.ticket_kinds, active, sold,
    )  # fmt: skip
    chosen = select(*columns).where(ServicePoint.business_line_id == line.id, sold | near)
    rows = (await session.execute(chosen)).all()
    sellers = [row[0] for row in rows if row[-1]]
    if sold_by is not None and not sellers:
        raise ValidationFailed(errors=[FieldError(("pointer", "#/sold_by"), "unknown_value", UNKNOWN_POINT)])
    points = [
        Point(number, name, tuple(regions), tuple(categories), tuple(map(Kind, kinds)))
        for number, name, regions, categories, kinds, is_active, _ in rows
        if is_active
    ]
    return Network(sellers[0] if sellers else None, tuple(points))


def _seller_of(line: UUID, order_no: str) -> Select[str | None]:
    of_order = select(Purchase.sold_by).where(
        Purchase.business_line_id == line, Purchase.order_no == order_no, Purchase.sold_by.is_not(None)
    )
    return of_order.order_by(Purchase.order_line, Purchase.id).limit(1)


async def network_of(ctx: Context, session: AsyncSession, ticket: Ticket) -> Network | None:
    """Return what `read_network` does for a ticket on file. Raises: ValidationFailed."""
    line = ctx.known.by_id[ticket.business_line_id]
    return await read_network(
        ctx, session, line, region=ticket.region, sold_by=ticket.sold_by, order_no=ticket.product.get("order_no")
    )


async def forget_seller(session: AsyncSession, ticket: Ticket, order_no: str | None) -> dict[str, Any]:
    """Let go of a seller that was known by the purchase under the former `order_no`; return it as it was before."""
    if order_no is None or ticket.sold_by is None or ticket.product.get("order_no") == order_no:
        return {}
    found = _seller_of(ticket.business_line_id, order_no)
    if ticket.status not in WORKING or await session.scalar(found) != ticket.sold_by:
        return {}
    before, ticket.sold_by = ticket.sold_by, None
    return {"sold_by": before}


async def correct_points(
    ctx: Context, session: AsyncSession, ticket: Ticket, body: TicketPatch
) -> tuple[dict[str, Any], list[Decision]]:
    """Write who sold and who serves as staff say; return what differs as it was before, and the decision on record.

    `null` leaves it to purchase and rules: of a settled ticket, which they no longer decide, it takes nothing away.
    Raises: ValidationFailed for a point that the line does not have, or that is not active and is to serve.
    """
    given: dict[str, str | None] = {
        name: getattr(body, name)
        for name in ("sold_by", "served_by")
        if name in body.model_fields_set
        and getattr(body, name) != getattr(ticket, name)
        and (getattr(body, name) is not None or ticket.status in WORKING)
    }
    if body.served_by is not None and not ticket.served_by_chosen:
        given["served_by"] = body.served_by  # also the one that the rules named: from now on it is staff's choice
    line = ctx.known.by_id[ticket.business_line_id]
    await check_points(session, line.id, given, day=local_day(ctx, line))
    before = {name: getattr(ticket, name) for name in given}
    for name, number in given.items():
        setattr(ticket, name, number)
    if "served_by" not in given:
        return before, []
    ticket.served_by_chosen = ticket.served_by is not None
    return before, [decide_by_staff(ticket.served_by)]
