"""Lists page by page: keyset order, and a cursor that is opaque, signed and bound to its query."""

import base64
import binascii
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app.core.call import Call
from app.core.crypto import KeyRing
from app.core.errors import CursorFilterMismatch, InvalidCursor

LIFETIME = timedelta(hours=24)
_SIGNATURE = 16


class Cursors:
    """Makes and reads the cursors of one query: `query` is everything that must stay the same from page to page.

    A cursor holds a keyed hash of it: what people were searched by cannot be guessed from a cursor.
    """

    def __init__(self, keyring: KeyRing, query: dict[str, Any], *, now: datetime) -> None:
        canonical = json.dumps(query, sort_keys=True, default=str, ensure_ascii=False)
        self._queries = [found.hex()[:16] for found in keyring.lookups("cursor", canonical)]
        self._keyring = keyring
        self._now = int(now.timestamp())

    def issue(self, after: list[str]) -> str:
        """Return the cursor of the page that follows the row with these key values."""
        ends = self._now + int(LIFETIME.total_seconds())
        message = json.dumps([self._queries[0], ends, after], separators=(",", ":")).encode()
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
        try:
            query, ends, after = json.loads(message)
        except (ValueError, TypeError):  # signed by us in another form: that of an earlier release
            raise InvalidCursor from None
        if ends < self._now:
            raise InvalidCursor
        if query not in self._queries:
            raise CursorFilterMismatch
        return [str(value) for value in after]


def next_link(call: Call, cursor: str | None) -> dict[str, str]:
    """Return the `Link` header to the next page (RFC 8288): the same query with its cursor. A search has no address."""
    if cursor is None or call.method != "GET":
        return {}
    kept = [(name, value) for name, value in parse_qsl(call.query, keep_blank_values=True) if name != "cursor"]
    return {"link": f'<{call.path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'}
