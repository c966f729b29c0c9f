"""A signed-in browser: a cookie that names a key and an end, signed by the key ring. Nothing is kept on the server.

The cookie opens no more than its key does, and nothing once the key is revoked: the key is looked up each time.
"""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.core.crypto import KeyRing

COOKIE: Final = "aftersales_session"
LIFETIME: Final = timedelta(hours=12)
_PURPOSE: Final = "session"
_LENGTH: Final = 16 + 8 + 16  # key, end, signature


def session_for(key_id: UUID, now: datetime, keyring: KeyRing) -> str:
    """Return a cookie's value, good for twelve hours."""
    message = key_id.bytes + int((now + LIFETIME).timestamp()).to_bytes(8, "big")
    return base64.urlsafe_b64encode(message + keyring.sign(_PURPOSE, message)).decode().rstrip("=")


def key_of(session: str, now: datetime, keyring: KeyRing) -> UUID | None:
    """Return the key a cookie stands for; None if it is not ours or its time is over."""
    try:
        raw = base64.b64decode(session + "=" * (-len(session) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    message, signature = raw[:24], raw[24:]
    if len(raw) != _LENGTH or not keyring.signed(_PURPOSE, message, signature):
        return None
    return UUID(bytes=message[:16]) if int.from_bytes(message[16:], "big") > now.timestamp() else None


def cookie(value: str, *, secure: bool) -> str:
    """Return the header that sets the cookie, or with an empty value takes it away."""
    age = int(LIFETIME.total_seconds()) if value else 0
    return f"{COOKIE}={value}; Path=/reports; Max-Age={age}; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")
