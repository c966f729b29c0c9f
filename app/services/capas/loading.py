"""Finding one CAPA for a caller, and taking it up for a change."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version
from app.core.ids import id_from
from app.core.personal import Tier
from app.core.unit import Unit
from app.models.capas import Capa, CapaTask
from app.services.access_log import log_replay
from app.services.capas.refusals import ActionNotFound, ActionSettled, CapaMoveNotAllowed, CapaNotFound
from app.services.context import Context
from app.services.policy_book import Policy
from app.services.rules.capa import LIFE_CYCLE, CapaMove, CapaStatus, TaskKind, Work

_LONGEST_REFERENCE = 64


@dataclass(frozen=True, slots=True)
class Loaded:
    """A CAPA with its tasks in the order they were planned, and the edition it keeps."""

    capa: Capa
    tasks: list[CapaTask]
    policy: Policy

    @property
    def present(self) -> list[CapaTask]:
        """The tasks of the present round that were not dropped."""
        return [task for task in self.tasks if task.round == self.capa.round and task.dropped_at is None]

    @property
    def work(self) -> list[Work]:
        """The actions of the present round, as the rule looks at them."""
        return [Work(task.kind, task.done_at is not None) for task in self.present if is_action(task)]


def is_action(task: CapaTask) -> bool:
    return task.kind is not TaskKind.EFFECTIVENESS_CHECK


async def find_capa(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> Capa:
    """Return the CAPA by number or id; `lock` holds its row until the transaction ends.

    Raises: CapaNotFound, also for one of a line the caller does not see.
    """
    if len(reference) > _LONGEST_REFERENCE or not reference.isascii() or not reference.isprintable():
        raise CapaNotFound
    capa_id = id_from("cap", reference)
    same = Capa.id == capa_id if capa_id is not None else Capa.number == reference.upper()
    wanted = select(Capa).where(same, Capa.business_line_id.in_(ctx.line_ids()))
    capa = await session.scalar(wanted.with_for_update() if lock else wanted)
    if capa is None:
        raise CapaNotFound
    return capa


async def load_capa(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> Loaded:
    """Raises: CapaNotFound."""
    capa = await find_capa(session, ctx, reference, lock=lock)
    return Loaded(
        capa, list(await tasks_of(session, capa)), await ctx.edition_of(capa.policy_name, capa.policy_version)
    )


async def tasks_of(session: AsyncSession, capa: Capa) -> Sequence[CapaTask]:
    return (await session.scalars(select(CapaTask).where(CapaTask.capa_id == capa.id).order_by(CapaTask.place))).all()


async def take_up(
    unit: Unit,
    ctx: Context,
    reference: str,
    move: str,
    *,
    among: Container[CapaStatus] | None = None,
    required: bool = False,
) -> Loaded:
    """Lock a CAPA for a move of its life cycle, or for another change that may be made `among` these statuses.

    Raises: CapaNotFound, VersionMismatch, IfMatchRequired if the header is `required`, CapaMoveNotAllowed.
    """
    loaded = await load_capa(unit.session, ctx, reference, lock=True)
    check_version(ctx.call, loaded.capa.version, ctx.caller.tier, required=required)
    if loaded.capa.status not in (LIFE_CYCLE[CapaMove(move)] if among is None else among):
        raise CapaMoveNotAllowed(loaded.capa.status, move)
    return loaded


def open_task(loaded: Loaded, reference: str) -> CapaTask:
    """Return a task that is still to be done.

    Raises: ActionNotFound, ActionSettled.
    """
    task_id = id_from("act", reference)
    task = next((task for task in loaded.tasks if task.id == task_id), None)
    if task is None:
        raise ActionNotFound
    if not task.is_open:
        raise ActionSettled
    return task


async def answer_again(ctx: Context, unit: Unit, reference: str | None) -> Answer:
    """Give the answer that is on record, to a caller who may still see the CAPA; in full, it is logged again.

    Raises: CapaNotFound.
    """
    assert unit.replayed is not None  # noqa: S101 — asked for only then
    if reference is not None:
        await find_capa(unit.session, ctx, reference)
    if ctx.caller.tier is Tier.SENSITIVE:
        log_replay(unit.session, ctx)
    return unit.replayed
