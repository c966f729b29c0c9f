"""Every look at personal data in full is on record before anybody sees it (004 5.2)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.ids import id_from, id_text, new_id
from app.core.pagination import next_link
from app.models.access_log import AccessLog
from app.models.capas import Capa
from app.models.customers import Customer
from app.models.nonconformities import Nonconformity
from app.models.return_requests import ReturnRequest
from app.models.tickets import Ticket
from app.schemas.access_log import AccessList, AccessOut
from app.schemas.lists import AccessFilter
from app.services.context import Context
from app.services.listing import latest_first

_PERSONAL = ("name", "phone", "email", "address")


def log_access(session: AsyncSession, ctx: Context, shown: Sequence[Mapping[str, Any]]) -> None:
    """Note who is shown which personal fields of which tickets; if this cannot be written, nothing is shown."""
    for ticket in shown:
        customer = ticket["customer"] or {}
        fields = [name for name in _PERSONAL if customer.get(name)]
        line = ctx.known.by_name[ticket["business_line"]].id
        session.add(_look(ctx, line, f"tickets/{ticket['id']}", ["description", *fields]))


def log_customers(session: AsyncSession, ctx: Context, tickets: Sequence[Ticket]) -> None:
    """Note who is shown the customers of these tickets in full."""
    for ticket in tickets:
        session.add(_look(ctx, ticket.business_line_id, f"tickets/{id_text('tkt', ticket.id)}", list(_PERSONAL)))


def log_texts(session: AsyncSession, ctx: Context, ticket: Ticket, what: str = "timeline") -> None:
    """Note who is shown a ticket's timeline, or its report, as it was written."""
    session.add(_look(ctx, ticket.business_line_id, f"tickets/{id_text('tkt', ticket.id)}", [what]))


def log_capa(session: AsyncSession, ctx: Context, capa: Capa) -> None:
    """Note who is shown a CAPA's texts as they were written."""
    session.add(_look(ctx, capa.business_line_id, f"capas/{id_text('cap', capa.id)}", ["texts"]))


def log_nonconformity(session: AsyncSession, ctx: Context, found: Nonconformity) -> None:
    """Note who is shown the texts about nonconforming goods as they were written."""
    session.add(_look(ctx, found.business_line_id, f"nonconformities/{id_text('ncf', found.id)}", ["texts"]))


def log_return(session: AsyncSession, ctx: Context, request: ReturnRequest) -> None:
    """Note who is shown a return request's texts as they were written."""
    session.add(_look(ctx, request.business_line_id, f"returns/{id_text('ret', request.id)}", ["texts"]))


def log_archive(session: AsyncSession, ctx: Context, customers: Sequence[Customer]) -> None:
    """Note who is shown these customers' files in full."""
    for customer in customers:
        subject = f"customers/{id_text('cus', customer.id)}"
        session.add(_look(ctx, customer.business_line_id, subject, list(_PERSONAL)))


def log_replay(session: AsyncSession, ctx: Context) -> None:
    """Note who is shown a stored answer again."""
    lines = ctx.line_ids()
    session.add(_look(ctx, lines[0], ctx.call.path[:80], ["stored answer"]))


def log_reveal(
    session: AsyncSession, ctx: Context, line: UUID, subject: str, fields: Sequence[str], purpose: str
) -> None:
    """Note who is shown, for which purpose, what their tier masks."""
    session.add(_look(ctx, line, subject, list(fields), purpose))


def log_erasure(session: AsyncSession, ctx: Context, line: UUID, subject: str, ground: str) -> None:
    """Note who had a person erased, and on which ground."""
    session.add(_look(ctx, line, subject, ["erasure"], ground))


async def list_accesses(ctx: Context, wanted: AccessFilter) -> Answer:
    """Return who saw what of the caller's lines, the latest first. Nothing ever deletes a row of it.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    lines = ctx.line_ids(wanted.business_line)
    chosen = select(AccessLog).where(AccessLog.business_line_id.in_(lines), *_criteria(wanted))
    async with ctx.db.read() as session:
        rows, following = await latest_first(ctx, session, chosen, AccessLog.at, wanted=wanted)
    items = [_shown(ctx, row) for row in rows]
    page = AccessList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


def _criteria(wanted: AccessFilter) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if wanted.key_id is not None:
        criteria.append(AccessLog.key_id == id_from("key", wanted.key_id))
    if wanted.staff_no is not None:
        criteria.append(AccessLog.staff_no == wanted.staff_no)
    if wanted.subject is not None:
        criteria.append(AccessLog.subject == wanted.subject)
    if wanted.at_gte is not None:
        criteria.append(AccessLog.at >= wanted.at_gte)
    if wanted.at_lt is not None:
        criteria.append(AccessLog.at < wanted.at_lt)
    return criteria


def _shown(ctx: Context, row: AccessLog) -> AccessOut:
    return AccessOut(
        id=id_text("acc", row.id), business_line=ctx.known.by_id[row.business_line_id].name,
        key_id=id_text("key", row.key_id), staff_no=row.staff_no, subject=row.subject, fields=row.fields,
        purpose=row.purpose, request_id=row.request_id, at=row.at,
    )  # fmt: skip


def _look(ctx: Context, line: UUID, subject: str, fields: list[str], purpose: str | None = None) -> AccessLog:
    return AccessLog(
        id=new_id(),
        business_line_id=line,
        key_id=ctx.caller.key_id,
        staff_no=ctx.caller.staff_no,
        subject=subject,
        fields=fields,
        purpose=purpose,
        request_id=ctx.call.request_id,
        at=ctx.kit.clock(),  # the real time, also of a look at a ticket on a test clock
    )
