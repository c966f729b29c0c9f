"""What a seal holds of a row, and how seals hang together."""

import hmac
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID

BEGINNING = bytes(32)  # what the first link of a line hangs on
ERASURE = "erasure"  # the kind of a seal that says a row's text was erased

# A row as JSON, in PostgreSQL's own order of keys, without what an erasure may remove: the words, which in a timeline
# entry stand in the text and in what the data say was so before. Columns that are null do not count, so that a nullable
# column added later leaves older seals valid.
# Join it laterally and with LIMIT 1: else the digest of every row there is may be made, and joined to the few wanted.
RECORDS = """
    SELECT records.*, sha256(convert_to((
        SELECT jsonb_object_agg(key, value) FROM jsonb_each(fixed) WHERE value <> 'null')::text, 'UTF8')) AS digest
    FROM (SELECT 'timeline_entry' AS kind, id,
              to_jsonb(t) - 'text' || jsonb_build_object('data', data - '{before,call}'::text[]) AS fixed,
              CASE WHEN text IS NOT NULL OR data ?| '{before,call}'::text[]
              THEN concat(text, data -> 'before', data -> 'call') END AS words FROM timeline_entry t
          UNION ALL
          SELECT 'access_log', id, to_jsonb(a) - 'purpose', purpose FROM access_log a) AS records
"""


class Link(Protocol):
    """What the chain hash of a seal covers."""

    @property
    def business_line_id(self) -> UUID: ...
    @property
    def position(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def row_id(self) -> UUID: ...
    @property
    def digest(self) -> bytes | None: ...
    @property
    def text_digest(self) -> bytes | None: ...
    @property
    def sealed_at(self) -> datetime: ...


def chained(before: bytes, link: Link) -> bytes:
    """Return the chain hash of a link that follows the one with the hash `before`."""
    at = link.sealed_at.astimezone(UTC).isoformat(timespec="microseconds")
    place = f"{link.business_line_id}/{link.position}/{link.kind}/{link.row_id}/{at}"
    return sha256(_framed([before, place.encode(), link.digest, link.text_digest])).digest()


def salted(words: str | None) -> tuple[bytes | None, bytes | None]:
    """Return a fresh salt and the digest of a text under it.

    The salt goes when the text is erased; what remains tells nothing of the text, not even to who tries all phones.
    """
    if words is None:
        return None, None
    salt = os.urandom(16)
    return salt, sha256(salt + words.encode()).digest()


def is_text_of(words: str, salt: bytes | None, text_digest: bytes | None) -> bool:
    """Tell whether a text is the one that was sealed."""
    if salt is None or text_digest is None:
        return False
    return hmac.compare_digest(sha256(salt + words.encode()).digest(), text_digest)


def _framed(parts: Sequence[bytes | None]) -> bytes:
    """Join parts so that no two sequences give the same bytes."""
    return b"".join(b"-" if part is None else len(part).to_bytes(4, "big") + part for part in parts)
