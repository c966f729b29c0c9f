"""What a new database begins with: a business line for every shipped policy, and one key that may do everything."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.auth import ApiKey, issue_key
from app.core.call import EVERYTHING
from app.core.db import Database
from app.core.ids import new_id
from app.core.personal import Tier
from app.models.business_lines import BusinessLine
from app.services.policy_book import PolicyBook

ADMINISTRATOR = "administrator"
_RATE_FACTOR = 1000  # who installs the service may fill it and try its speed; what programs use are keys of their own

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('aftersales.first_start'))")


async def prepare(db: Database, book: PolicyBook, now: datetime, *, keep: Callable[[str], None]) -> str | None:
    """Give a database what it begins with, as far as it is not there; return the administrator key if it is new.

    `keep` gets the key before it is valid: a crash in between leaves a key that opens nothing, and the next start
    makes another, where the other order would lose the only one.
    """
    async with db.begin() as session:
        await session.execute(_ONE_AT_A_TIME)
        await add_shipped_lines(session, book, now)
        key = await issue_first_key(session, now)
        if key is not None:
            keep(key)
    return key


async def add_shipped_lines(session: AsyncSession, book: PolicyBook, now: datetime) -> list[str]:
    """Add a line, named as its policy, for every policy that has none yet; return the names of the new ones."""
    present = set(await session.scalars(select(BusinessLine.name)))
    missing = [name for name in book.names() if name not in present]
    session.add_all(BusinessLine(id=new_id(), name=name, policy=name, created_at=now) for name in missing)
    await session.flush()
    return missing


async def issue_first_key(session: AsyncSession, now: datetime) -> str | None:
    """Return a new administrator key if the database has no key at all, else None."""
    if await session.scalar(select(ApiKey.id).limit(1)) is not None:
        return None
    return issue_key(
        session, name=ADMINISTRATOR, scopes=[EVERYTHING], business_lines=[EVERYTHING], tier=Tier.GENERAL, now=now,
        rate_factor=_RATE_FACTOR,
    )  # fmt: skip
