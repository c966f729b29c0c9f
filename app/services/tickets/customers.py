"""The customer on a ticket: sealed at rest, found by keyed hash."""

import unicodedata
from collections.abc import Mapping
from uuid import UUID

from app.core.crypto import KeyRing
from app.models.tickets import Ticket

SEALED = "ticket.customer_sealed"
PERSONAL = ("name", "phone", "email", "address")


def seal_customer(ticket: Ticket, given: Mapping[str, str | None], keyring: KeyRing) -> None:
    """Encrypt who the customer is, and leave keyed hashes to find the ticket by. `given` has the `PERSONAL` keys."""
    known = {name: given.get(name) for name in PERSONAL}
    ticket.customer_sealed = keyring.seal(known, place=SEALED, row=ticket.id) if any(known.values()) else None
    phone, email, name = known["phone"], known["email"], known["name"]
    ticket.phone_hash = keyring.lookup("phone", comparable_phone(phone)) if phone else None
    ticket.email_hash = keyring.lookup("email", email) if email else None
    ticket.name_hash = keyring.lookup("name", comparable_name(name)) if name else None


def open_customer(sealed: bytes | None, ticket_id: UUID, keyring: KeyRing) -> dict[str, str | None]:
    """Return the personal data as given, all None if there is none."""
    nothing: dict[str, str | None] = dict.fromkeys(PERSONAL)
    return nothing if sealed is None else nothing | keyring.open(sealed, place=SEALED, row=ticket_id)


def comparable_name(name: str) -> str:
    """Return a name as it is compared: without spaces, case and width."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def comparable_phone(phone: str) -> str:
    """Return a number as it is compared: without its extension."""
    return phone.partition(";")[0]
