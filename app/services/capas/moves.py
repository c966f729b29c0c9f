"""The moves of a CAPA as a whole: its cause, its check, its end. Each locks it, asks the table of moves, and tells."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.models.capas import Capa, CapaTicket
from app.models.tickets import Ticket
from app.schemas.capas import AnalyseIn, CapaPatch, CloseIn, ReasonIn, VerifyIn
from app.schemas.fields import instant_text
from app.services.capas.actions import drop
from app.services.capas.loading import answer_again, is_action, take_up
from app.services.capas.moving import capa_terms, moved, require_reason_if_late
from app.services.capas.reading import answer_capa
from app.services.capas.records import note, note_on_ticket, set_timer
from app.services.capas.refusals import ClosedByAnother, EarlyReasonRequired
from app.services.context import Context
from app.services.departments import require_member
from app.services.rules.capa import WORKABLE, CapaMove, CapaStatus, Effect, after_check, decide_closure
from app.services.tickets.clocks import decision_documents


async def change_capa(ctx: Context, reference: str, body: CapaPatch) -> Answer:
    """Correct title, problem or criteria while it is worked on.

    Raises: CapaNotFound, IfMatchRequired, VersionMismatch, CapaMoveNotAllowed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, "change", among=WORKABLE, required=True)
        capa = loaded.capa
        given = body.model_dump(exclude={"staff_no"}, exclude_none=True)
        changed = sorted(name for name, value in given.items() if getattr(capa, name) != value)
        for name in changed:
            setattr(capa, name, given[name])
        if changed:
            note(
                ctx, unit.session, capa, move="change", event="capa.changed", staff_no=body.staff_no, changed=changed
            )  # fmt: skip
        return unit.answer(await answer_capa(ctx, unit.session, loaded))


async def analyse(ctx: Context, reference: str, body: AnalyseIn) -> Answer:
    """Put the root cause on record; after a round that did not work this begins the next.

    Raises: CapaNotFound, VersionMismatch, CapaMoveNotAllowed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.ANALYSE)
        capa = loaded.capa
        if capa.status is CapaStatus.NOT_EFFECTIVE:
            _begin_round(capa)
        analysis = body.model_dump(mode="json") | {"round": capa.round, "at": instant_text(ctx.now)}
        capa.analyses = [*capa.analyses, analysis]
        return await moved(ctx, unit, loaded, CapaMove.ANALYSE, body.staff_no, text=body.root_cause)


async def verify(ctx: Context, reference: str, body: VerifyIn) -> Answer:
    """Record whether the actions worked. If they did, the tickets it answers are told.

    Raises: CapaNotFound, VersionMismatch, CapaMoveNotAllowed, EarlyReasonRequired, DelayReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.VERIFY)
        check = next(task for task in loaded.present if not is_action(task))
        if body.reason is None and loaded.policy.time.date_of(ctx.now) < check.due_on:
            raise EarlyReasonRequired(check.due_on.isoformat())
        require_reason_if_late(ctx, loaded, check, body.delay_reason)
        check.done_at, check.done_by, check.effect = ctx.now, body.staff_no, body.result
        check.finding, check.evidence = body.finding, body.evidence
        set_timer(check, loaded.policy)
        if body.result is Effect.EFFECTIVE:
            await _tell_tickets(ctx, unit.session, loaded.capa, body.staff_no)
        return await moved(
            ctx, unit, loaded, CapaMove.VERIFY, body.staff_no,
            status=after_check(body.result), text=body.reason or body.finding, task=check, result=body.result,
        )  # fmt: skip


async def _tell_tickets(ctx: Context, session: AsyncSession, capa: Capa, staff_no: str) -> None:
    """Note on every ticket it answers that what was done about the cause works."""
    linked = select(Ticket).join(CapaTicket, CapaTicket.ticket_id == Ticket.id).where(CapaTicket.capa_id == capa.id)
    for ticket in await session.scalars(linked.order_by(Ticket.id).with_for_update(of=Ticket)):
        await note_on_ticket(ctx, session, capa, ticket, kind="capa_effective", staff_no=staff_no)


async def close(ctx: Context, reference: str, body: CloseIn) -> Answer:
    """Close it: what was done works, and the department the edition names says so.

    Raises: CapaNotFound, VersionMismatch, CapaMoveNotAllowed, ClosedByAnother, NotOfDepartment.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.CLOSE)
        capa, policy = loaded.capa, loaded.policy
        terms, departments = capa_terms(policy), policy.edition.departments
        decision = decide_closure(body.department, terms, departments)
        if decision is None:
            raise ClosedByAnother([terms.closed_by.department] if terms else sorted(departments))
        await require_member(unit.session, capa.business_line_id, body.staff_no, body.department)
        capa.closed_at = ctx.now
        capa.decisions = [*capa.decisions, *decision_documents([decision], ctx.now)]
        return await moved(
            ctx, unit, loaded, CapaMove.CLOSE, body.staff_no,
            text=body.conclusion, department=body.department, by_department=body.department,
        )  # fmt: skip


async def reopen(ctx: Context, reference: str, body: ReasonIn) -> Answer:
    """Take it up again in a new round, because the problem came back.

    Raises: CapaNotFound, VersionMismatch, CapaMoveNotAllowed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.REOPEN)
        _begin_round(loaded.capa)
        loaded.capa.closed_at = None
        return await moved(ctx, unit, loaded, CapaMove.REOPEN, body.staff_no, text=body.reason)


async def cancel(ctx: Context, reference: str, body: ReasonIn) -> Answer:
    """Give it up, with all that was still to be done.

    Raises: CapaNotFound, VersionMismatch, CapaMoveNotAllowed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.CANCEL)
        for task in loaded.tasks:
            if task.is_open:
                drop(ctx, loaded, task, body.reason)
        loaded.capa.closed_at = ctx.now
        return await moved(ctx, unit, loaded, CapaMove.CANCEL, body.staff_no, text=body.reason)


def _begin_round(capa: Capa) -> None:
    capa.round += 1
    capa.criteria = None
