"""What the moves of a CAPA have in common: where each leads, what it announces, what it answers."""

from typing import Any

from app.core.answers import Answer
from app.core.unit import Unit
from app.models.capas import CapaTask
from app.services.capas.loading import Loaded
from app.services.capas.reading import answer_capa
from app.services.capas.records import note
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.capa import LIFE_CYCLE, CapaMove, CapaStatus, CapaTerms
from app.services.tickets.refusals import DelayReasonRequired

_ANNOUNCED = {
    CapaMove.ANALYSE: "capa.analysed",
    CapaMove.PLAN: "capa.planned",
    CapaMove.COMPLETE: "capa.action_completed",
    CapaMove.DROP: "capa.action_dropped",
    CapaMove.VERIFY: "capa.verified",
    CapaMove.CLOSE: "capa.closed",
    CapaMove.REOPEN: "capa.reopened",
    CapaMove.CANCEL: "capa.cancelled",
}


async def moved(
    ctx: Context,
    unit: Unit,
    loaded: Loaded,
    move: CapaMove,
    staff_no: str,
    *,
    status: CapaStatus | None = None,
    text: str | None = None,
    department: str | None = None,
    task: CapaTask | None = None,
    **data: Any,
) -> Answer:
    """Bring a CAPA to where the move leads, or to `status`; note and announce it, and answer with the CAPA."""
    capa = loaded.capa
    capa.status = status or LIFE_CYCLE[move][capa.status]
    note(
        ctx, unit.session, capa, move=move, event=_ANNOUNCED[move], staff_no=staff_no, text=text,
        department=department, task=None if task is None else task.id, **data,
    )  # fmt: skip
    return unit.answer(await answer_capa(ctx, unit.session, loaded))


def require_reason_if_late(ctx: Context, loaded: Loaded, task: CapaTask, given: str | None) -> None:
    """See that what is done late has its reason on record, where the edition asks for one.

    Raises: DelayReasonRequired.
    """
    if ctx.now > task.due_at and given is None and loaded.policy.edition.delays.reason_required:
        raise DelayReasonRequired([task.kind])
    task.delay_reason = given


def capa_terms(policy: Policy) -> CapaTerms | None:
    """Return what the edition says of CAPAs, None if nothing."""
    return policy.edition.quality.capa if policy.edition.quality else None
