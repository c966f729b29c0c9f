"""Counts that all processes share, kept in the database: requests within a minute, attempts that failed within a day.

Names are kept as keyed hashes, so that a dump tells neither addresses nor what was guessed. Windows are judged by the
database's clock. Without the database nothing is allowed: who is limited gets a 503.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from sqlalchemy import Integer, LargeBinary, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import KeyRing
from app.core.db import Base, Database
from app.core.errors import RateLimited

_MINUTE: Final = 60
_DAY: Final = 86_400
_V6_HOME: Final = 64  # the bits that one household or server has to itself


class Counter(Base):
    """How often something happened within a window that ends at `ends_at`."""

    __tablename__ = "counter"

    name: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    ends_at: Mapped[datetime]


class _Window(NamedTuple):
    hits: int
    seconds_left: float


# A row that is full is left alone: a flood beyond the limit writes nothing.
_HIT = text("""
    INSERT INTO counter AS kept (name, count, ends_at) VALUES (:name, 1, now() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE SET
        count = CASE WHEN kept.ends_at <= now() THEN 1 ELSE kept.count + 1 END,
        ends_at = CASE WHEN :prolonged OR kept.ends_at <= now() THEN excluded.ends_at ELSE kept.ends_at END
    WHERE kept.ends_at <= now() OR kept.count < :most
    RETURNING kept.count, extract(epoch FROM kept.ends_at - now())::float
""")
_QUICK = text("SET LOCAL synchronous_commit = off")  # a count that a crash loses harms nobody


async def _hit(session: AsyncSession, name: bytes, most: int, *, seconds: int, prolonged: bool) -> _Window | None:
    """Count once more and hold the row until the transaction ends; None if it is full."""
    given = {"name": name, "most": most, "seconds": seconds, "prolonged": prolonged}
    row = (await session.execute(_HIT, given)).one_or_none()
    return None if row is None else _Window(*row)


async def _look(session: AsyncSession, name: bytes) -> _Window:
    left = func.extract("epoch", Counter.ends_at - func.now())
    row = (await session.execute(select(Counter.count, left).where(Counter.name == name))).one_or_none()
    return _Window(0, 0.0) if row is None or row[1] <= 0 else _Window(row[0], float(row[1]))


async def forget_counts(session: AsyncSession, now: datetime) -> None:
    """Delete the counts whose windows are over."""
    await session.execute(delete(Counter).where(Counter.ends_at <= now))


class Failures:
    """Attempts that failed, by name: so many, and no more until none has failed for a day.

    As each failure prolongs the window, no 24 hours ever hold more of them.
    """

    def __init__(self, most: int, keyring: KeyRing) -> None:
        self._most, self._keyring = most, keyring

    async def begin(self, session: AsyncSession, *name: str) -> bool:
        """Count an attempt as failed beforehand, so that those made at once are counted one by one.

        False if there have been too many; an attempt is then no more than that.
        """
        hit = await _hit(session, self._key(name), self._most, seconds=_DAY, prolonged=True)
        return hit is not None

    async def succeed(self, session: AsyncSession, *name: str) -> None:
        """Take back the failure that `begin` counted in this transaction."""
        mine = update(Counter).where(Counter.name == self._key(name))
        await session.execute(mine.values(count=Counter.count - 1))

    def _key(self, name: tuple[str, ...]) -> bytes:
        return self._keyring.lookup("failures", "\0".join(name))


@dataclass(frozen=True, slots=True)
class _Policy:
    name: str
    most: int


class BrowserLimits:
    """How often an address, and a browser key, may ask within a minute that begins with a request."""

    def __init__(self, db: Database, keyring: KeyRing, *, key: int, address: int) -> None:
        self._db, self._keyring = db, keyring
        # The address first: what it is refused for costs nobody else's share of the key.
        self._policies = (_Policy("address", address), _Policy("key", key))

    async def take(self, key: str, address: str) -> Mapping[str, str]:
        """Count a request; return the headers that say what is left.

        Raises: RateLimited, with the same headers and `Retry-After`; DatabaseUnavailable, ServerBusy.
        """
        names = {"key": key, "address": _partition(address)}
        windows: dict[str, _Window] = {}
        violated = None
        async with self._db.begin() as session:
            await session.execute(_QUICK)
            for policy in self._policies:
                name = self._keyring.lookup(f"limit-{policy.name}", names[policy.name])
                hit = None
                if violated is None:
                    hit = await _hit(session, name, policy.most, seconds=_MINUTE, prolonged=False)
                    violated = policy.name if hit is None else None
                windows[policy.name] = hit or await _look(session, name)
        headers = self._headers(windows)
        if violated is not None:
            after = math.ceil(_reset(windows[violated]) * random.uniform(1.0, 1.2))  # noqa: S311 — spreads the tries
            raise RateLimited(headers=headers | {"retry-after": str(after)}, members={"violated_policies": [violated]})
        return headers

    def _headers(self, windows: Mapping[str, _Window]) -> dict[str, str]:
        stated = [f'"{policy.name}";q={policy.most};w={_MINUTE}' for policy in self._policies]
        left = [
            f'"{policy.name}";r={max(policy.most - windows[policy.name].hits, 0)};t={_reset(windows[policy.name])}'
            for policy in self._policies
        ]
        return {"ratelimit-policy": ", ".join(stated), "ratelimit": ", ".join(left)}


def _reset(window: _Window) -> int:
    return max(1, math.ceil(window.seconds_left))


def _partition(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, _V6_HOME), strict=False)) if isinstance(parsed, IPv6Address) else address
