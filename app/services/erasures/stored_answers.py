"""Answers that are kept for repeated requests, and may show a person: sealed, so each has to be opened to be found."""

import re
from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import PROBLEM_JSON
from app.core.crypto import KeyRing, KeyRingInvalid
from app.core.errors import ServiceError
from app.core.idempotency import IdempotencyRecord
from app.core.language import Language, Text

_PLACE: Final = "idempotency_record.answer"
_PAGE: Final = 1000
_NAME: Final = re.compile(r"[a-z]{3}_[0-9a-f]{32}|[A-Z]{2}-[0-9]{8}-[0-9]{6}", re.ASCII)


class PersonErased(ServiceError):
    """What was answered to this request showed a person who has been erased since."""

    status, code = 410, "person_erased"
    title = Text(
        "该请求已处理过，其结果所涉个人信息已应法律要求删除",
        "This request was carried out before; the person its answer was about has been erased since",
    )


async def erase_answers(session: AsyncSession, keyring: KeyRing, shown: Collection[str]) -> int:
    """Put a plain 410 in place of stored answers that name one of these ids or numbers; return how many did.

    The keys stay taken: a repeated request is not carried out anew.
    """
    wanted, found, after = frozenset(shown), 0, UUID(int=0)
    while wanted:
        page = select(IdempotencyRecord.id, IdempotencyRecord.answer).where(IdempotencyRecord.id > after)
        rows = (await session.execute(page.order_by(IdempotencyRecord.id).limit(_PAGE))).all()
        if not rows:
            break
        after = rows[-1].id
        for row in rows:
            answer = _opened(keyring, row.id, row.answer)
            if not wanted.isdisjoint(_NAME.findall(answer["body"])):
                sealed = keyring.seal(_instead(answer), place=_PLACE, row=row.id)
                mine = update(IdempotencyRecord).where(IdempotencyRecord.id == row.id)
                await session.execute(mine.values(answer=sealed))
                found += 1
    return found


def _opened(keyring: KeyRing, record: UUID, sealed: bytes | None) -> dict[str, Any]:
    """Return a stored answer; an empty one where nobody can read it any more."""
    try:
        return {"body": ""} if sealed is None else keyring.open(sealed, place=_PLACE, row=record)
    except (KeyRingInvalid, InvalidTag):
        return {"body": ""}


def _instead(answer: dict[str, Any]) -> dict[str, Any]:
    language: Language = "en" if answer["headers"].get("content-language") == "en" else "zh"
    body = PersonErased().rendered(language, instance="", request_id="")
    return {
        "status": PersonErased.status,
        "headers": {"content-type": PROBLEM_JSON, "content-language": language},
        "body": body.decode(),
    }
