"""The business lines and the editions this process knows, read again from the database every two seconds at most.

One request in that time pays for the reading; the others go on with what is there. So an edition registered in one
process is in force in all of them within five seconds.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Select, func, select

from app.core.db import Database
from app.core.errors import ServiceError
from app.core.language import Text
from app.models.business_lines import BusinessLine
from app.models.policies import PolicyEdition
from app.models.service_points import ServicePoint
from app.services.policy_book import EditionRow, Policy, PolicyBook, UnknownPolicy
from app.services.rules.sla import Timekeeping

_FRESH_SECONDS = 2.0
_PATIENCE_SECONDS = 0.25  # a frozen database must not make a request wait twice
_log = structlog.get_logger("aftersales.directory")


@dataclass(frozen=True, slots=True)
class Line:
    """A business line as use cases need it."""

    id: UUID
    name: str
    policy: str


@dataclass(frozen=True, slots=True)
class Known:
    """A consistent view of lines and editions."""

    book: PolicyBook
    by_name: Mapping[str, Line] = field(default_factory=lambda: MappingProxyType({}))
    by_id: Mapping[UUID, Line] = field(default_factory=lambda: MappingProxyType({}))
    networked: frozenset[UUID] = frozenset()  # the lines that have service points

    def policy_on(self, line: Line, instant: datetime) -> Policy:
        """Return the edition in force for a line on the local date of an instant.

        A matter older than the first edition falls under the first edition.
        Raises: EditionUnavailable if the line's policy has no usable edition at all.
        """
        try:
            first = self.book.editions(line.policy)[0]
        except UnknownPolicy:
            raise EditionUnavailable(members={"policy": {"name": line.policy}}) from None
        local = instant.astimezone(ZoneInfo(first.time.timezone)).date()
        return first if local < first.effective_from else self.book.in_force(line.policy, local)

    def edition(self, name: str, version: str) -> Policy:
        """Return the edition a ticket keeps.

        Raises: EditionUnavailable if it can no longer be used: nothing may be decided under another.
        """
        try:
            return self.book.get(name, version)
        except UnknownPolicy:
            raise EditionUnavailable(members={"policy": {"name": name, "version": version}}) from None

    def timekeeping_of(self, name: str, version: str) -> Timekeeping:
        """Return the calendar to show a ticket by: of its edition, or of another while that cannot be used."""
        with suppress(UnknownPolicy):
            return self.book.get(name, version).time
        policies = self.book.policies
        return policies.get(name, next(iter(policies.values())))[0].time


class EditionUnavailable(ServiceError):
    """The policy edition that applies cannot be used: see the log; register a corrected one."""

    status, code, retryable = 503, "policy_unavailable", True
    title = Text(
        "适用的制度版本暂不可用，请联系管理员",
        "The policy edition that applies cannot be used: tell the administrator",
    )


class Directory:
    """Keeps `Known` fresh."""

    def __init__(self, db: Database, shipped: PolicyBook) -> None:
        self._db = db
        self._shipped = shipped
        self._known = Known(shipped)
        self._seen: tuple[int, int, int] | None = None
        self._first = asyncio.Lock()
        self._refreshing: asyncio.Future[None] | None = None
        self._read_at = 0.0

    async def known(self) -> Known:
        """Return what is known, read again if older than two seconds.

        Raises: DatabaseUnavailable only if nothing was ever read: old knowledge serves while the database is away.
        """
        if self._seen is None:
            async with self._first:
                if self._seen is None:
                    await self.refresh()
        elif time.monotonic() - self._read_at >= _FRESH_SECONDS:
            # Not cut short: it goes on beside the requests that no longer wait for it.
            self._refreshing = asyncio.ensure_future(self._refresh_if_possible())
            await asyncio.wait([self._refreshing], timeout=_PATIENCE_SECONDS)
        return self._known

    def expire(self) -> None:
        """Have the next request read all again: this process has changed it."""
        self._seen = None

    async def _refresh_if_possible(self) -> None:
        with suppress(ServiceError):
            await self.refresh()

    async def refresh(self) -> None:
        """Read all again now, if their number changed: no line or edition is edited, and no line loses its points."""
        self._read_at = time.monotonic()
        async with self._db.begin() as session:
            counts = (
                await session.execute(
                    select(
                        select(func.count()).select_from(BusinessLine).scalar_subquery(),
                        select(func.count()).select_from(PolicyEdition).scalar_subquery(),
                        select(func.count()).select_from(_networked().subquery()).scalar_subquery(),
                    )
                )
            ).one()
            seen = counts[0], counts[1], counts[2]
            if seen == self._seen:
                return
            lines = [Line(row.id, row.name, row.policy) for row in await session.scalars(select(BusinessLine))]
            editions = await session.scalars(select(PolicyEdition).order_by(PolicyEdition.registered_at))
            rows = [EditionRow(row.name, row.version, row.effective_from, row.document) for row in editions]
            book = self._shipped.with_editions(rows)
            networked = frozenset(await session.scalars(_networked()))
        for fault in book.faults:
            _log.error("edition skipped", policy=fault.name, version=fault.version, lines=fault.lines)
        self._known = Known(
            book,
            MappingProxyType({line.name: line for line in lines}),
            MappingProxyType({line.id: line for line in lines}),
            networked,
        )
        self._seen = seen


def _networked() -> Select[UUID]:
    """The lines that have service points, at one look into the index for each."""
    return select(BusinessLine.id).where(
        select(ServicePoint.id).where(ServicePoint.business_line_id == BusinessLine.id).exists()
    )
