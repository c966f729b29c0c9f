"""Rows and notes that several CAPA use cases make."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.models.capas import Capa, CapaTask
from app.models.tickets import Ticket
from app.schemas.fields import instant_text
from app.services.capas.loading import Loaded
from app.services.context import Context
from app.services.own_time import at_own_time
from app.services.policy_book import Policy
from app.services.rules.capa import TaskKind
from app.services.rules.thresholds import next_plain_firing, thresholds_of
from app.services.tickets.records import note_change


def event_values(capa: Capa, type_: str, *, at: datetime, request_id: str | None, **data: Any) -> dict[str, Any]:
    """Announce a change of a CAPA: thin, without its texts. Call it while holding the CAPA's row."""
    capa.events_emitted += 1
    subject = id_text("cap", capa.id)
    return {
        "id": new_id(),
        "business_line_id": capa.business_line_id,
        "type": type_,
        "subject": f"capas/{subject}",
        "sequence": capa.events_emitted,
        "data": {"capa_id": subject, "number": capa.number, "status": capa.status, "round": capa.round, **data},
        "request_id": request_id,
        "occurred_at": at,
    }


def note(
    ctx: Context,
    session: AsyncSession,
    capa: Capa,
    *,
    move: str,
    event: str,
    staff_no: str,
    text: str | None = None,
    department: str | None = None,
    task: UUID | None = None,
    **data: Any,
) -> None:
    """Count a step of a CAPA, add it to its history and announce it. Call it once the status is what it becomes."""
    reference = None if task is None else id_text("act", task)
    capa.version += 1
    capa.updated_at = ctx.now
    step = {
        "move": move, "status": capa.status, "round": capa.round, "staff_no": staff_no, "department": department,
        "text": text, "task": reference, "at": instant_text(ctx.now),
    }  # fmt: skip
    capa.history = [*capa.history, step]
    about = data if reference is None else {"task_id": reference, **data}
    values = event_values(capa, event, at=ctx.now, request_id=ctx.call.request_id, **about)
    session.add(Event(position=None, **values))


def add_task(
    session: AsyncSession,
    loaded: Loaded,
    *,
    kind: TaskKind,
    text: str,
    due_on: date,
    now: datetime,
    owner_staff_no: str | None = None,
    department: str | None = None,
) -> CapaTask:
    """Add something to be done in the present round until 24:00, local time, of a date; its timer runs."""
    capa = loaded.capa
    task = CapaTask(
        id=new_id(),
        business_line_id=capa.business_line_id,
        capa_id=capa.id,
        place=len(loaded.tasks),
        round=capa.round,
        kind=kind,
        text=text,
        owner_staff_no=owner_staff_no,
        department=department,
        done_at=None,
        done_by=None,
        evidence=[],
        finding=None,
        effect=None,
        delay_reason=None,
        dropped_at=None,
        dropped_because=None,
        firing_failures=0,
    )
    promise(task, loaded.policy, due_on, now)
    loaded.tasks.append(task)
    session.add(task)
    return task


def promise(task: CapaTask, policy: Policy, due_on: date, now: datetime) -> None:
    """Give a task its date; warnings, breach and escalation begin anew with each date that is promised."""
    task.due_on, task.due_at = due_on, policy.time.end_of_date(due_on)
    task.planned_at, task.thresholds_fired = now, 0
    set_timer(task, policy)


def set_timer(task: CapaTask, policy: Policy) -> None:
    """Note when the next threshold of a task is due, if it is still to be done."""
    thresholds = thresholds_of(policy.edition.sla)
    task.next_fire_at = (
        next_plain_firing(task.planned_at, task.due_at, task.thresholds_fired, thresholds) if task.is_open else None
    )


async def note_on_ticket(
    ctx: Context, session: AsyncSession, capa: Capa, ticket: Ticket, *, kind: str, staff_no: str
) -> None:
    """Note on a ticket, whose row is held, what became of a CAPA that answers it, in the ticket's own time."""
    own = await at_own_time(session, ctx, ticket)
    data = {"capa": capa.number}
    note_change(own, session, ticket, kind=kind, event=f"ticket.{kind}", staff_no=staff_no, data=data)
