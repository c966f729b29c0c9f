"""The CAPA report as a page to print: problem, root cause, actions, effectiveness, round by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.language import Bilingual, in_language
from app.core.personal import mask_text
from app.models.capas import Capa, CapaTicket
from app.models.tickets import Ticket
from app.schemas.capas import AnalysisOut, CapaOut, CheckOut, TaskOut
from app.services.capas import report_words as texts
from app.services.capas.loading import Loaded, load_capa
from app.services.capas.reading import describe
from app.services.context import Context
from app.services.policy_pages.rendering import Links, render
from app.services.rules.capa import CapaMove, TaskKind


@dataclass(frozen=True, slots=True)
class _Round:
    number: int
    analyses: list[AnalysisOut]
    actions: list[tuple[Bilingual, list[TaskOut]]]
    check: CheckOut | None


@dataclass(frozen=True, slots=True)
class _Goods:
    """A ticket it answers, and what that is about."""

    number: str
    opened_at: datetime
    model: str
    batch: str
    quantities: str


async def show_report(ctx: Context, reference: str) -> Answer:
    """Render the report in the caller's language; it is the caller's alone, and not to be cached by others.

    Raises: CapaNotFound.
    """
    async with ctx.db.read() as session:
        loaded = await load_capa(session, ctx, reference)
        capa = await describe(ctx, session, loaded)
        goods = await _goods(session, loaded.capa)
    return _page(ctx, loaded, capa, goods)


async def _goods(session: AsyncSession, capa: Capa) -> list[_Goods]:
    linked = (
        select(Ticket.number, Ticket.opened_at, Ticket.product)
        .join(CapaTicket, CapaTicket.ticket_id == Ticket.id)
        .where(CapaTicket.capa_id == capa.id)
        .order_by(Ticket.opened_at, Ticket.id)
    )
    return [
        _Goods(
            number, opened_at,
            mask_text(product.get("model", "–")), mask_text(product.get("batch", "–")),
            f"{product.get('defective_quantity', '–')} / {product.get('quantity', '–')}",
        )
        for number, opened_at, product in await session.execute(linked)
    ]  # fmt: skip


def _page(ctx: Context, loaded: Loaded, capa: CapaOut, goods: Sequence[_Goods]) -> Answer:
    language, edition, time = ctx.call.language, loaded.policy.edition, loaded.policy.time
    rounds = [_round(capa, number) for number in range(1, capa.round + 1)]
    ends = [step for step in capa.history if step.move in (CapaMove.CLOSE, CapaMove.CANCEL)] if capa.closed_at else []
    titles = {name: in_language(department.title, language) for name, department in edition.departments.items()}
    page = render(
        "capa_report.html",
        language,
        Links(switch="", index=""),
        texts=texts,
        capa=capa,
        goods=goods,
        rounds=rounds,
        end=ends[-1] if ends else None,
        departments=titles,
        day=time.date_of,
    )
    return Answer(page.status, page.body, {**page.headers, "cache-control": "no-store", "vary": "Authorization"})


def _round(capa: CapaOut, number: int) -> _Round:
    tasks = [task for task in capa.actions if task.round == number]
    checks = [check for check in capa.effectiveness_checks if check.round == number]
    return _Round(
        number,
        [analysis for analysis in capa.analyses if analysis.round == number],
        [(texts.KINDS[kind], [task for task in tasks if task.kind is kind]) for kind in _ACTIONS],
        checks[-1] if checks else None,
    )


_ACTIONS = (TaskKind.CORRECTION, TaskKind.CORRECTIVE, TaskKind.PREVENTIVE)
