"""质量预警: reading the alerts a worker raised, and closing them with what was found."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.conditional import check_version, etag
from app.core.errors import NotFound, ServiceError
from app.core.ids import id_from, id_text
from app.core.language import Text
from app.core.pagination import next_link
from app.core.personal import mask_text
from app.models.quality_alerts import QualityAlert
from app.schemas.fields import Bilingual
from app.schemas.lists import QualityAlertFilter
from app.schemas.quality import CloseAlertIn, QualityAlertList, QualityAlertOut
from app.services.context import Context
from app.services.listing import latest_first

_VIEW = "alert"


class QualityAlertNotFound(NotFound):
    """No such alert, or one of a line the caller does not see."""

    title = Text("未找到该质量预警", "No such quality alert")


class AlertClosed(ServiceError):
    """The alert was closed before."""

    status, code, by_rule = 409, "quality_alert_closed", True
    title = Text("该质量预警已关闭", "The quality alert was closed before")


async def list_alerts(ctx: Context, wanted: QualityAlertFilter) -> Answer:
    """Return the alerts of the caller's lines, the latest first.

    Raises: NotFound for a line that is not the caller's; InvalidCursor, CursorFilterMismatch.
    """
    chosen = select(QualityAlert).where(QualityAlert.business_line_id.in_(ctx.line_ids(wanted.business_line)))
    if wanted.status is not None:
        closed = QualityAlert.closed_at.is_not(None)
        chosen = chosen.where(closed if wanted.status == "closed" else ~closed)
    async with ctx.db.read() as session:
        found, following = await latest_first(ctx, session, chosen, QualityAlert.raised_at, wanted=wanted)
    items = [_shown(ctx, alert) for alert in found]
    page = QualityAlertList(items=items, next_cursor=following, has_more=following is not None)
    return Answer.of(200, page, **next_link(ctx.call, following))


async def get_alert(ctx: Context, reference: str) -> Answer:
    """Raises: QualityAlertNotFound."""
    async with ctx.db.read() as session:
        alert = await find_alert(session, ctx, reference)
        return Answer.of(200, _shown(ctx, alert), etag=etag(alert.version, _VIEW))


async def close_alert(ctx: Context, reference: str, body: CloseAlertIn) -> Answer:
    """Close an alert with its conclusion; a rise that begins later raises a new one.

    Raises: QualityAlertNotFound, AlertClosed, VersionMismatch.
    """
    async with ctx.write(body) as unit:
        if unit.replayed is not None:
            await find_alert(unit.session, ctx, reference)
            return unit.replayed
        alert = await find_alert(unit.session, ctx, reference, lock=True)
        check_version(ctx.call, alert.version, _VIEW)
        if alert.closed_at is not None:
            raise AlertClosed
        alert.closed_at, alert.closed_by, alert.conclusion = ctx.now, body.staff_no, body.conclusion
        alert.version += 1
        await unit.session.flush()
        return unit.answer(Answer.of(200, _shown(ctx, alert), etag=etag(alert.version, _VIEW)))


async def find_alert(session: AsyncSession, ctx: Context, reference: str, *, lock: bool = False) -> QualityAlert:
    """Raises: QualityAlertNotFound, also for an alert of a line the caller does not see."""
    alert_id = id_from("qal", reference)
    if alert_id is None:
        raise QualityAlertNotFound
    wanted = select(QualityAlert).where(QualityAlert.id == alert_id, QualityAlert.business_line_id.in_(ctx.line_ids()))
    alert = await session.scalar(wanted.with_for_update() if lock else wanted)
    if alert is None:
        raise QualityAlertNotFound
    return alert


def _shown(ctx: Context, alert: QualityAlert) -> QualityAlertOut:
    return QualityAlertOut(
        id=id_text("qal", alert.id),
        business_line=ctx.known.by_id[alert.business_line_id].name,
        status="open" if alert.closed_at is None else "closed",
        model=alert.model,
        batch=alert.batch,
        raised_at=alert.raised_at,
        since=alert.since,
        complaints_before=alert.complaints_before,
        complaints_after=alert.complaints_after,
        rate_before=round(alert.rate_before, 4),
        rate_after=round(alert.rate_after, 4),
        false_alarm_rate=alert.false_alarm_rate,
        reason=_reason(alert),
        closed_at=alert.closed_at,
        closed_by=alert.closed_by,
        conclusion=alert.conclusion and mask_text(alert.conclusion),  # a number has no business in it
        version=alert.version,
    )


def _reason(alert: QualityAlert) -> Bilingual:
    before, after, count = f"{alert.rate_before:.2g}", f"{alert.rate_after:.2g}", alert.complaints_after
    return Bilingual(
        zh=f"质量投诉由每天{before}件升至每天{after}件（其后{count}件），超出偶然波动范围",
        en=f"Quality complaints rose from {before} to {after} a day ({count} since then), more than chance explains",
    )
