"""The actions of a CAPA: planned with an owner and a date, completed with evidence, given another date, dropped."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.errors import FieldError, ValidationFailed
from app.core.language import Text
from app.models.capas import CapaTask
from app.schemas.capas import ActionIn, ActionPatch, CompleteIn, PlanIn, ReasonIn
from app.services.capas.loading import Loaded, answer_again, is_action, open_task, take_up
from app.services.capas.moving import capa_terms, moved, require_reason_if_late
from app.services.capas.reading import answer_capa
from app.services.capas.records import add_task, note, promise, set_timer
from app.services.capas.refusals import ActionNotFound, wrong_field
from app.services.context import Context
from app.services.rules.capa import (
    LIFE_CYCLE,
    UNDER_WAY,
    CapaMove,
    CapaStatus,
    TaskKind,
    after_work,
    decide_check,
)
from app.services.tickets.clocks import decision_documents


async def plan(ctx: Context, reference: str, body: PlanIn) -> Answer:
    """Add actions to the present round.

    Raises: CapaNotFound, VersionMismatch, CapaMoveNotAllowed, ValidationFailed for an action that cannot be planned.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.PLAN)
        loaded.capa.criteria = body.criteria or loaded.capa.criteria
        faults = [*_faults(ctx, loaded, body)]
        if faults:
            raise ValidationFailed(errors=faults)
        for action in body.actions:
            add_task(unit.session, loaded, now=ctx.now, **action.model_dump())
        return await moved(ctx, unit, loaded, CapaMove.PLAN, body.staff_no, actions=len(body.actions))


def _faults(ctx: Context, loaded: Loaded, body: PlanIn) -> Iterator[FieldError]:
    """Yield what stands against a plan: places, dates, and what has to come first."""
    with_cause = [action for action in body.actions if action.kind is not TaskKind.CORRECTION]
    for place, action in enumerate(body.actions):
        if action in with_cause and loaded.capa.status is CapaStatus.OPEN:
            yield wrong_field(f"actions/{place}/kind", "root_cause_first", _CAUSE_FIRST)
        yield from _action_faults(ctx, loaded, action, f"actions/{place}/")
    if with_cause and loaded.capa.criteria is None:
        yield wrong_field("criteria", "required", _CRITERIA)


_CAUSE_FIRST = Text(
    "请先分析根本原因（analyse）；此前只能安排纠正（correction）",
    "Find the root cause first (analyse); until then only corrections can be planned",
)
_CRITERIA = Text(
    "请填写 criteria：以什么判断措施有效", "Give the criteria by which it will be told whether they worked"
)
_PAST = Text("期限不能早于今天", "The date must not be before today")


def _action_faults(ctx: Context, loaded: Loaded, given: ActionIn | ActionPatch, where: str) -> Iterator[FieldError]:
    known = loaded.policy.edition.departments
    if given.department is not None and given.department not in known:
        names = ", ".join(sorted(known))
        yield wrong_field(f"{where}department", "unknown_value", Text(f"可选：{names}", f"One of: {names}"))
    if given.due_on is not None and given.due_on < loaded.policy.time.date_of(ctx.now):
        yield wrong_field(f"{where}due_on", "in_the_past", _PAST)


async def change_action(ctx: Context, reference: str, action: str, body: ActionPatch) -> Answer:
    """Give an action, or the check, another owner, wording or date.

    Raises: CapaNotFound, ActionNotFound, ActionSettled, IfMatchRequired, VersionMismatch, CapaMoveNotAllowed,
    ValidationFailed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, "change", among=UNDER_WAY, required=True)
        task = open_task(loaded, action)
        faults = [*_action_faults(ctx, loaded, body, "")]
        if faults:
            raise ValidationFailed(errors=faults)
        given = body.model_dump(exclude={"staff_no", "reason"}, exclude_none=True)
        changed = sorted(name for name, value in given.items() if getattr(task, name) != value)
        for name in changed:
            setattr(task, name, given[name])
        if "due_on" in changed:
            promise(task, loaded.policy, task.due_on, ctx.now)
        if changed:
            note(
                ctx, unit.session, loaded.capa, move="change", event="capa.action_changed", staff_no=body.staff_no,
                text=body.reason, task=task.id, changed=changed,
            )  # fmt: skip
        return unit.answer(await answer_capa(ctx, unit.session, loaded))


async def complete_action(ctx: Context, reference: str, action: str, body: CompleteIn) -> Answer:
    """Record that an action is done. After the last one the check of its effect is planned.

    Raises: CapaNotFound, ActionNotFound, ActionSettled, VersionMismatch, CapaMoveNotAllowed, DelayReasonRequired.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.COMPLETE)
        task = open_task(loaded, action)
        if not is_action(task):
            raise ActionNotFound
        require_reason_if_late(ctx, loaded, task, body.delay_reason)
        task.done_at, task.done_by = ctx.now, body.staff_no
        task.evidence, task.finding = body.evidence, body.note
        set_timer(task, loaded.policy)
        status = _after_work(ctx, unit.session, loaded, LIFE_CYCLE[CapaMove.COMPLETE][loaded.capa.status])
        return await moved(
            ctx, unit, loaded, CapaMove.COMPLETE, body.staff_no,
            status=status, text=body.note, task=task, kind=task.kind,
        )  # fmt: skip


async def drop_action(ctx: Context, reference: str, action: str, body: ReasonIn) -> Answer:
    """Give an action up, with the reason. If nothing else is left to do, the check is planned.

    Raises: CapaNotFound, ActionNotFound, ActionSettled, VersionMismatch, CapaMoveNotAllowed.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            return await answer_again(ctx, unit, reference)
        loaded = await take_up(unit, ctx, reference, CapaMove.DROP)
        task = open_task(loaded, action)
        drop(ctx, loaded, task, body.reason)
        status = _after_work(ctx, unit.session, loaded, loaded.capa.status)
        return await moved(
            ctx, unit, loaded, CapaMove.DROP, body.staff_no, status=status, text=body.reason, task=task
        )  # fmt: skip


def drop(ctx: Context, loaded: Loaded, task: CapaTask, reason: str) -> None:
    """Take a task off what is to be done; its timer stops."""
    task.dropped_at, task.dropped_because = ctx.now, reason
    set_timer(task, loaded.policy)


def _after_work(ctx: Context, session: AsyncSession, loaded: Loaded, status: CapaStatus) -> CapaStatus:
    """Return the status now that an action is settled; where nothing is left to do, plan the check."""
    status = after_work(status, loaded.work)
    if status is CapaStatus.AWAITING_EFFECTIVENESS:
        capa, terms = loaded.capa, capa_terms(loaded.policy)
        days, decision = decide_check(terms)
        capa.decisions = [*capa.decisions, *decision_documents([decision], ctx.now)]
        due_on = loaded.policy.time.date_of(ctx.now) + timedelta(days=days)
        closer = terms.closed_by.department if terms else None
        add_task(
            session, loaded, kind=TaskKind.EFFECTIVENESS_CHECK, text=capa.criteria or "", due_on=due_on,
            now=ctx.now, department=closer,
        )  # fmt: skip
    return status
