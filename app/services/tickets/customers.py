"""The customer on a ticket: sealed at rest, found by keyed hash."""

import unicodedata
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement

from app.core.crypto import KeyRing
from app.core.personal import Tier, mask_address, mask_email, mask_name, mask_phone
from app.models.tickets import Ticket

SEALED = "ticket.customer_sealed"
PERSONAL = ("name", "phone", "email", "address")


def seal_customer(ticket: Ticket, given: Mapping[str, str | None], keyring: KeyRing) -> None:
    """Encrypt who the customer is, and leave keyed hashes to find the ticket by. `given` has the `PERSONAL` keys."""
    known = {name: given.get(name) for name in PERSONAL}
    ticket.customer_sealed = keyring.seal(known, place=SEALED, row=ticket.id) if any(known.values()) else None
    hashed(ticket, known, keyring)


class Hashed(Protocol):
    """A row that is found by who the person is."""

    phone_hash: Any
    email_hash: Any
    name_hash: Any


def hashed(row: Hashed, known: Mapping[str, str | None], keyring: KeyRing) -> None:
    """Leave keyed hashes of a person's data in a row."""
    phone, email, name = known["phone"], known["email"], known["name"]
    row.phone_hash = keyring.lookup("phone", comparable_phone(phone)) if phone else None
    row.email_hash = keyring.lookup("email", email) if email else None
    row.name_hash = keyring.lookup("name", comparable_name(name)) if name else None


class Wanted(Protocol):
    """Who is looked for."""

    phone: Any
    email: Any
    name: Any


def person_criteria(table: type[Hashed], wanted: Wanted, keyring: KeyRing) -> list[ColumnElement[bool]]:
    """Return what a row of a table must meet to be of the person looked for, under any key of the ring."""
    criteria: list[ColumnElement[bool]] = []
    if wanted.phone is not None:
        criteria.append(table.phone_hash.in_(keyring.lookups("phone", comparable_phone(wanted.phone))))
    if wanted.email is not None:
        criteria.append(table.email_hash.in_(keyring.lookups("email", wanted.email)))
    if wanted.name is not None:
        criteria.append(table.name_hash.in_(keyring.lookups("name", comparable_name(wanted.name))))
    return criteria


def shown_person(person: Mapping[str, str | None], tier: Tier) -> dict[str, str | None]:
    """Show personal data as the tier allows: nothing of the person, masked, or as given."""
    if tier is Tier.SENSITIVE:
        return dict(person)
    if tier is Tier.PUBLIC:
        return dict.fromkeys(PERSONAL)
    return {name: value and _MASKS[name](value) for name, value in person.items()}


_MASKS = {"name": mask_name, "phone": mask_phone, "email": mask_email, "address": mask_address}


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
