"""Safe retries: a key, the change it made and the answer it got are stored together or not at all.

The scope of a key is client, business line, method and route. Kept 72 hours; the stored answer is sealed, since it
may show personal data.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel
from sqlalchemy import CTE, ColumnElement, LargeBinary, bindparam, delete, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert

from app.core.answers import Answer
from app.core.call import Call, Caller
from app.core.crypto import KeyRing
from app.core.db import LOCK_NOT_AVAILABLE, Base, sqlstate
from app.core.errors import IdempotencyInProgress, IdempotencyKeyReused, InvalidIdempotencyKey

KEPT = timedelta(hours=72)
KEY = re.compile(r"[A-Za-z0-9_\-.:]{8,255}", re.ASCII)
_PLACE = "idempotency_record.answer"


class IdempotencyRecord(Base):
    __tablename__ = "idempotency_record"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # made of the scope and the key: see `Claim.of`
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)  # None only inside the transaction that claims it
    expires_at: Mapped[datetime] = mapped_column(index=True)


def read_key(header: str | None) -> str | None:
    """Return the key of an `Idempotency-Key` header, without the quotes that its draft puts around it.

    Raises: InvalidIdempotencyKey.
    """
    if header is None:
        return None
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not KEY.fullmatch(key):
        raise InvalidIdempotencyKey
    return key


_RECORD = Base.metadata.tables[IdempotencyRecord.__tablename__]


def _take(answer: ColumnElement[Any]) -> ReturningInsert[tuple[UUID]]:
    """Write a key that is free; no row comes back where it is not."""
    row = insert(_RECORD).values(
        id=bindparam("key"), fingerprint=bindparam("asked"), answer=answer, expires_at=bindparam("until")
    )
    return row.on_conflict_do_update(
        index_elements=["id"],
        set_={name: row.excluded[name] for name in ("fingerprint", "answer", "expires_at")},
        where=_RECORD.c.expires_at <= bindparam("now"),
    ).returning(_RECORD.c.id)


def answered_claim() -> CTE:
    """A claim for the statement of a change that needs no other, with its answer; no row where the key is not free."""
    return _take(bindparam("given", type_=LargeBinary)).cte("claim")


# Both go with every write: made once, and of the table, which spares them the ORM.
_TAKE = _take(null())
_SETTLE = update(_RECORD).where(_RECORD.c.id == bindparam("key")).values(answer=bindparam("given"))


@dataclass(frozen=True, slots=True)
class Claim:
    """One caller's key for one request: `id` of its scope and name, `fingerprint` of what was asked."""

    id: UUID
    fingerprint: bytes
    now: datetime
    keyring: KeyRing

    @classmethod
    def of(
        cls, call: Call, caller: Caller, body: BaseModel | None, *, line: str, now: datetime, keyring: KeyRing
    ) -> "Claim | None":
        """Return the claim of a request; None if it carries no key."""
        if call.idempotency_key is None:
            return None
        scope = uuid5(caller.client_id, "\n".join((line, call.method, call.route, call.idempotency_key)))
        asked = body.model_dump(mode="json", exclude_unset=True) if body is not None else None
        # A key of the same client that sees less must not be replayed what another of its keys was shown.
        view = [caller.tier, *sorted(caller.business_lines)]
        canonical = orjson.dumps([call.path, view, asked], option=orjson.OPT_SORT_KEYS)
        return cls(scope, sha256(canonical).digest(), now, keyring)

    async def take(self, session: AsyncSession) -> Answer | None:
        """Claim the key inside this transaction; the answer stored under it if there is one.

        A simultaneous repeat waits here for the first one's end, at most the lock time-out.
        Raises: IdempotencyKeyReused, IdempotencyInProgress.
        """
        try:
            if await session.scalar(_TAKE, self._values()) is not None:
                return None
            stored = (await session.execute(select(IdempotencyRecord).where(IdempotencyRecord.id == self.id))).scalar()
        except DBAPIError as error:
            if sqlstate(error) == LOCK_NOT_AVAILABLE:
                raise IdempotencyInProgress(headers={"Retry-After": "1"}) from error
            raise
        if stored is None or stored.answer is None:  # purged between the two statements
            raise IdempotencyInProgress(headers={"Retry-After": "1"})
        if stored.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        return self._opened(stored.answer)

    def taken_with(self, answer: Answer) -> dict[str, Any]:
        """Return the values of `answered_claim`."""
        return self._values() | {"given": self._sealed(answer)}

    def _values(self) -> dict[str, Any]:
        return {"key": self.id, "asked": self.fingerprint, "until": self.now + KEPT, "now": self.now}

    async def settle(self, session: AsyncSession, answer: Answer) -> None:
        """Store the answer under the claimed key, in the transaction of the change."""
        await session.execute(_SETTLE, {"key": self.id, "given": self._sealed(answer)})

    def _sealed(self, answer: Answer) -> bytes:
        document = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body.decode()}
        return self.keyring.seal(document, place=_PLACE, row=self.id)

    def _opened(self, sealed: bytes) -> Answer:
        stored = self.keyring.open(sealed, place=_PLACE, row=self.id)
        headers = {**stored["headers"], "idempotent-replayed": "true"}
        return Answer(stored["status"], stored["body"].encode(), headers)


async def purge_expired(session: AsyncSession, *, now: datetime, limit: int = 1000) -> int:
    """Delete up to `limit` records whose 72 hours are over; return how many went."""
    over = IdempotencyRecord.expires_at <= now
    due = select(IdempotencyRecord.id).where(over).limit(limit).with_for_update(skip_locked=True)
    gone = await session.scalars(
        delete(IdempotencyRecord).where(IdempotencyRecord.id.in_(due), over).returning(IdempotencyRecord.id)
    )
    return len(gone.all())
