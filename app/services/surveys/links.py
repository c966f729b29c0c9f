"""The link to one customer's page: an id with a signature of the key ring, kept nowhere.

Who has the database has no link, and a guess is refused before the database is asked.
"""

import base64
import re
from uuid import UUID

from app.core.crypto import KeyRing

_PURPOSE = "survey link"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def token_of(survey: UUID, keyring: KeyRing) -> str:
    """Return the 43 characters of a link: 128 bits of them are a signature."""
    return _written(survey.bytes + keyring.sign(_PURPOSE, survey.bytes))


def _written(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def survey_of(token: str, keyring: KeyRing) -> UUID | None:
    """Return the survey a link leads to; None if it is not one of ours. Takes the same time for every guess."""
    if not _TOKEN.fullmatch(token):
        return None
    raw = base64.urlsafe_b64decode(token + "=")
    ours = keyring.signed(_PURPOSE, raw[:16], raw[16:]) and _written(raw) == token  # one way of writing it only
    return UUID(bytes=raw[:16]) if ours else None


def stop_link_of(survey: UUID, keyring: KeyRing, public_url: str) -> str:
    """Return the address on which a customer says that they do not want to be asked."""
    return f"{link_of(survey, keyring, public_url)}/stop"


def link_of(survey: UUID, keyring: KeyRing, public_url: str) -> str:
    """Return the address of a customer's page; without a `public_url` it is the path alone."""
    return f"{public_url}/s/{token_of(survey, keyring)}"
