"""Feedback on the classifier: what staff said of its readings, how far the two agree, what training may have of it."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.ids import new_id
from app.core.personal import Tier
from app.models.feedback import ClassificationFeedback
from app.models.tickets import Ticket
from app.schemas.complaints import Agreement, AgreementRow, ClassificationIn, FieldAgreement
from app.schemas.lists import AgreementFilter
from app.services.context import Context
from app.services.tickets.customers import open_customer
from app.services.tickets.rendering import shown_text

FIELDS = ("complaint_class", "issue_type", "severity", "urgency", "kind")
_ZONE = "Asia/Shanghai"  # of the months
_Row = ClassificationFeedback


def feedback_row(
    ctx: Context, ticket: Ticket, proposed: dict[str, Any], body: ClassificationIn
) -> ClassificationFeedback:
    """Keep what staff gave beside what the machine had proposed; what they left out is no opinion."""
    return ClassificationFeedback(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        staff_no=body.staff_no,
        model=proposed["model"],
        proposed=proposed,
        confirmed=body.model_dump(mode="json", include={*FIELDS, "also"}, exclude_unset=True, exclude_none=True),
        confirmed_at=ctx.now,
    )


async def machine_reading(session: AsyncSession, ticket: Ticket) -> dict[str, Any]:
    """Return what the machine read when the ticket was taken; staff may have written over it on the ticket."""
    first = select(_Row.proposed).where(_Row.ticket_id == ticket.id).order_by(_Row.confirmed_at).limit(1)
    return await session.scalar(first) or {
        name: (ticket.classification or {}).get(name) for name in (*FIELDS, "also", "confidence", "model", "lexicon")
    }


async def read_agreement(ctx: Context, wanted: AgreementFilter) -> Agreement:
    """Say how often staff confirmed what the machine had read: of each ticket the last word, in the month it was said.

    Raises: NotFound for a line that is not the caller's.
    """
    last = (
        select(_Row.business_line_id, _Row.confirmed_at, _Row.proposed, _Row.confirmed)
        .distinct(_Row.ticket_id)
        .where(_Row.business_line_id.in_(ctx.line_ids(wanted.business_line)))
        .order_by(_Row.ticket_id, _Row.confirmed_at.desc(), _Row.id)
        .subquery()
    )
    month = func.to_char(func.timezone(_ZONE, last.c.confirmed_at), "YYYY-MM").label("month")
    counts = [
        count.label(f"{name}_{what}")
        for name in FIELDS
        for what, count in _counts(name, last.c.proposed, last.c.confirmed).items()
    ]
    found = (
        select(month, last.c.business_line_id, func.count().label("n"), *counts)
        .group_by(month, last.c.business_line_id)
        .order_by(month, last.c.business_line_id)
    )
    if wanted.confirmed_at_gte is not None:
        found = found.where(last.c.confirmed_at >= wanted.confirmed_at_gte)
    if wanted.confirmed_at_lt is not None:
        found = found.where(last.c.confirmed_at < wanted.confirmed_at_lt)
    async with ctx.db.read() as session:
        rows = (await session.execute(found)).all()
    return Agreement(rows=[_shown(ctx, row) for row in rows])


def _counts(name: str, proposed: ColumnElement[Any], confirmed: ColumnElement[Any]) -> dict[str, ColumnElement[int]]:
    given = confirmed[name].astext
    return {"n": func.count(given), "agreed": func.count().filter(given == proposed[name].astext)}


def _shown(ctx: Context, row: Any) -> AgreementRow:
    fields = {name: _rate(getattr(row, f"{name}_n"), getattr(row, f"{name}_agreed")) for name in FIELDS}
    return AgreementRow(month=row.month, business_line=ctx.known.by_id[row.business_line_id].name, n=row.n, **fields)


def _rate(n: int, agreed: int) -> FieldAgreement:
    return FieldAgreement(n=n, agreed=agreed, rate=round(agreed / n, 4) if n else None)


async def training_rows(db: Database, keyring: KeyRing) -> list[dict[str, Any]]:
    """Return what staff said last of each ticket in the corpus's shape, the earliest first, personal data masked."""
    wanted = (
        select(Ticket, _Row)
        .join(_Row, _Row.ticket_id == Ticket.id)
        .distinct(_Row.ticket_id)
        .order_by(_Row.ticket_id, _Row.confirmed_at.desc(), _Row.id)
    )
    async with db.read() as session:
        rows = (await session.execute(wanted)).tuples().all()
    return [_training_row(ticket, said, keyring) for ticket, said in sorted(rows, key=lambda row: row[1].confirmed_at)]


def _training_row(ticket: Ticket, said: ClassificationFeedback, keyring: KeyRing) -> dict[str, Any]:
    person = open_customer(ticket.customer_sealed, ticket.id, keyring)
    labels = {name: said.confirmed.get(name, said.proposed.get(name)) for name in (*FIELDS, "also")}
    text = shown_text(ticket.description, Tier.GENERAL, person["name"])
    return {"text": text, "product": ticket.product.get("category"), **labels, "model": said.model}
