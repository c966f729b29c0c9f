"""The ordered feed of what happened."""

from typing import Any

from sqlalchemy import select

from app.core.crypto import KeyRing
from app.core.ids import id_from, id_text
from app.core.outbox import Event
from app.schemas.events import EventBody, EventFeed, EventOut
from app.schemas.lists import EventFilter
from app.services.context import Context
from app.services.surveys.inviting import INVITED, REMINDED
from app.services.surveys.links import link_of


async def read_events(ctx: Context, wanted: EventFilter) -> EventFeed:
    """Return sealed events of the caller's lines after a position. A reader that keeps the position misses none."""
    chosen = select(Event).where(Event.business_line_id.in_(ctx.line_ids()), Event.position > wanted.after)
    if wanted.types:
        chosen = chosen.where(Event.type.in_(wanted.types))
    async with ctx.db.begin() as session:
        rows = (await session.scalars(chosen.order_by(Event.position).limit(wanted.limit + 1))).all()
    more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
    items = [_shown(ctx, row) for row in rows]
    return EventFeed(items=items, next_after=items[-1].position if items else wanted.after, has_more=more)


def _with_link(row: Event, keyring: KeyRing, public_url: str) -> dict[str, Any]:
    """Return an event's data; an invitation and its reminder with the customer's link, which is kept nowhere."""
    survey = id_from("srv", row.data["survey_id"]) if row.type in (INVITED, REMINDED) else None
    return row.data if survey is None else {**row.data, "url": link_of(survey, keyring, public_url)}


def _shown(ctx: Context, row: Event) -> EventOut:
    line = ctx.known.by_id[row.business_line_id].name
    body = event_body(row, line, keyring=ctx.keyring, public_url=ctx.kit.public_url)
    return EventOut(**dict(body), position=row.position or 0)


def event_body(event: Event, line: str, *, keyring: KeyRing, public_url: str) -> EventBody:
    """Return an event as the feed shows it and a webhook carries it; `line` is its business line's name."""
    return EventBody(
        id=id_text("evt", event.id),
        type=event.type,
        timestamp=event.occurred_at,
        api_version="v1",
        source=f"/business-lines/{line}",
        subject=event.subject,
        sequence=event.sequence,
        data=_with_link(event, keyring, public_url),
    )
