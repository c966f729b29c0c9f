"""批次: complaints by model, batch, cause or month, and who holds goods of a batch (召回协助)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, SQLColumnExpression, String, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.ids import id_text
from app.core.pagination import next_link
from app.core.personal import Tier
from app.models.quality_alerts import QualityAlert
from app.models.tickets import Ticket
from app.schemas.lists import BatchFilter, HolderFilter
from app.schemas.quality import BatchRow, BatchView, HolderList, HolderOut
from app.schemas.tickets import CustomerOut
from app.services.access_log import log_customers
from app.services.context import Context
from app.services.listing import latest_first
from app.services.quality_watch import BATCH, MODEL, quality_complaint
from app.services.reporting import month_of
from app.services.rules.classification import Kind, Severity
from app.services.rules.tickets import Status
from app.services.tickets.customers import open_customer
from app.services.tickets.loading import shown_row
from app.services.tickets.rendering import render_customer

_GRAVE = (Severity.SERIOUS, Severity.CRITICAL)


async def view_batches(ctx: Context, wanted: BatchFilter) -> BatchView:
    """Count complaints by group, the most first, with the open alert of each batch or model.

    Raises: NotFound for a line that is not the caller's.
    """
    lines = ctx.line_ids(wanted.business_line)
    async with ctx.db.read() as session:
        found = (await session.execute(_counted(lines, wanted))).all()
        open_alerts = select(QualityAlert).where(
            QualityAlert.business_line_id.in_(lines), QualityAlert.closed_at.is_(None)
        )
        alerts = {(alert.model, alert.batch): id_text("qal", alert.id) for alert in await session.scalars(open_alerts)}
    rows = [
        BatchRow(
            key=row.key, model=row.model, complaints=row.complaints, quality=row.quality, serious=row.serious,
            critical=row.critical, defective_quantity=row.defective, first_at=row.first_at, last_at=row.last_at,
            alert=_alert(alerts, wanted.group_by, row.model, row.key),
        )
        for row in found[: wanted.limit]
    ]  # fmt: skip
    return BatchView(group_by=wanted.group_by, rows=rows, truncated=len(found) > wanted.limit)


def _alert(alerts: dict[Any, str], group_by: str, model: str | None, key: str | None) -> str | None:
    if group_by == "batch":
        return alerts.get((model, key))
    return alerts.get((key, None)) if group_by == "model" else None


def _counted(lines: Sequence[UUID], wanted: BatchFilter) -> Select[*tuple[Any, ...]]:
    model: SQLColumnExpression[Any] = MODEL if wanted.group_by == "batch" else cast(literal(None), String)
    key = _key(wanted.group_by)
    defective = func.sum(cast(Ticket.product["defective_quantity"].astext, BigInteger))
    return (
        select(
            key.label("key"),
            model.label("model"),
            func.count().label("complaints"),
            func.count().filter(quality_complaint()).label("quality"),
            func.count().filter(Ticket.severity.in_(_GRAVE)).label("serious"),
            func.count().filter(Ticket.severity == Severity.CRITICAL).label("critical"),
            func.coalesce(defective, 0).label("defective"),
            func.min(Ticket.opened_at).label("first_at"),
            func.max(Ticket.opened_at).label("last_at"),
        )
        .where(Ticket.business_line_id.in_(lines), key.is_not(None), *_complaints(wanted))
        .group_by(key, model)
        .order_by(func.count().desc(), key, model)
        .limit(wanted.limit + 1)
    )


def _complaints(wanted: BatchFilter) -> list[ColumnElement[bool]]:
    """Complaints, and whatever else turned out to be about quality."""
    conditions = [(Ticket.kind == Kind.COMPLAINT) | quality_complaint(), Ticket.status != Status.CANCELLED]
    for column, value in ((MODEL, wanted.model), (BATCH, wanted.batch)):
        if value is not None:
            conditions.append(column == value)
    if wanted.opened_at_gte is not None:
        conditions.append(Ticket.opened_at >= wanted.opened_at_gte)
    if wanted.opened_at_lt is not None:
        conditions.append(Ticket.opened_at < wanted.opened_at_lt)
    return conditions


def _key(group_by: str) -> SQLColumnExpression[Any]:
    keys: dict[str, SQLColumnExpression[Any]] = {
        "batch": BATCH,
        "model": MODEL,
        "cause": Ticket.classification["issue_type"].astext,
        "month": month_of(Ticket.opened_at),
    }
    return keys[group_by]


async def list_holders(ctx: Context, wanted: HolderFilter) -> Answer:
    """Return who is known to hold goods of a batch, the latest contact first; masked by tier, and logged in full view.

    A customer shows once, with all tickets about the batch.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    about = [Ticket.business_line_id.in_(ctx.line_ids(wanted.business_line)), wanted.batch == BATCH]
    if wanted.model is not None:
        about.append(wanted.model == MODEL)
    latest = (
        select(Ticket.id)
        .where(*about)
        .ext(distinct_on(Ticket.business_line_id, _WHO))
        .order_by(Ticket.business_line_id, _WHO, Ticket.opened_at.desc(), Ticket.id.desc())
    )
    async with ctx.db.read() as session:
        tickets, following = await latest_first(
            ctx, session, select(Ticket).where(Ticket.id.in_(latest)), Ticket.opened_at, wanted=wanted
        )
        held = await _held(session, about, tickets)
        if ctx.caller.tier is Tier.SENSITIVE:
            log_customers(session, ctx, tickets)
    items = [_holder(ctx, ticket, *held[ticket.id]) for ticket in tickets]
    page = HolderList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


# One customer, as far as tickets tell.
_WHO = func.coalesce(
    Ticket.customer_external_id,
    func.encode(Ticket.phone_hash, "hex"),
    func.encode(Ticket.email_hash, "hex"),
    cast(Ticket.id, String),
)


async def _held(
    session: AsyncSession, about: Sequence[ColumnElement[bool]], tickets: Sequence[Ticket]
) -> dict[UUID, tuple[Sequence[str], int]]:
    """The numbers of all tickets of each holder, and the largest quantity stated in them, by the holder's latest."""
    quantity = func.coalesce(func.max(cast(Ticket.product["quantity"].astext, BigInteger)), 0)
    latest = func.array_agg(aggregate_order_by(Ticket.id, Ticket.opened_at.desc(), Ticket.id.desc()))
    of_these = select(_WHO).where(Ticket.id.in_([ticket.id for ticket in tickets]))
    rows = await session.execute(
        select(latest, func.array_agg(aggregate_order_by(Ticket.number, Ticket.number)), quantity)
        .where(*about, _WHO.in_(of_these))
        .group_by(Ticket.business_line_id, _WHO)
    )
    return {ids[0]: (numbers, held) for ids, numbers, held in rows}


def _holder(ctx: Context, ticket: Ticket, numbers: Sequence[str], quantity: int) -> HolderOut:
    person = open_customer(ticket.customer_sealed, ticket.id, ctx.keyring)
    shown = render_customer(shown_row(ticket), person, ctx.caller.tier)
    return HolderOut(
        customer=CustomerOut(**shown) if shown else None,
        tickets=list(numbers),
        quantity=quantity,
        last_contact_at=ticket.opened_at,
    )
