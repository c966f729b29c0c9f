"""经营线: listed, and added under a policy that exists."""

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database
from app.core.ids import new_id
from app.models.business_lines import BusinessLine
from app.models.policies import PolicyEdition
from app.services.policy_book import PolicyBook

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


async def list_lines(db: Database) -> Sequence[BusinessLine]:
    """Return all lines by name."""
    async with db.begin() as session:
        return (await session.scalars(select(BusinessLine).order_by(BusinessLine.name))).all()


async def line_id(db: Database, name: str) -> UUID | None:
    async with db.begin() as session:
        return await session.scalar(select(BusinessLine.id).where(BusinessLine.name == name))


async def add_line(db: Database, book: PolicyBook, name: str, *, policy: str, now: datetime) -> None:
    """Add a line under a shipped policy, or one the company has registered itself.

    Raises: ValueError if the name is taken or not a name, or there is no such policy.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is no name: a-z, 0-9 and _, at most 40, a letter first")
    async with db.begin() as session:
        known = {*book.names(), *await session.scalars(select(PolicyEdition.name))}
        if policy not in known:
            raise ValueError(f"no policy {policy!r}; known are {', '.join(sorted(known))}")
        if await session.scalar(select(BusinessLine.id).where(BusinessLine.name == name)) is not None:
            raise ValueError(f"the line {name!r} exists already")
        session.add(BusinessLine(id=new_id(), name=name, policy=policy, created_at=now))
