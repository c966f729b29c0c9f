"""Who guesses too much: wrong attempts counted by address, in this process, for a minute.

Addresses are kept as hashes under a salt that nobody knows, and forgotten with the process. It is a brake on load, not
what keeps a secret: that is the secret's length.
"""

import os
import time
from collections import Counter
from hashlib import blake2b
from typing import Final

_MOST_KNOWN: Final = 10_000


class GuessLimit:
    def __init__(self, most: int, seconds: float = 60) -> None:
        self._most, self._seconds = most, seconds
        self._salt = os.urandom(16)
        self._wrong: Counter[bytes] = Counter()
        self._since = time.monotonic()

    def too_many(self, address: str) -> bool:
        """Count a wrong attempt; tell whether the address has made more than it may."""
        now = time.monotonic()
        if now - self._since >= self._seconds or len(self._wrong) >= _MOST_KNOWN:
            self._wrong.clear()
            self._since = now
        key = blake2b(address.encode(), key=self._salt, digest_size=16).digest()
        self._wrong[key] += 1
        return self._wrong[key] > self._most
