"""The answer every change of a ticket gives: the ticket as it now stands."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import etag
from app.core.personal import Tier
from app.core.unit import Unit
from app.models.tickets import Ticket, TicketCommitment
from app.services.access_log import log_access, log_replay
from app.services.context import Context
from app.services.tickets.assignments import hand_over
from app.services.tickets.clocks import promise_anew
from app.services.tickets.loading import Loaded, find_ticket, shown_row
from app.services.tickets.rendering import render_ticket


async def answer_changed(ctx: Context, unit: Unit, loaded: Loaded, new: Sequence[TicketCommitment] = ()) -> Answer:
    """Count the change, write it, and answer with the ticket."""
    ticket = loaded.ticket
    ticket.version += 1
    ticket.updated_at = ctx.now
    unit.session.add_all(new)
    rows = [*loaded.commitments, *new]
    promise_anew(ticket, rows, loaded.policy, ctx.now)
    await hand_over(unit.session, ticket, ctx.now)
    return unit.answer(await answer_ticket(ctx, unit.session, 200, ticket, rows))


async def answer_again(ctx: Context, unit: Unit, reference: str | None) -> Answer:
    """Give the answer that is on record, to a caller who may still see the ticket; in full, it is logged again.

    Raises: TicketNotFound.
    """
    assert unit.replayed is not None  # noqa: S101 — asked for only then
    if reference is not None:
        await find_ticket(unit.session, ctx, reference)
    if ctx.caller.tier is Tier.SENSITIVE:
        log_replay(unit.session, ctx)
    return unit.replayed


async def answer_ticket(
    ctx: Context, session: AsyncSession, status: int, ticket: Ticket, rows: Sequence[TicketCommitment]
) -> Answer:
    """Render a ticket for the caller; what is shown in full is logged in the same transaction."""
    shown = _rendered(ctx, ticket, rows)
    if ctx.caller.tier is Tier.SENSITIVE:
        log_access(session, ctx, [shown])
    await session.flush()
    return _answer(ctx, status, ticket, shown)


def shown_answer(ctx: Context, status: int, ticket: Ticket, rows: Sequence[TicketCommitment]) -> Answer:
    """Render a ticket for a caller who is not shown everything, which would have to be logged."""
    return _answer(ctx, status, ticket, _rendered(ctx, ticket, rows))


def _rendered(ctx: Context, ticket: Ticket, rows: Sequence[TicketCommitment]) -> dict[str, Any]:
    return render_ticket(
        shown_row(ticket), rows, known=ctx.known, keyring=ctx.keyring, tier=ctx.caller.tier, now=ctx.now
    )


def _answer(ctx: Context, status: int, ticket: Ticket, shown: Mapping[str, Any]) -> Answer:
    tag = etag(ticket.version, ctx.caller.tier)
    return Answer.of(status, shown, location=f"/v1/tickets/{ticket.number}", etag=tag)
