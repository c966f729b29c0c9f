"""Carries out erasures, a batch of tickets at a time, each in one transaction; what broke off is found again."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.blobs import Blobs
from app.core.crypto import KeyRing
from app.core.db import Database, database_now
from app.core.ids import id_text, new_id
from app.core.outbox import Event
from app.models.access_log import AccessLog
from app.models.attachments import Attachment
from app.models.complaint_reports import ComplaintReport
from app.models.customers import Customer
from app.models.erasures import Erasure
from app.models.purchases import Purchase
from app.models.responsibility import Inspection, Responsibility
from app.models.return_requests import ReturnLine, ReturnRequest
from app.models.surveys import Survey, SurveyLetter
from app.models.tickets import Ticket, TimelineEntry
from app.models.warranty import WarrantyCard
from app.services.audit.sealing import erase_audit_texts
from app.services.erasures import ledger
from app.services.erasures.persons import Person, find_person
from app.services.erasures.places import (
    ERASED,
    OF_ATTACHMENTS,
    OF_CARDS,
    OF_REPORTS,
    OF_RETURNS,
    OF_SURVEY_EVENTS,
    OF_SURVEYS,
    OF_TICKETS,
    Place,
)
from app.services.erasures.stored_answers import erase_answers
from app.services.rules.erasures import ErasureState, kept_until
from app.services.rules.notices import NoticeState
from app.services.rules.surveys import SurveyState
from app.services.tickets.records import timeline_row

_OfTicket = TimelineEntry | Inspection | Responsibility | ReturnRequest | Survey | ComplaintReport
_BATCH: Final = 200  # tickets
_EXPIRED: Final = 500  # purchases
_LOCAL: Final = ZoneInfo("Asia/Shanghai")
_PARCEL: Final = ("tracking_no", "carrier")


async def erase_next(db: Database, keyring: KeyRing, blobs: Blobs, now: datetime | None = None) -> int:
    """Do the next piece of the oldest erasure that is not done; return how many there were to do, 1 or 0.

    Raises: FilesUnavailable while the ledger cannot be written: nothing is erased before it is.
    """
    async with db.begin() as session:
        at = now or await database_now(session)
        waiting = select(Erasure).where(Erasure.completed_at.is_(None)).order_by(Erasure.accepted_at, Erasure.id)
        erasure = await session.scalar(waiting.limit(1).with_for_update(skip_locked=True))
        if erasure is None:
            return await _erase_expired_purchases(session, at)
        if erasure.state is ErasureState.ACCEPTED:
            await ledger.enter(blobs, keyring, erasure)
            erasure.state = ErasureState.RUNNING
        stray = await _piece(session, keyring, erasure, at)
    for name in stray:  # if this fails, `sweep_blobs` finds them
        await blobs.delete(name)
    return 1


async def erase_again(db: Database, keyring: KeyRing, blobs: Blobs) -> int:
    """After a restore, make every erasure again that the ledger knows and the database does not; return how many.

    Raises: FilesUnavailable; KeyRingInvalid.
    """
    async with db.begin() as session:
        brought = await ledger.bring_back(session, blobs, keyring)
    while await erase_next(db, keyring, blobs):
        pass
    return brought


async def _piece(session: AsyncSession, keyring: KeyRing, erasure: Erasure, at: datetime) -> list[str]:
    """Erase the next batch of tickets, or, after the last, all the rest; return the blobs that nothing has any more."""
    person = await find_person(session, keyring, erasure.business_line_id, erasure.person_hashes, erasure.accepted_at)
    chosen = select(Ticket).where(person.tickets).order_by(Ticket.id).limit(_BATCH).with_for_update()
    tickets = (await session.scalars(chosen)).all()
    done: Counter[str] = Counter(erasure.counts)
    if tickets:
        stray = await _erase_tickets(session, keyring, erasure, tickets, done, at)
    else:
        stray = []
        await _erase_rest(session, keyring, erasure, person, done, at)
        _finish(session, erasure, done, at)
    erasure.counts = dict(done)
    return stray


async def _erase_tickets(
    session: AsyncSession, keyring: KeyRing, erasure: Erasure, tickets: Sequence[Ticket], done: Counter[str],
    at: datetime,
) -> list[str]:  # fmt: skip
    ids = [ticket.id for ticket in tickets]
    done["tickets"] += len(ids)
    blobs = await _erase_attachments(session, ids, at)
    done["attachments"] += len(blobs)
    returns = await _of_tickets(session, ReturnRequest, ids)
    done["return_requests"] += await _erase_returns(session, returns)
    surveys = await _of_tickets(session, Survey, ids)
    done["surveys"] += await _erase_surveys(session, surveys, at)
    for place in OF_TICKETS:
        await _overwrite(session, place, ids)
    await session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(updated_at=at))
    await _overwrite(session, OF_REPORTS, await _of_tickets(session, ComplaintReport, ids))
    shown = [*_shown("tkt", ids), *_shown("ret", returns), *_shown("srv", surveys)]
    entered = await _of_tickets(session, TimelineEntry, ids)
    shown += [ticket.number for ticket in tickets] + _shown("tle", entered)
    shown += _shown("ins", await _of_tickets(session, Inspection, ids))
    shown += _shown("rsp", await _of_tickets(session, Responsibility, ids))
    done["stored_answers"] += await erase_answers(session, keyring, shown)
    told = {"erasure_id": id_text("era", erasure.id)}
    session.add_all(
        timeline_row(ticket, "personal_data_erased", at=at, request_id=_request_of(erasure), data=told)
        for ticket in tickets
    )
    await session.flush()
    await erase_audit_texts(session, "timeline_entry", entered)
    await _erase_purposes(session, [*_shown("tickets/tkt", ids), *_shown("returns/ret", returns)])
    return blobs


async def _erase_rest(
    session: AsyncSession, keyring: KeyRing, erasure: Erasure, person: Person, done: Counter[str], at: datetime
) -> None:
    """Erase surveys of campaigns and the customer on file; free the purchases of them."""
    surveys = list(await session.scalars(select(Survey.id).where(person.surveys)))
    done["surveys"] += await _erase_surveys(session, surveys, at)
    customers = list(await session.scalars(select(Customer.id).where(person.customers).with_for_update()))
    purchases = (await session.scalars(select(Purchase).where(Purchase.customer_id.in_(customers)))).all()
    bought = [purchase.id for purchase in purchases]
    of_purchases = select(ReturnLine.return_request_id).where(ReturnLine.purchase_id.in_(bought))
    returns = list(await session.scalars(select(ReturnRequest.id).where(ReturnRequest.id.in_(of_purchases))))
    done["return_requests"] += await _erase_returns(session, returns)
    cards = list(await session.scalars(select(WarrantyCard.id).where(WarrantyCard.purchase_id.in_(bought))))
    await _overwrite(session, OF_CARDS, cards)
    for purchase in purchases:
        _free(purchase, erasure, at)
    done["purchases"] += len(purchases)
    await session.flush()
    await session.execute(delete(Customer).where(Customer.id.in_(customers)))
    done["customers"] += len(customers)
    shown = [*_shown("cus", customers), *_shown("pur", bought), *_shown("wty", cards)]
    shown += [*_shown("ret", returns), *_shown("srv", surveys)]
    done["stored_answers"] += await erase_answers(session, keyring, shown)
    await _erase_purposes(session, [*_shown("customers/cus", customers), *_shown("returns/ret", returns)])


async def _of_tickets(session: AsyncSession, kind: type[_OfTicket], tickets: Sequence[UUID]) -> list[UUID]:
    return list(await session.scalars(select(kind.id).where(kind.ticket_id.in_(tickets))))


def _finish(session: AsyncSession, erasure: Erasure, done: Counter[str], at: datetime) -> None:
    erasure.state, erasure.completed_at = ErasureState.DONE, at
    shown = id_text("era", erasure.id)
    session.add(
        Event(
            position=None, id=new_id(), business_line_id=erasure.business_line_id, type="person.erased",
            subject=f"erasures/{shown}", sequence=1, request_id=_request_of(erasure), occurred_at=at,
            data={"erasure_id": shown, "ground": erasure.ground, "counts": dict(done)},
        )
    )  # fmt: skip


async def _erase_attachments(session: AsyncSession, tickets: Sequence[UUID], at: datetime) -> list[str]:
    """Take names, blobs and words from attachments; return the blobs."""
    there = Attachment.ticket_id.in_(tickets), Attachment.blob.is_not(None)
    blobs = list(await session.scalars(select(Attachment.blob).where(*there).with_for_update()))
    removed_at = func.coalesce(Attachment.removed_at, at)
    gone = update(Attachment).where(Attachment.ticket_id.in_(tickets)).values(dict(OF_ATTACHMENTS.leaves))
    await session.execute(gone.values(removed_at=removed_at))
    return [blob for blob in blobs if blob is not None]


async def _erase_returns(session: AsyncSession, returns: Sequence[UUID]) -> int:
    await _overwrite(session, OF_RETURNS, returns)
    chosen = select(ReturnRequest).where(ReturnRequest.id.in_(returns)).with_for_update()
    for request in await session.scalars(chosen):
        request.history = [
            step | {
                "text": step["text"] and ERASED,
                "data": {name: value for name, value in step["data"].items() if name not in _PARCEL},
            }
            for step in request.history
        ]  # fmt: skip
        request.version += 1
    return len(returns)


async def _erase_surveys(session: AsyncSession, surveys: Sequence[UUID], at: datetime) -> int:
    """Erase contact and comment; links that were open lead nowhere, and letters stay unsent. Scores stay."""
    await _overwrite(session, OF_SURVEYS, surveys)
    await _overwrite(session, OF_SURVEY_EVENTS, _shown("surveys/srv", surveys))
    mine = Survey.id.in_(surveys)
    asked = update(Survey).where(mine, Survey.state.in_([SurveyState.QUEUED, SurveyState.INVITED]))
    await session.execute(asked.values(state=SurveyState.EXPIRED))
    soonest = func.least(func.coalesce(Survey.expires_at, at), at)
    await session.execute(update(Survey).where(mine).values(expires_at=soonest, updated_at=at))
    letters = update(SurveyLetter).where(SurveyLetter.survey_id.in_(surveys), SurveyLetter.next_try_at.is_not(None))
    await session.execute(letters.values(state=NoticeState.DROPPED, next_try_at=None))
    return len(surveys)


def _free(purchase: Purchase, erasure: Erasure, at: datetime) -> None:
    """Part a purchase from its customer; its record goes with it, or later where the law has it kept."""
    completed = (purchase.delivered_at or purchase.created_at).astimezone(_LOCAL).date()
    until = kept_until(completed if purchase.delivered_at else purchase.purchased_on or completed)
    purchase.customer_id = None
    purchase.version += 1
    if until <= at.astimezone(_LOCAL).date():
        _forget(purchase)
        return
    purchase.erase_on = until
    erasure.purchases_kept += 1
    erasure.kept_until = max(until, erasure.kept_until or date.min)


def _forget(purchase: Purchase) -> None:
    purchase.order_no, purchase.serial_no, purchase.erase_on = f"erased-{purchase.id.hex}", None, None


async def _erase_expired_purchases(session: AsyncSession, at: datetime) -> int:
    """Erase the numbers of purchases whose customer was erased before, and whose time is over now."""
    over = Purchase.erase_on <= at.astimezone(_LOCAL).date()
    due = (await session.scalars(select(Purchase).where(over).limit(_EXPIRED).with_for_update(skip_locked=True))).all()
    for purchase in due:
        _forget(purchase)
        purchase.version += 1
    return len(due)


async def _erase_purposes(session: AsyncSession, subjects: Sequence[str]) -> None:
    """Take what somebody wrote down as the purpose of a look out of the access log: who looked at what stays."""
    looks = select(AccessLog.id).where(AccessLog.subject.in_(subjects), AccessLog.purpose.is_not(None))
    await erase_audit_texts(session, "access_log", list(await session.scalars(looks)))


async def _overwrite(session: AsyncSession, place: Place, ids: Sequence[UUID] | Sequence[str]) -> None:
    changed = update(place.table).where(place.of.in_(ids)).values(dict(place.leaves))
    await session.execute(changed.execution_options(synchronize_session=False))


def _shown(prefix: str, ids: Sequence[UUID]) -> list[str]:
    return [id_text(prefix, one) for one in ids]


def _request_of(erasure: Erasure) -> str:
    return f"erasure_{erasure.id.hex}"
