"""An endpoint's secrets: sealed in its row, and both in use for a day after one took the other's place."""

from datetime import datetime
from uuid import UUID

from app.core.crypto import KeyRing
from app.core.signatures import new_secret
from app.models.webhooks import WebhookEndpoint
from app.services.rules.webhooks import OVERLAP

_PLACE = "webhook_endpoint.secrets_sealed"


def give_secret(keyring: KeyRing, endpoint: WebhookEndpoint) -> str:
    """Give a new endpoint its secret and return it."""
    secret = new_secret()
    endpoint.secrets_sealed = keyring.seal({"current": secret, "previous": None}, place=_PLACE, row=endpoint.id)
    return secret


def rotate_secret(keyring: KeyRing, endpoint: WebhookEndpoint, now: datetime) -> str:
    """Give an endpoint another secret and return it; the one in use until now signs for 24 hours more."""
    before = keyring.open(endpoint.secrets_sealed, place=_PLACE, row=endpoint.id)["current"]
    secret = new_secret()
    both = {"current": secret, "previous": before}
    endpoint.secrets_sealed = keyring.seal(both, place=_PLACE, row=endpoint.id)
    endpoint.previous_until = now + OVERLAP
    return secret


def signing_secrets(
    keyring: KeyRing, endpoint_id: UUID, sealed: bytes, previous_until: datetime | None, now: datetime
) -> list[str]:
    """Return the secrets that sign now, the current one first."""
    secrets = keyring.open(sealed, place=_PLACE, row=endpoint_id)
    overlapping = previous_until is not None and now < previous_until
    return [secrets["current"], secrets["previous"]] if overlapping else [secrets["current"]]
