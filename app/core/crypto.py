"""Personal data at rest: AES-256-GCM under a key ring, and keyed hashes to find people by.

A sealed value is `key name, NUL, nonce, ciphertext`, bound to the table, column and row it stands in: moved to
another row it does not open. The first key of the ring seals; every key of the ring opens and is searched under, so
that a new key can be put in front while rows sealed under the old one are still there.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_KEY = 32


class KeyRingInvalid(Exception):
    """The key ring is missing or unreadable."""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    seal: AESGCM
    lookup: bytes
    sign: bytes
    file: bytes


class KeyRing:
    """The deployment's secrets, each derived per purpose from 32 bytes of its own."""

    def __init__(self, secrets: Sequence[tuple[str, bytes]]) -> None:
        if not secrets:
            raise KeyRingInvalid("the key ring is empty")
        self._keys = [
            _Key(name, AESGCM(_derive(secret, "seal")), *(_derive(secret, use) for use in ("lookup", "sign", "file")))
            for name, secret in secrets
        ]
        self._by_name = {key.name: key for key in self._keys}
        if len(self._by_name) < len(self._keys):
            raise KeyRingInvalid("a name stands twice in the key ring")

    @classmethod
    def read(cls, file: Path | None, text: str | None) -> "KeyRing":
        """Read `name:base64` entries from a file (one a line) or a text (separated by commas).

        Raises: KeyRingInvalid naming what is wrong, never the secret.
        """
        if file is not None:
            try:
                text = file.read_text().replace("\n", ",")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not text"
                raise KeyRingInvalid(f"the key ring {file} cannot be read: {reason}") from None
        entries = [entry.strip() for entry in (text or "").split(",") if entry.strip()]
        if not entries:
            raise KeyRingInvalid("set AFTERSALES_SECRET_KEYS_FILE (or AFTERSALES_SECRET_KEYS): name:base64 of 32 bytes")
        return cls([_parsed(entry) for entry in entries])

    @staticmethod
    def new_entry(name: str) -> str:
        """Return a fresh random entry for a key-ring file."""
        return f"{name}:{base64.b64encode(os.urandom(_KEY)).decode()}"

    @property
    def mark(self) -> bytes:
        """What everything begins with that the first key sealed."""
        return self._keys[0].name.encode() + b"\0"

    def seal(self, value: dict[str, Any], *, place: str, row: UUID) -> bytes:
        """Encrypt a small document for one row; `place` is `table.column`."""
        key, nonce = self._keys[0], os.urandom(_NONCE)
        return self.mark + nonce + key.seal.encrypt(nonce, orjson.dumps(value), _bound(place, row))

    def open(self, sealed: bytes, *, place: str, row: UUID) -> dict[str, Any]:
        """Decrypt what `seal` made for the same place and row.

        Raises: KeyRingInvalid if its key is not in the ring; cryptography's InvalidTag if it was moved or changed.
        """
        name, _, rest = bytes(sealed).partition(b"\0")
        key = self._by_name.get(name.decode())
        if key is None:
            raise KeyRingInvalid(f"the key {name.decode()!r} is not in the ring")
        plain = key.seal.decrypt(rest[:_NONCE], rest[_NONCE:], _bound(place, row))
        document: dict[str, Any] = orjson.loads(plain)
        return document

    def file_key(self, salt: bytes, name: str | None = None) -> tuple[str, AESGCM]:
        """Return a key's name, by default the first's, and the key it makes for one file, which `salt` tells apart.

        Raises: KeyRingInvalid if no key has this name.
        """
        key = self._keys[0] if name is None else self._by_name.get(name)
        if key is None:
            raise KeyRingInvalid(f"the key {name!r} is not in the ring")
        return key.name, AESGCM(HKDF(SHA256(), _KEY, salt, b"aftersales/one file").derive(key.file))

    def lookup(self, purpose: str, value: str | bytes) -> bytes:
        """Return the keyed hash under which a new row is found; `purpose` keeps phones and emails apart."""
        return _keyed(self._keys[0].lookup, purpose, value)

    def lookups(self, purpose: str, value: str | bytes) -> list[bytes]:
        """Return the hashes of a value under every key of the ring, for searching."""
        return [_keyed(key.lookup, purpose, value) for key in self._keys]

    def sign(self, purpose: str, message: bytes) -> bytes:
        """Return a 16-byte signature of a message for one purpose."""
        return _keyed(self._keys[0].sign, purpose, message)[:16]

    def signed(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Tell whether any key of the ring made this signature."""
        return any(
            hmac.compare_digest(_keyed(key.sign, purpose, message)[:16], signature) for key in self._keys
        )  # fmt: skip


def _parsed(entry: str) -> tuple[str, bytes]:
    name, separator, encoded = entry.partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        secret = b""
    if not separator or not name.isidentifier() or len(secret) != _KEY:
        raise KeyRingInvalid("an entry of the key ring is not name:base64 of 32 bytes")
    if _thought_up(secret):
        raise KeyRingInvalid(f"the key {name!r} of the ring is an example: `aftersales secret` draws a real one")
    return name, secret


def _thought_up(secret: bytes) -> bool:
    """Tell whether a person made the bytes: words, a count, a repetition. Of those drawn 1 in 10^13 look so."""
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    return all(32 <= byte < 127 for byte in secret) or len(steps) < 16


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=f"aftersales/{purpose}".encode()).derive(secret)


def _keyed(key: bytes, purpose: str, value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return hmac.new(key, purpose.encode() + b"\0" + data, sha256).digest()


def _bound(place: str, row: UUID) -> bytes:
    return place.encode() + b"\0" + row.bytes
