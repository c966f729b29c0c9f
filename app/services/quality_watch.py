"""质量预警: a worker looks at every batch and model with new complaints, and raises an alert when the rate has risen.

Which complaints count: those about quality (质量异常), as read or as staff confirmed, that were not cancelled. Looking
twice does no harm: the test holds however often one looks, and a subject has one open alert at most.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.models.quality_alerts import QualityAlert, QualityWatch
from app.models.tickets import Ticket
from app.schemas.fields import instant_text
from app.services.rules.classification import ComplaintClass
from app.services.rules.quality_alert import FALSE_ALARM_RATE, RateRise, find_rise
from app.services.rules.tickets import Status

_OVERLAP = timedelta(minutes=1)  # a change may be committed some seconds after its time
_FIRST_LOOK = timedelta(days=3650)
_HIGHEST_RATE = 1e6  # complaints a day: those of one moment have no end of it
_MOST_COMPLAINTS = 2000  # of one subject: the latest
MODEL = Ticket.product["model"].astext
BATCH = Ticket.product["batch"].astext

Subject = tuple[str | None, str | None]  # model, batch


def quality_complaint() -> ColumnElement[bool]:
    """Tell a ticket that counts as a quality complaint."""
    about_quality: ColumnElement[bool] = Ticket.classification["complaint_class"].astext == ComplaintClass.QUALITY
    return about_quality & (Ticket.status != Status.CANCELLED)


async def watch_line(session: AsyncSession, line: UUID, now: datetime) -> int:
    """Look at the subjects with new complaints since the last look; return how many alerts were raised.

    One worker looks at a line at a time; the others pass.
    """
    seen_until = await _take_watch(session, line, now)
    if seen_until is None:
        return 0
    raised = 0
    for subject in await _changed(session, line, seen_until - _OVERLAP):
        complained_at = await _complaints(session, line, subject, now)
        rise = find_rise(complained_at, now)
        if rise is not None:
            raised += await _raise(session, line, subject, rise, now)
    await session.execute(
        insert(QualityWatch)
        .values(business_line_id=line, seen_until=now)
        .on_conflict_do_update(index_elements=["business_line_id"], set_={"seen_until": now})
    )
    return raised


async def _take_watch(session: AsyncSession, line: UUID, now: datetime) -> datetime | None:
    """Return up to when the line was looked at; None if another worker is looking at this moment."""
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"quality watch/{line}", 0))
    if not await session.scalar(select(lock)):
        return None
    seen = await session.scalar(select(QualityWatch.seen_until).where(QualityWatch.business_line_id == line))
    return seen or now - _FIRST_LOOK


async def _changed(session: AsyncSession, line: UUID, since: datetime) -> list[Subject]:
    """The models, and the batches with their model, that tickets changed since then are about."""
    touched = (
        select(MODEL, BATCH)
        .where(Ticket.business_line_id == line, Ticket.updated_at >= since, quality_complaint())
        .distinct()
    )
    pairs = [(model, batch) for model, batch in await session.execute(touched)]
    batches = {(model, batch) for model, batch in pairs if batch}
    models: set[Subject] = {(model, None) for model, _ in pairs if model}
    return sorted(batches | models, key=lambda subject: (subject[0] or "", subject[1] or ""))


async def _complaints(session: AsyncSession, line: UUID, subject: Subject, now: datetime) -> list[datetime]:
    """When the subject was complained about, in order; the latest where they are very many."""
    found = await session.scalars(
        select(Ticket.opened_at)
        .where(Ticket.business_line_id == line, *about(subject), quality_complaint(), Ticket.opened_at <= now)
        .order_by(Ticket.opened_at.desc())
        .limit(_MOST_COMPLAINTS)
    )
    return list(reversed(found.all()))


def about(subject: Subject) -> Sequence[ColumnElement[bool]]:
    """The conditions on a ticket's product that make it one of the subject."""
    model, batch = subject
    same_model = model == MODEL if model is not None else MODEL.is_(None)
    return [same_model] if batch is None else [same_model, batch == BATCH]


async def _raise(session: AsyncSession, line: UUID, subject: Subject, rise: RateRise, now: datetime) -> int:
    """Raise an alert unless the subject has an open one, or one closed since the rise began."""
    model, batch = subject
    same = (
        QualityAlert.business_line_id == line,
        QualityAlert.model.is_not_distinct_from(model),
        QualityAlert.batch.is_not_distinct_from(batch),
    )
    if await session.scalar(select(QualityAlert.id).where(*same, QualityAlert.raised_at >= rise.since).limit(1)):
        return 0
    rate_before, rate_after = rise.rate_before, min(rise.rate_after, _HIGHEST_RATE)
    values = {
        "id": new_id(), "business_line_id": line, "version": 1, "model": model, "batch": batch, "raised_at": now,
        "since": rise.since, "complaints_before": rise.before, "complaints_after": rise.after,
        "rate_before": rate_before, "rate_after": rate_after, "evidence": rise.evidence,
        "false_alarm_rate": FALSE_ALARM_RATE,
    }  # fmt: skip
    added = insert(QualityAlert).values(values).on_conflict_do_nothing().returning(QualityAlert.id)
    alert = await session.scalar(added)
    if alert is None:
        return 0
    data = {
        "model": model, "batch": batch, "since": instant_text(rise.since),
        "complaints_before": rise.before, "complaints_after": rise.after,
        "rate_before": round(rate_before, 4), "rate_after": round(rate_after, 4),
        "false_alarm_rate": FALSE_ALARM_RATE,
    }  # fmt: skip
    session.add(
        Event(
            id=new_id(), position=None, business_line_id=line, type="complaint.quality_alert",
            subject=f"quality-alerts/{id_text('qal', alert)}", sequence=1, data=data, request_id=None, occurred_at=now,
        )
    )  # fmt: skip
    return 1
