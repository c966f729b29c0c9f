"""What goes over the wire: an event's body, and the headers that sign it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.crypto import KeyRing
from app.core.ids import id_text
from app.core.outbox import Event
from app.core.signatures import sign
from app.services.events import event_body

MOST_BYTES = 20_000  # Standard Webhooks asks for less
_AGENT = "aftersales-webhooks/1"


class BodyTooLong(Exception):
    """The event is not thin."""


def endpoint_subject(endpoint_id: UUID) -> str:
    return f"webhook-endpoints/{id_text('whe', endpoint_id)}"


def trial_event(delivery_id: UUID, endpoint_id: UUID, line_id: UUID, at: datetime) -> Event:
    """Return the event of a test: about the endpoint itself, and in no feed."""
    return Event(
        id=delivery_id, business_line_id=line_id, type="webhook.test", subject=endpoint_subject(endpoint_id),
        sequence=1, data={"endpoint_id": id_text("whe", endpoint_id)}, occurred_at=at,
    )  # fmt: skip


def body_of(event: Event, line: str, *, keyring: KeyRing, public_url: str) -> bytes:
    """Return the body that announces an event; `line` is its business line's name. Raises: BodyTooLong."""
    body = event_body(event, line, keyring=keyring, public_url=public_url).model_dump_json().encode()
    if len(body) > MOST_BYTES:
        raise BodyTooLong
    return body


def headers_of(event: Event, body: bytes, secrets: Sequence[str], *, timestamp: int, attempt: int) -> dict[str, str]:
    """Return the headers of one attempt; `timestamp` is its Unix second."""
    message_id = id_text("evt", event.id)
    return {
        "Content-Type": "application/json",
        "User-Agent": _AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, message_id, timestamp, body),
        "webhook-attempt": str(attempt),
    }
