"""Rate limits, counted in each process for itself: several processes allow as many times the limit."""

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from app.core.errors import RateLimited

_V6_HOME = 64  # the bits that one household or server has to itself


class Failures:
    """Counts what went wrong by name, up to a number a day."""

    def __init__(self, most_a_day: int) -> None:
        self._limit = RateLimitItemPerDay(most_a_day)
        self._counted = FixedWindowRateLimiter(MemoryStorage())

    def may_try(self, *name: str) -> bool:
        return self._counted.test(self._limit, *name)

    def count(self, *name: str) -> None:
        self._counted.hit(self._limit, *name)


@dataclass(frozen=True, slots=True)
class _Policy:
    name: str
    limit: RateLimitItem


class BrowserLimits:
    """How often a browser key, and an address, may ask within a minute."""

    def __init__(self, *, key: int, address: int) -> None:
        self._policies = (
            _Policy("key", RateLimitItemPerMinute(key)),
            _Policy("address", RateLimitItemPerMinute(address)),
        )
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def take(self, key: str, address: str) -> Mapping[str, str]:
        """Count a request; return the headers that say what is left.

        Raises: RateLimited, with the same headers and `Retry-After`.
        """
        names = {"key": key, "address": _partition(address)}
        # Both are looked at before either is counted: what is refused costs nobody else's share.
        violated = [policy.name for policy in self._policies if not self._window.test(policy.limit, names[policy.name])]
        if not violated:
            for policy in self._policies:
                self._window.hit(policy.limit, names[policy.name])
        headers = self._headers(names)
        if violated:
            longest = max(self._reset(policy, names) for policy in self._policies if policy.name in violated)
            after = math.ceil(longest * random.uniform(1.0, 1.2))  # noqa: S311 — only spreads the next tries
            raise RateLimited(headers=headers | {"retry-after": str(after)}, members={"violated_policies": violated})
        return headers

    def _headers(self, names: Mapping[str, str]) -> dict[str, str]:
        stated, left = [], []
        for policy in self._policies:
            stated.append(f'"{policy.name}";q={policy.limit.amount};w={policy.limit.get_expiry()}')
            remaining = self._window.get_window_stats(policy.limit, names[policy.name]).remaining
            left.append(f'"{policy.name}";r={remaining};t={self._reset(policy, names)}')
        return {"ratelimit-policy": ", ".join(stated), "ratelimit": ", ".join(left)}

    def _reset(self, policy: _Policy, names: Mapping[str, str]) -> int:
        reset = self._window.get_window_stats(policy.limit, names[policy.name]).reset_time
        return max(1, math.ceil(reset - time.time()))


def _partition(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, _V6_HOME), strict=False)) if isinstance(parsed, IPv6Address) else address
