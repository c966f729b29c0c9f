"""What became of requests for erasure."""

from sqlalchemy import select

from app.core.answers import Answer
from app.core.errors import NotFound
from app.core.ids import id_from, id_text
from app.core.language import Text
from app.core.pagination import next_link
from app.models.erasures import Erasure
from app.schemas.erasures import ErasureCounts, ErasureList, ErasureOut, KeptOut
from app.schemas.fields import Bilingual
from app.schemas.lists import ErasureFilter
from app.services.context import Context
from app.services.listing import latest_first
from app.services.rules.erasures import TRANSACTION_RECORDS


class ErasureNotFound(NotFound):
    """No such erasure, or one of a line the caller does not see."""

    title = Text("未找到该删除记录", "No such erasure")


async def get_erasure(ctx: Context, reference: str) -> Answer:
    """Raises: ErasureNotFound."""
    erasure_id = id_from("era", reference)
    wanted = select(Erasure).where(Erasure.id == erasure_id, Erasure.business_line_id.in_(ctx.line_ids()))
    async with ctx.db.read() as session:
        erasure = await session.scalar(wanted) if erasure_id else None
    if erasure is None:
        raise ErasureNotFound
    return Answer.of(200, shown_erasure(ctx, erasure))


async def list_erasures(ctx: Context, wanted: ErasureFilter) -> Answer:
    """Return the erasures of the caller's lines, the latest accepted first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(Erasure).where(Erasure.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.state:
        chosen = chosen.where(Erasure.state.in_(wanted.state))
    async with ctx.db.read() as session:
        rows, following = await latest_first(ctx, session, chosen, Erasure.accepted_at, wanted=wanted)
    items = [shown_erasure(ctx, row) for row in rows]
    page = ErasureList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


def shown_erasure(ctx: Context, row: Erasure) -> ErasureOut:
    kept = None
    if row.kept_until is not None:
        law = Bilingual(**TRANSACTION_RECORDS.document())
        kept = KeptOut(purchases=row.purchases_kept, until=row.kept_until, law=law)
    return ErasureOut(
        id=id_text("era", row.id), business_line=ctx.known.by_id[row.business_line_id].name,
        counts=ErasureCounts(**row.counts), kept=kept, **{name: getattr(row, name) for name in _AS_STORED},
    )  # fmt: skip


_AS_STORED = (
    "state", "ground", "reference", "staff_no", "received_at", "due_at", "accepted_at", "completed_at",
)  # fmt: skip
