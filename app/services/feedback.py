"""Feedback on the classifier: what staff said of its readings, how far the two agree, what training may have of it."""

from typing import Any, TypedDict

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import distinct_on
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
from app.services.rules.classification import ComplaintClass
from app.services.tickets.customers import open_customer
from app.services.tickets.rendering import shown_text

FIELDS = ("complaint_class", "issue_type", "severity", "urgency", "kind")
_ZONE = "Asia/Shanghai"  # of the months
_Row = ClassificationFeedback


class TrainingRow(TypedDict):
    """A text with its labels as in the corpus, and who said so when of which model's reading."""

    text: str
    product: str | None
    complaint_class: str
    issue_type: str
    also: list[str]
    severity: str
    urgency: str
    kind: str
    model: str | None
    staff_no: str
    confirmed_at: str


def feedback_row(
    ctx: Context, ticket: Ticket, proposed: dict[str, Any], body: ClassificationIn
) -> ClassificationFeedback:
    """Keep what staff gave beside what the machine had proposed; what they left out is no opinion."""
    return ClassificationFeedback(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        staff_no=body.staff_no,
        model=proposed.get("model"),
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
        select(_Row.business_line_id, _Row.confirmed_at, _Row.model, _Row.proposed, _Row.confirmed)
        .ext(distinct_on(_Row.ticket_id))
        .where(_Row.business_line_id.in_(ctx.line_ids(wanted.business_line)))
        .order_by(_Row.ticket_id, _Row.confirmed_at.desc(), _Row.id.desc())
        .subquery()
    )
    month = func.to_char(func.timezone(_ZONE, last.c.confirmed_at), "YYYY-MM").label("month")
    counts = [
        count.label(f"{name}_{what}")
        for name in FIELDS
        for what, count in _counts(name, last.c.proposed, last.c.confirmed).items()
    ]
    found = (
        select(month, last.c.business_line_id, last.c.model, func.count().label("n"), *counts)
        .group_by(month, last.c.business_line_id, last.c.model)
        .order_by(month, last.c.business_line_id, last.c.model)
    )
    if wanted.confirmed_at_gte is not None:
        found = found.where(last.c.confirmed_at >= wanted.confirmed_at_gte)
    if wanted.confirmed_at_lt is not None:
        found = found.where(last.c.confirmed_at < wanted.confirmed_at_lt)
    async with ctx.reports.read() as session:
        rows = (await session.execute(found)).all()
    return Agreement(rows=[_shown(ctx, row) for row in rows])


def _counts(name: str, proposed: ColumnElement[Any], confirmed: ColumnElement[Any]) -> dict[str, ColumnElement[int]]:
    given = confirmed[name].astext
    return {"n": func.count(given), "agreed": func.count().filter(given == proposed[name].astext)}


def _shown(ctx: Context, row: Any) -> AgreementRow:
    fields = {name: _rate(getattr(row, f"{name}_n"), getattr(row, f"{name}_agreed")) for name in FIELDS}
    line = ctx.known.by_id[row.business_line_id].name
    return AgreementRow(month=row.month, business_line=line, model=row.model, n=row.n, **fields)


def _rate(n: int, agreed: int) -> FieldAgreement:
    return FieldAgreement(n=n, agreed=agreed, rate=round(agreed / n, 4) if n else None)


async def training_rows(db: Database, keyring: KeyRing) -> list[TrainingRow]:
    """Return what staff said last of each ticket in the corpus's shape, the earliest first, personal data masked."""
    wanted = (
        select(Ticket, _Row)
        .join(_Row, _Row.ticket_id == Ticket.id)
        .where(Ticket.description.is_not(None))
        .ext(distinct_on(_Row.ticket_id))
        .order_by(_Row.ticket_id, _Row.confirmed_at.desc(), _Row.id.desc())
    )
    async with db.read() as session:
        rows = (await session.execute(wanted)).all()
    return [_training_row(ticket, said, keyring) for ticket, said in sorted(rows, key=lambda row: row[1].confirmed_at)]


def _training_row(ticket: Ticket, said: ClassificationFeedback, keyring: KeyRing) -> TrainingRow:
    """What staff left out is as the machine had read it, as far as it goes with what they gave."""
    person = open_customer(ticket.customer_sealed, ticket.id, keyring)
    given, proposed = said.confirmed, said.proposed
    harmless = given["complaint_class"] == ComplaintClass.NOT_COMPLAINT
    also = given.get("also", proposed.get("also")) or []
    return {
        "text": shown_text(ticket.description, Tier.GENERAL, person["name"]) or "",
        "product": ticket.product.get("category"),
        "complaint_class": given["complaint_class"],
        "issue_type": given["issue_type"],
        "also": [] if harmless else [issue for issue in also if issue != given["issue_type"]],
        "severity": given["severity"],
        "urgency": given.get("urgency") or proposed.get("urgency") or ticket.urgency,
        "kind": given.get("kind") or ticket.kind,
        "model": said.model,
        "staff_no": said.staff_no,
        "confirmed_at": said.confirmed_at.isoformat(),
    }
