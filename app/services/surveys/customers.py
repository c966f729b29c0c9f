"""Who a survey's customer is: the ticket's, or the one a campaign was made for. At rest both are sealed."""

from collections.abc import Mapping

from app.core.crypto import KeyRing
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.services.rules.surveys import InvitedBy, SurveyTerms
from app.services.tickets.customers import comparable_phone, open_customer

_SEALED = "survey.contact_sealed"
_PERSONAL = ("name", "phone", "email")


def seal_contact(survey: Survey, given: Mapping[str, str | None], keyring: KeyRing) -> None:
    """Keep what a customer who has no ticket can be reached by."""
    known = {name: given.get(name) for name in _PERSONAL}
    survey.contact_sealed = keyring.seal(known, place=_SEALED, row=survey.id) if any(known.values()) else None


def open_contact(survey: Survey, ticket: Ticket | None, keyring: KeyRing) -> dict[str, str | None]:
    """Return name, phone and email of a survey's customer, None where there is none.

    Raises: KeyRingInvalid, cryptography's InvalidTag; see `KeyRing.open`.
    """
    if ticket is not None:
        return open_customer(ticket.customer_sealed, ticket.id, keyring)
    nothing: dict[str, str | None] = dict.fromkeys(_PERSONAL)
    sealed = survey.contact_sealed
    return nothing if sealed is None else nothing | keyring.open(sealed, place=_SEALED, row=survey.id)


def contact_hashes(keyring: KeyRing, *, phone: str | None, email: str | None, external_id: str | None) -> list[bytes]:
    """Return the hashes of a customer's contacts under every key of the ring, those of the key in use first."""
    given = {"phone": phone and comparable_phone(phone), "email": email, "customer": external_id}
    return [found for purpose, value in given.items() if value for found in keyring.lookups(purpose, value)]


def inviter(terms: SurveyTerms, email: str | None) -> InvitedBy:
    """Return who sends the link: without an email it is left to the CRM."""
    return terms.invited_by.value if email else InvitedBy.CRM
