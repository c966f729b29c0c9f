"""Signatures of messages we send, as Standard Webhooks has them, so that a receiver can use its libraries."""

import base64
import hmac
import os
from collections.abc import Iterable
from hashlib import sha256

_PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """Return a fresh secret: `whsec_` and the base64 of 32 random bytes."""
    return _PREFIX + base64.b64encode(os.urandom(_BYTES)).decode()


def sign(secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header: one signature for each secret, so that any of them verifies."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.digest(key, signed, sha256)).decode()
