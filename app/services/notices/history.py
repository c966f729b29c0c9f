"""What became of notices: listed, and sent again."""

from collections.abc import Sequence

from sqlalchemy import func, select, update

from app.core.answers import Answer
from app.core.db import Database
from app.core.errors import NotFound, ServiceError
from app.core.ids import id_from, id_text
from app.core.language import Text
from app.core.pagination import next_link
from app.models.notices import Notice, NoticeChannel
from app.schemas.fields import Bilingual, EmptyBody
from app.schemas.lists import NoticeFilter
from app.schemas.notices import NoticeList, NoticeOut
from app.services.context import Context
from app.services.listing import latest_first
from app.services.notices.courier import advise
from app.services.rules.notices import NoticeState
from app.services.tickets.loading import find_ticket

_PREFIX = "ntc"
_AS_STORED = (
    "number", "event", "kind", "role", "state", "attempts", "next_try_at", "last_status", "last_code", "last_text",
    "occurred_at", "created_at", "sent_at",
)  # fmt: skip


class NoticeNotFound(NotFound):
    """No such notice, or one of a line the caller does not see."""

    title = Text("未找到该通知", "No such notice")


class ChannelGone(ServiceError):
    """The notice's channel was deleted, so that it cannot be sent again."""

    status, code, by_rule = 409, "notice_channel_gone", True
    title = Text(
        "该通知的渠道已删除，无法重发；新的通知会发往现有渠道",
        "The notice's channel was deleted, so it cannot be sent again; new notices go to the channels there are",
    )


async def list_notices(ctx: Context, wanted: NoticeFilter) -> Answer:
    """Return one page of notices, the latest first.

    Raises: NotFound for a line that is not the caller's, TicketNotFound; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(Notice).where(Notice.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.state:
        chosen = chosen.where(Notice.state.in_(wanted.state))
    if wanted.kind:
        chosen = chosen.where(Notice.kind.in_(wanted.kind))
    async with ctx.db.read() as session:
        if wanted.ticket is not None:
            chosen = chosen.where(Notice.ticket_id == (await find_ticket(session, ctx, wanted.ticket)).id)
        notices, following = await latest_first(ctx, session, chosen, Notice.created_at, wanted=wanted)
    items = [_shown(ctx, notice) for notice in notices]
    page = NoticeList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def resend_notice(ctx: Context, reference: str, body: EmptyBody) -> Answer:
    """Have a notice sent again, with all its tries before it; what was sent before keeps its reference.

    Raises: NoticeNotFound, ChannelGone.
    """
    async with ctx.write(body) as unit:
        notice_id = id_from(_PREFIX, reference)
        ours = Notice.id == notice_id, Notice.business_line_id.in_(ctx.line_ids())
        notice = await unit.session.scalar(select(Notice).where(*ours).with_for_update()) if notice_id else None
        if notice is None:
            raise NoticeNotFound
        if unit.replayed is not None:
            return unit.replayed
        if await unit.session.get(NoticeChannel, notice.channel_id) is None:
            raise ChannelGone
        notice.state, notice.attempts = NoticeState.WAITING, 0
        notice.next_try_at = await unit.session.scalar(select(func.clock_timestamp()))
        await unit.session.flush()
        return unit.answer(Answer.of(200, _shown(ctx, notice)))


def _shown(ctx: Context, notice: Notice) -> NoticeOut:
    advice = advise(notice.kind, notice.last_status, notice.last_code, notice.last_text)
    taken = notice.state is NoticeState.SENT
    return NoticeOut(
        id=id_text(_PREFIX, notice.id),
        business_line=ctx.known.by_id[notice.business_line_id].name,
        ticket_id=notice.ticket_id and id_text("tkt", notice.ticket_id),
        return_id=notice.return_request_id and id_text("ret", notice.return_request_id),
        capa_id=notice.capa_id and id_text("cap", notice.capa_id),
        commitment_id=notice.commitment_id and id_text("cmt", notice.commitment_id),
        channel_id=id_text("nch", notice.channel_id),
        advice=None if advice is None or taken else Bilingual(zh=advice.zh, en=advice.en),
        **{name: getattr(notice, name) for name in _AS_STORED},
    )


async def list_failed(db: Database, *, limit: int = 100) -> Sequence[Notice]:
    """Return the notices that failed, the latest first."""
    found = select(Notice).where(Notice.state == NoticeState.FAILED).order_by(Notice.created_at.desc()).limit(limit)
    async with db.begin() as session:
        return (await session.scalars(found)).all()


async def resend_failed(db: Database) -> int:
    """Have every notice that failed, and whose channel is still there, sent again; return how many there are."""
    channel = select(NoticeChannel.id).where(NoticeChannel.id == Notice.channel_id).exists()
    again = update(Notice).where(Notice.state == NoticeState.FAILED, channel).returning(Notice.id)
    values = {"state": NoticeState.WAITING, "attempts": 0, "next_try_at": func.clock_timestamp()}
    async with db.begin() as session:
        return len((await session.scalars(again.values(**values))).all())
