"""How often a secret key may ask: limits that all processes share, without a question to the database for each request.

In a new window a process spends a small part by itself; once that is gone it settles it in the database and leases
another. What the processes lease never exceeds the limit. The error is what a process has spent and not settled, or
leased and not spent: at most one part for each process but one.
How many requests a key has under way is counted by each process alone.
"""

import asyncio
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.call import Caller
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.errors import DatabaseUnavailable, RateLimited, ServiceError
from app.core.metrics import LIMITS_ON_CREDIT

_MINUTE: Final = 60
_LEASES: Final = {1: 10, _MINUTE: 30}  # in how many parts a window of so many seconds is leased
_WAIT_SECONDS: Final = 0.25  # for a lease; it lies on top of what the request itself waits for the database
_CREDIT_SECONDS: Final = 1.0
_MOST_KNOWN: Final = 10_000

# A count may exceed what the window holds: who asked for more than was left got the rest of it.
_LEASE = text("""
    INSERT INTO counter AS kept (name, count, ends_at)
    SELECT asked.name, asked.count, now() + make_interval(secs => asked.seconds)
    FROM unnest(CAST(:names AS bytea[]), CAST(:counts AS int[]), CAST(:seconds AS int[]))
             AS asked (name, count, seconds),
         set_config('synchronous_commit', 'off', true) AS quick -- a count that a crash loses harms nobody
    ORDER BY asked.name
    ON CONFLICT (name) DO UPDATE SET
        count = CASE WHEN kept.ends_at <= now() THEN excluded.count ELSE kept.count + excluded.count END,
        ends_at = CASE WHEN kept.ends_at <= now() THEN excluded.ends_at ELSE kept.ends_at END
    RETURNING name, kept.count, extract(epoch FROM kept.ends_at - now())::float
""")


