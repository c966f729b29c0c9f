"""Rows and notes that several use cases of return requests make."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.core.unit import Unit
from app.models.return_requests import ReturnDecisionRow, ReturnRequest
from app.models.tickets import Ticket
from app.schemas.fields import instant_text
from app.services.context import Context
from app.services.own_time import at_own_time
from app.services.return_requests.deciding import decided, facts_of_row, with_facts
from app.services.return_requests.loading import DecidedLine, Loaded
from app.services.return_requests.reading import answer_return
from app.services.rules.clause import Wording
from app.services.rules.return_requests import LIFE_CYCLE, OVER, ReturnMove, ReturnStatus
from app.services.rules.returns.facts import ReturnFacts
from app.services.tickets.records import note_change

ANNOUNCED = {
    ReturnMove.REVIEW: "return.reviewed",
    ReturnMove.INSPECT: "return.inspected",
    ReturnMove.REDECIDE: "return.redecided",
    ReturnMove.APPROVE: "return.approved",
    ReturnMove.REFUSE: "return.refused",
    ReturnMove.SCHEDULE_PICKUP: "return.pickup_scheduled",
    ReturnMove.SHIP_BACK: "return.posting_agreed",
    ReturnMove.RECEIVE: "return.received",
    ReturnMove.REINSPECT: "return.reinspected",
    ReturnMove.RESTOCK: "return.restocked",
    ReturnMove.SCRAP: "return.scrapped",
    ReturnMove.RETURN_TO_CUSTOMER: "return.sent_again",
    ReturnMove.REFUND: "return.refunded",
    ReturnMove.SHIP_REPLACEMENT: "return.replaced",
    ReturnMove.COMPLETE: "return.completed",
    ReturnMove.CANCEL: "return.cancelled",
}


def event_values(
    request: ReturnRequest, type_: str, *, at: datetime, request_id: str | None, **data: Any
) -> dict[str, Any]:
    """Announce a change of a return request: thin, without what people wrote. Call it while holding its row."""
    request.events_emitted += 1
    subject = id_text("ret", request.id)
    ticket = {} if request.ticket_id is None else {"ticket_id": id_text("tkt", request.ticket_id)}
    return {
        "id": new_id(),
        "business_line_id": request.business_line_id,
        "type": type_,
        "subject": f"returns/{subject}",
        "sequence": request.events_emitted,
        "data": {"return_id": subject, "number": request.number, "status": request.status, **ticket, **data},
        "request_id": request_id,
        "occurred_at": at,
    }


def note(
    ctx: Context,
    session: AsyncSession,
    request: ReturnRequest,
    *,
    move: str,
    event: str,
    staff_no: str | None,
    text: str | None = None,
    message: Wording | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Count a step, add it to the timeline and announce it, with what the customer is told of it.

    Call it once the status is what it becomes. `data` holds codes and figures.
    """
    request.version += 1
    request.updated_at = ctx.now
    step = {
        "move": move, "status": request.status, "staff_no": staff_no, "text": text, "data": data or {},
        "at": instant_text(ctx.now),
    }  # fmt: skip
    request.history = [*request.history, step]
    told = {}
    if message is not None:
        request.message = asdict(message)
        told = {"message": request.message}
    values = event_values(request, event, at=ctx.now, request_id=ctx.call.request_id, **told)
    session.add(Event(position=None, **values))


async def moved(
    ctx: Context,
    unit: Unit,
    loaded: Loaded,
    move: ReturnMove,
    staff_no: str,
    *,
    status: ReturnStatus | None = None,
    text: str | None = None,
    message: Wording | None = None,
    data: dict[str, Any] | None = None,
) -> Answer:
    """Bring a request to where the move leads, or to `status`; note and announce it, and answer with the request."""
    request = loaded.request
    request.status = status or LIFE_CYCLE[move].leads[request.status]
    if request.status in OVER:
        request.closed_at = ctx.now
    note(
        ctx, unit.session, request, move=move, event=ANNOUNCED[move], staff_no=staff_no, text=text, message=message,
        data=data,
    )  # fmt: skip
    return unit.answer(await answer_return(ctx, unit.session, loaded))


async def note_on_ticket(
    ctx: Context, session: AsyncSession, request: ReturnRequest, kind: str, staff_no: str | None
) -> None:
    """Note on the ticket it belongs to, if it does to one, what became of a request, in the ticket's own time."""
    if request.ticket_id is None:
        return
    ticket = (await session.scalars(select(Ticket).where(Ticket.id == request.ticket_id).with_for_update())).one()
    own, data = await at_own_time(session, ctx, ticket), {"return_request": request.number}
    note_change(own, session, ticket, kind=kind, event=f"ticket.{kind}", staff_no=staff_no, data=data)


def decide_anew(
    ctx: Context,
    session: AsyncSession,
    loaded: Loaded,
    line: DecidedLine,
    *known: dict[str, object],
    cause: ReturnMove,
    staff_no: str,
) -> ReturnDecisionRow | None:
    """Decide again on a line if these facts are new, beside the decisions it has; None if nothing is new."""
    before: ReturnFacts = facts_of_row(line.latest)
    facts = with_facts(before, *known)
    if facts == before:
        return None
    row = decided(
        ctx, line.line, facts, loaded.policy, revision=len(line.decisions) + 1, cause=cause, staff_no=staff_no
    )
    line.decisions.append(row)
    session.add(row)
    return row
