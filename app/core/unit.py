"""The unit of work of a write: one transaction, opened by the use case, with the caller's retry key inside it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.answers import Answer
from app.core.db import Database
from app.core.errors import ServiceError
from app.core.idempotency import Claim


class Unit:
    """A transaction under way. With a key that was used before, `replayed` is the answer it got."""

    def __init__(self, session: AsyncSession, replayed: Answer | None) -> None:
        self.session = session
        self.replayed = replayed
        self.answered: Answer | None = None

    def answer(self, answer: Answer) -> Answer:
        """Fix the answer that is sent, and stored with the change under the caller's key."""
        self.answered = answer
        return answer


@asynccontextmanager
async def unit_of_work(
    db: Database, claim: Claim | None, render: Callable[[ServiceError], Answer]
) -> AsyncIterator[Unit]:
    """Open the transaction of a write. What the block answers is committed with its change, then sent.

    A refusal by a rule (409, …) is stored under the key too, after the change was rolled back: two short
    transactions cost every accepted write nothing, where a savepoint would cost each a round trip.
    """
    try:
        async with db.begin() as session:
            unit = Unit(session, await claim.take(session) if claim else None)
            yield unit
            if claim and unit.replayed is None and unit.answered is not None:
                await claim.settle(session, unit.answered)
    except ServiceError as refusal:
        if claim and refusal.by_rule:
            await _keep(db, claim, render(refusal))
        raise


async def _keep(db: Database, claim: Claim, refusal: Answer) -> None:
    async with db.begin() as session:
        if await claim.take(session) is None:
            await claim.settle(session, refusal)