class Limit(NamedTuple):
    """So many requests within so many seconds; the window begins with a request.

    While the database does not answer, a `closed` limit refuses and another allows what one lease would have.
    """

    name: str
    most: int
    seconds: int = _MINUTE
    closed: bool = False

    @property
    def batch(self) -> int:
        return max(1, self.most // _LEASES[self.seconds])


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """What every secret key may do; a key's `rate_factor` multiplies all of it.

    `special` are further limits of single operations, by method and path.
    """

    a_minute: int
    a_second: int
    at_once: int
    special: Mapping[tuple[str, str], Limit]

    def limits(self, operation: tuple[str, str], factor: int) -> tuple[Limit, ...]:
        return _multiplied(self.a_minute, self.a_second, self.special.get(operation), factor)


@cache
def _multiplied(a_minute: int, a_second: int, special: Limit | None, factor: int) -> tuple[Limit, ...]:
    usual = (Limit("default", a_minute), Limit("burst", a_second, 1))
    limits = usual if special is None else (*usual, special)
    return tuple(limit._replace(most=limit.most * factor) for limit in limits)


@dataclass(slots=True)
class _Lease:
    """What this process may still spend of a window, what it has to settle, and what all may still lease."""

    limit: Limit
    name: bytes
    left: int = 0
    owed: int = 0
    rest: int = 0
    ends_at: float = -math.inf  # by the monotonic clock

    def due(self, now: float) -> bool:
        """Begin a new window where the last is over; tell whether more must be leased before anything is spent."""
        if now >= self.ends_at:
            self.left = self.owed = min(self.limit.batch, self.limit.most)
            self.rest = self.limit.most - self.owed
            self.ends_at = now + self.limit.seconds
        return self.left == 0 and self.rest > 0

    def reset(self, now: float) -> int:
        return max(1, math.ceil(self.ends_at - now))

    @property
    def asked(self) -> int:
        return self.owed + self.limit.batch

    def grant(self, asked: int, count: int, seconds_left: float) -> None:
        """Take what was leased of a window in which all together have asked for `count`."""
        beyond = max(0, count - self.limit.most)
        self.left, self.owed = max(0, min(asked, self.limit.batch) - beyond), 0
        self.rest = max(0, self.limit.most - count)
        self.ends_at = time.monotonic() + seconds_left

    def grant_on_credit(self) -> None:
        LIMITS_ON_CREDIT.labels(self.limit.name).inc()
        self.left, self.rest, self.ends_at = self.limit.batch, 0, time.monotonic() + _CREDIT_SECONDS


@dataclass(slots=True)
class _Account:
    """One key in this process."""

    key: UUID
    under_way: int = 0
    leases: dict[str, _Lease] = field(default_factory=dict)
    asking: "asyncio.Task[None] | None" = None


class KeyLedger:
    """What keys may still spend, as far as this process knows."""

    def __init__(self, db: Database, keyring: KeyRing) -> None:
        self._db, self._keyring = db, keyring
        self._accounts: dict[UUID, _Account] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def account(self, key: UUID) -> _Account:
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= _MOST_KNOWN:
                self._accounts = {key: kept for key, kept in self._accounts.items() if kept.under_way}
            account = self._accounts[key] = _Account(key)
        return account

    async def spend(self, account: _Account, limits: tuple[Limit, ...]) -> dict[str, str]:
        """Count a request and return the headers that say what is left.

        Raises: RateLimited; DatabaseUnavailable, ServerBusy where a closed limit cannot be known.
        """
        leases = [self._lease(account, limit) for limit in limits]
        now = time.monotonic()
        while due := [lease for lease in leases if lease.due(now)]:
            await self._renew(account, due)
            now = time.monotonic()
        violated = [lease for lease in leases if lease.left == 0]
        if not violated:
            for lease in leases:
                lease.left -= 1
        left = ", ".join(f'"{each.limit.name}";r={each.left + each.rest};t={each.reset(now)}' for each in leases)
        headers = {"ratelimit-policy": _stated(limits), "ratelimit": left}
        if violated:
            raise _refusal(headers, {lease.limit.name: lease.reset(now) for lease in violated})
        return headers

    async def close(self) -> None:
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _lease(self, account: _Account, limit: Limit) -> _Lease:
        lease = account.leases.get(limit.name)
        if lease is None or lease.limit != limit:
            name = self._keyring.lookup(f"key-limit-{limit.name}", account.key.hex)
            lease = account.leases[limit.name] = _Lease(limit, name)
        return lease

    async def _renew(self, account: _Account, due: Sequence[_Lease]) -> None:
        """Wait for a lease, together with whoever else does.

        Raises: DatabaseUnavailable, ServerBusy if a closed limit is due and no answer comes.
        """
        asking = account.asking
        if asking is None:
            asking = account.asking = asyncio.create_task(self._ask(due))
            self._asking.add(asking)
            asking.add_done_callback(lambda asked: self._asked(account, asked))
        await asyncio.wait({asking}, timeout=_WAIT_SECONDS)
        problem = asking.exception() if asking.done() else DatabaseUnavailable(headers={"retry-after": "1"})
        if problem is None:
            return
        if not isinstance(problem, ServiceError) or any(lease.limit.closed for lease in due):
            raise problem
        for lease in due:
            if lease.left == 0:
                lease.grant_on_credit()

    async def _ask(self, due: Sequence[_Lease]) -> None:
        """Settle and lease; the answer counts also if it comes when nobody waits for it any more."""
        asked = [lease.asked for lease in due]
        given = {
            "names": [lease.name for lease in due],
            "counts": asked,
            "seconds": [lease.limit.seconds for lease in due],
        }
        async with self._db.statement() as session:
            rows = (await session.execute(_LEASE, given)).all()
        found = {name: (count, seconds_left) for name, count, seconds_left in rows}
        for lease, number in zip(due, asked, strict=True):
            lease.grant(number, *found[lease.name])

    def _asked(self, account: _Account, asking: "asyncio.Task[None]") -> None:
        account.asking = None
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # whoever waited has seen it, or had gone on without


@cache
def _stated(limits: tuple[Limit, ...]) -> str:
    return ", ".join(f'"{limit.name}";q={limit.most};w={limit.seconds}' for limit in limits)


def _refusal(headers: Mapping[str, str], violated: Mapping[str, int]) -> RateLimited:
    """Return the 429 for policies that begin anew in so many seconds; the tries after it are spread."""
    after = math.ceil(max(violated.values()) * random.uniform(1.0, 1.2))  # noqa: S311
    return RateLimited(headers={**headers, "retry-after": str(after)}, members={"violated_policies": list(violated)})


class KeyLimits:
    """Hold secret keys to their limits and tell them in headers. It stands behind the body: a slow one is none."""

    def __init__(self, app: ASGIApp, *, ledger: KeyLedger, policy: KeyPolicy) -> None:
        self.app, self._ledger, self._policy = app, ledger, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller: Caller | None = scope["state"].get("caller") if scope["type"] == "http" else None
        if caller is None or caller.origins is not None:  # browser keys have limits of their own
            await self.app(scope, receive, send)
            return
        account = self._ledger.account(caller.key_id)
        if account.under_way >= self._policy.at_once * caller.rate_factor:
            raise _refusal({}, {"concurrent": 1})
        account.under_way += 1
        try:
            limits = self._policy.limits((scope["method"], scope["path"]), caller.rate_factor)
            headers = await self._ledger.spend(account, limits)
            told = [(name.encode(), value.encode()) for name, value in headers.items()]

            async def send_limited(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], *told]
                await send(message)

            await self.app(scope, receive, send_limited)
        finally:
            account.under_way -= 1
