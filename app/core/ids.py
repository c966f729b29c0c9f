"""Identifiers: UUIDv7 inside (made here, ordered by time), prefixed opaque strings outside."""

import os
import re
import time
from datetime import datetime
from uuid import UUID

_TEXT = re.compile(r"([a-z]{3})_([0-9a-f]{32})", re.ASCII)


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, the rest random."""
    noise = int.from_bytes(os.urandom(10), "big")
    value = _beginning(time.time_ns() // 1_000_000)
    value |= 0x7 << 76 | (noise >> 68 & 0xFFF) << 64 | 0x2 << 62 | noise & (1 << 62) - 1
    return UUID(int=value)


def first_id(instant: datetime) -> UUID:
    """Return what every id made from an instant on is greater than."""
    return UUID(int=_beginning(int(instant.timestamp() * 1000)))


def _beginning(millis: int) -> int:
    return (millis & (1 << 48) - 1) << 80


def id_text(prefix: str, value: UUID) -> str:
    """Write an id as callers see it, e.g. `tkt_0190…`."""
    return f"{prefix}_{value.hex}"


def id_from(prefix: str, text: str) -> UUID | None:
    """Read an id back; None if it is not one of this kind."""
    match = _TEXT.fullmatch(text)
    return UUID(match[2]) if match and match[1] == prefix else None
