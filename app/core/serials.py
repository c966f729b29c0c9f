"""Numbers of a sequence, taken from the database some at a time: what is written in one message knows its own."""

import asyncio
from collections import deque

from sqlalchemy import Sequence, func, select

from app.core.db import Database
from app.core.single import Prepared


class Serials:
    """One process's share of a sequence. Those it does not come to use are left out, and two processes' interleave."""

    def __init__(self, sequence: Sequence, *, share: int = 100) -> None:
        each = func.generate_series(1, share).table_valued("each")
        self._take = Prepared(select(sequence.next_value().label("serial")).select_from(each))
        self._ahead: deque[int] = deque()
        self._taking: asyncio.Task[None] | None = None

    async def next(self, db: Database) -> int:
        """Return a number that nobody else gets before the sequence begins anew.

        Who finds none left waits for those on their way, and fails with them: asking one after the other while the
        database does not answer, each would wait its whole time after that of all before it.
        Raises: DatabaseUnavailable, ServerBusy.
        """
        while not self._ahead:
            if self._taking is None:
                self._taking = asyncio.create_task(self._take_share(db))
            await asyncio.shield(self._taking)  # for the others, if this one is cancelled
        return self._ahead.popleft()

    async def _take_share(self, db: Database) -> None:
        try:
            self._ahead.extend([row["serial"] for row in await db.fetch(self._take)])
        finally:
            self._taking = None
