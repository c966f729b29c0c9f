"""Lists page by page: keyset order, and a cursor that is opaque, signed and bound to its query."""

import base64
import binascii
import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from app.core.crypto import KeyRing
from app.core.errors import CursorFilterMismatch, InvalidCursor

LIFETIME = timedelta(hours=24)
_SIGNATURE = 16


class Cursors:
    """Makes and reads the cursors of one query: `query` is everything that must stay the same from page to page."""

    def __init__(self, keyring: KeyRing, query: dict[str, Any], *, now: datetime) -> None:
        canonical = json.dumps(query, sort_keys=True, default=str, ensure_ascii=False)
        self._query = sha256(canonical.encode()).hexdigest()[:16]
        self._keyring = keyring
        self._now = int(now.timestamp())

    def issue(self, after: list[str]) -> str:
        """Return the cursor of the page that follows the row with these key values."""
        ends = self._now + int(LIFETIME.total_seconds())
        message = json.dumps([self._query, ends, after], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._keyring.sign("cursor", message) + message).decode().rstrip("=")

    def read(self, cursor: str) -> list[str]:
        """Return the key values a cursor holds.

        Raises: InvalidCursor if it is not ours or older than 24 hours, CursorFilterMismatch if it is another query's.
        """
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raise InvalidCursor from None
        signature, message = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not self._keyring.signed("cursor", message, signature):
            raise InvalidCursor
        query, ends, after = json.loads(message)
        if ends < self._now:
            raise InvalidCursor
        if query != self._query:
            raise CursorFilterMismatch
        return [str(value) for value in after]
