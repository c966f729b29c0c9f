"""Which rows are one person's, told by keyed hashes alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.crypto import KeyRing
from app.models.customers import Customer
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.services.surveys.customers import contact_hashes

_ExternalId = InstrumentedAttribute[str | None]


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a line, as of an instant.

    Whose `external_id` a row has, theirs it is; a row without one is theirs by phone or email. So nobody else goes
    along who shares a telephone.
    """

    line: UUID
    hashes: Sequence[bytes]
    external_ids: Sequence[str]
    until: datetime

    @property
    def tickets(self) -> ColumnElement[bool]:
        reached = or_(Ticket.phone_hash.in_(self.hashes), Ticket.email_hash.in_(self.hashes))
        known, since = self._known(Ticket.customer_external_id, reached), Ticket.recorded_at <= self.until
        return and_(Ticket.business_line_id == self.line, since, known)

    @property
    def customers(self) -> ColumnElement[bool]:
        reached = or_(Customer.phone_hash.in_(self.hashes), Customer.email_hash.in_(self.hashes))
        known, since = self._known(Customer.external_id, reached), Customer.created_at <= self.until
        return and_(Customer.business_line_id == self.line, since, known)

    @property
    def surveys(self) -> ColumnElement[bool]:
        """Those that keep the contact themselves; a ticket's go with it."""
        reached = Survey.customer_hashes.overlap(list(self.hashes))
        known, since = self._known(Survey.customer_external_id, reached), Survey.created_at <= self.until
        return and_(Survey.business_line_id == self.line, since, known)

    def _known(self, external_id: _ExternalId, reached: ColumnElement[bool]) -> ColumnElement[bool]:
        return or_(external_id.in_(self.external_ids), and_(external_id.is_(None), reached))


async def find_person(
    session: AsyncSession, keyring: KeyRing, line: UUID, hashes: Sequence[bytes], until: datetime
) -> Person:
    """Return the person whom these hashes mean. External ids are readable, so each of the line is tried."""
    wanted = set(hashes)
    columns = Ticket.customer_external_id, Customer.external_id, Survey.customer_external_id
    ids = union(*(
        select(column).where(column.class_.business_line_id == line, column.is_not(None)) for column in columns
    ))  # fmt: skip
    known = [found for found in await session.scalars(ids) if found is not None]
    theirs = [found for found in known if not wanted.isdisjoint(_hashes(keyring, found))]
    return Person(line, hashes, theirs, until)


def _hashes(keyring: KeyRing, external_id: str) -> list[bytes]:
    return contact_hashes(keyring, phone=None, email=None, external_id=external_id)
