"""Sending what is due: one message at a time to a channel, any number of workers, no transaction open meanwhile.

A claim notes beforehand what is to be if its worker dies, and keeps the channel to itself for a while: the message is
sent again, with the same reference, so that a double is known as one. Time is the database's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing, KeyRingInvalid
from app.core.db import Database, database_now
from app.core.ids import id_text
from app.core.metrics import NOTICES
from app.models.notices import Notice, NoticeChannel
from app.services.directory import EditionUnavailable, Known
from app.services.notices.courier import Courier, Parcel
from app.services.notices.outcomes import Outcome, Trouble
from app.services.notices.sealing import open_address, open_secret
from app.services.rules.capa import TASK_TITLES, TaskKind
from app.services.rules.clause import Wording
from app.services.rules.notice_wording import ABOUT_CAPA, ABOUT_RETURN, ABOUT_TICKET, Message, NoticeFacts, word_notice
from app.services.rules.notices import PACE, NoticeState, Verdict, retry_after
from app.services.rules.return_requests import DEADLINE_TITLES, DeadlineKind
from app.services.rules.sla import MILESTONE_TITLES, Milestone

_LEASE = timedelta(seconds=30)  # longer than any try
_log = structlog.get_logger("aftersales.notices")


@dataclass(frozen=True, slots=True)
class _Claim:
    notice: Notice
    channel: NoticeChannel


async def send_next(
    db: Database, courier: Courier, keyring: KeyRing, known: Known, *, now: datetime | None = None
) -> int:
    """Send the message that has waited longest for a channel that is free; return how many were sent or tried.

    `now` is the database's clock unless a test sets it.
    """
    async with db.begin() as session:
        claim = await _claim(session, now or await database_now(session))
    if claim is None:
        return 0
    message = _worded(claim.notice, known, courier)
    outcome = await deliver(courier, keyring, claim.channel, message, claim.notice.id)
    async with db.begin() as session:
        await _record(session, claim, outcome, now or await database_now(session))
    return 1


async def _claim(session: AsyncSession, at: datetime) -> _Claim | None:
    """Take a channel that no other worker holds, and the first message that is due on it."""
    first = (
        select(Notice.id, Notice.next_try_at)
        .where(Notice.channel_id == NoticeChannel.id, Notice.next_try_at <= at)
        .order_by(Notice.next_try_at)
        .limit(1)
        .lateral("first")
    )
    free = (
        select(NoticeChannel, first.c.id)
        .join(first, true())
        .where(NoticeChannel.enabled, NoticeChannel.ready_at <= at)
        .order_by(first.c.next_try_at)
        .limit(1)
        .with_for_update(of=NoticeChannel, skip_locked=True)
    )
    taken = (await session.execute(free)).one_or_none()
    if taken is None:
        return None
    channel, notice_id = taken
    still_due = Notice.id == notice_id, Notice.next_try_at <= at  # it may have been sent while we came to the lock
    notice = await session.scalar(select(Notice).where(*still_due))
    if notice is None:
        return None
    channel.ready_at = at + _LEASE
    notice.attempts += 1
    wait = retry_after(notice.attempts)
    notice.state = NoticeState.FAILED if wait is None else NoticeState.WAITING
    notice.next_try_at = None if wait is None else at + wait
    return _Claim(notice, channel)


async def deliver(
    courier: Courier, keyring: KeyRing, channel: NoticeChannel, message: Message, notice_id: UUID
) -> Outcome:
    """Try once to deliver a message to a channel."""
    try:
        address, secret = open_address(channel, keyring), open_secret(channel, keyring)
    except (KeyRingInvalid, InvalidTag):
        return Outcome(Verdict.REFUSED, code=Trouble.SEALED)
    return await courier.send(Parcel(channel.kind, address, secret, message, id_text("ntc", notice_id)))


def _worded(notice: Notice, known: Known, courier: Courier) -> Message:
    data = notice.data
    names = data.get("milestones") or [name for name in [data.get("milestone")] if name]
    milestones = [MILESTONE_TITLES[Milestone(name)] for name in names]
    deadlines = [DEADLINE_TITLES[DeadlineKind(data["deadline"])]] if "deadline" in data else []
    tasks = [TASK_TITLES[TaskKind(data["kind"])]] if notice.capa_id else []
    return word_notice(
        NoticeFacts(
            about=_about(notice),
            number=notice.number,
            business_line=known.by_id[notice.business_line_id].name,
            role=_title(notice, known),
            event=notice.event,
            steps=(*milestones, *deadlines, *tasks),
            percent=data.get("percent"),
            level=data.get("level"),
            due_at=datetime.fromisoformat(data["due_at"]) if "due_at" in data else None,
            occurred_at=notice.occurred_at,
            timezone=known.timekeeping_of(notice.policy_name, notice.policy_version).timezone,
            link=courier.link_to(notice.number) if notice.ticket_id else None,
        )
    )


def _about(notice: Notice) -> Wording:
    if notice.capa_id:
        return ABOUT_CAPA
    return ABOUT_TICKET if notice.ticket_id else ABOUT_RETURN


def _title(notice: Notice, known: Known) -> Wording:
    try:
        return known.edition(notice.policy_name, notice.policy_version).edition.roles[notice.role].title
    except (EditionUnavailable, KeyError):
        return Wording(notice.role, notice.role)


async def _record(session: AsyncSession, claim: _Claim, outcome: Outcome, at: datetime) -> None:
    """Note what became of a try, unless the message was taken up again or dropped meanwhile; and free the channel."""
    notice, channel = claim.notice, claim.channel
    values = _afterwards(notice.attempts, outcome, at)
    ours = Notice.id == notice.id, Notice.attempts == notice.attempts, Notice.state == notice.state
    await session.execute(update(Notice).where(*ours).values(**values))
    free_at = at + max(PACE[channel.kind], outcome.rest)
    await session.execute(update(NoticeChannel).where(NoticeChannel.id == channel.id).values(ready_at=free_at))
    state = values["state"]
    NOTICES.labels(channel.kind, "retried" if state is NoticeState.WAITING else state).inc()
    if state is NoticeState.FAILED:
        _log.warning(
            "notice failed", notice=notice.id.hex, kind=channel.kind, status=outcome.status, code=outcome.code
        )  # fmt: skip


def _afterwards(attempts: int, outcome: Outcome, at: datetime) -> dict[str, Any]:
    said = {"last_status": outcome.status, "last_code": outcome.code, "last_text": outcome.text}
    if outcome.verdict is Verdict.ACCEPTED:
        return said | {"state": NoticeState.SENT, "next_try_at": None, "sent_at": at}
    wait = retry_after(attempts) if outcome.verdict is Verdict.LATER else None
    if wait is None:
        return said | {"state": NoticeState.FAILED, "next_try_at": None}
    return said | {"state": NoticeState.WAITING, "next_try_at": at + max(wait, outcome.rest)}
