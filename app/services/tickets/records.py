"""Rows that several use cases write: events and timeline entries of a ticket."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.models.tickets import Ticket, TimelineEntry
from app.services.context import Context

_NO_KEY = UUID(int=0)  # of what no request did


def event_values(
    ticket: Ticket, type_: str, *, at: datetime, request_id: str | None, changed: Sequence[str] = (), **data: Any
) -> dict[str, Any]:
    """Announce a change of a ticket: thin, without personal data. Call it while holding the ticket's row."""
    ticket.events_emitted += 1
    subject = id_text("tkt", ticket.id)
    return {
        "id": new_id(),
        "business_line_id": ticket.business_line_id,
        "type": type_,
        "subject": f"tickets/{subject}",
        "sequence": ticket.events_emitted,
        "data": {"ticket_id": subject, "status": ticket.status, "changed": list(changed), **data},
        "request_id": request_id,
        "occurred_at": at,
    }


def event_row(
    ctx: Context,
    ticket: Ticket,
    type_: str,
    *,
    changed: Sequence[str] = (),
    make: Callable[..., Event] = Event,
    **data: Any,
) -> Event:
    """Announce a change that a request made; `make` makes the row of its values by column."""
    values = event_values(ticket, type_, at=ctx.now, request_id=ctx.call.request_id, changed=changed, **data)
    return make(position=None, **values)


def timeline_row(
    ticket: Ticket,
    kind: str,
    *,
    at: datetime,
    request_id: str,
    key_id: UUID = _NO_KEY,
    author: str = "system",
    staff_no: str | None = None,
    text: str | None = None,
    visibility: str = "internal",
    data: Mapping[str, Any] | None = None,
    make: Callable[..., TimelineEntry] = TimelineEntry,
) -> TimelineEntry:
    """Note in a ticket's timeline what happened. `data` holds codes and figures, never contact details."""
    return make(
        id=new_id(),
        business_line_id=ticket.business_line_id,
        ticket_id=ticket.id,
        kind=kind,
        visibility=visibility,
        author=author,
        staff_no=staff_no,
        key_id=key_id,
        text=text,
        data=dict(data or {}),
        request_id=request_id,
        at=at,
    )


def entry_row(
    ctx: Context,
    ticket: Ticket,
    kind: str,
    *,
    staff_no: str | None = None,
    text: str | None = None,
    visibility: str = "internal",
    author: str = "staff",
    data: Mapping[str, Any] | None = None,
    make: Callable[..., TimelineEntry] = TimelineEntry,
) -> TimelineEntry:
    """Note who did what by a request: whom its body names, or who is at work; both where they are two people."""
    acting = ctx.caller.staff_no if author == "staff" else None
    if acting and staff_no and acting != staff_no:
        data = {**(data or {}), "entered_by": acting}
    return timeline_row(
        ticket, kind, at=ctx.now, request_id=ctx.call.request_id, key_id=ctx.caller.key_id, author=author,
        staff_no=staff_no or acting, text=text, visibility=visibility, data=data, make=make,
    )  # fmt: skip


def note_change(
    ctx: Context,
    session: AsyncSession,
    ticket: Ticket,
    *,
    kind: str,
    event: str,
    staff_no: str | None,
    data: Mapping[str, Any],
    text: str | None = None,
    visibility: str = "internal",
) -> None:
    """Count a change of a ticket whose row is held, note it in the timeline and announce it, both with `data`."""
    ticket.version += 1
    ticket.updated_at = ctx.now
    session.add(entry_row(ctx, ticket, kind, staff_no=staff_no, text=text, visibility=visibility, data=data))
    session.add(event_row(ctx, ticket, event, **data))
