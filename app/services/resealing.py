"""A new key in front of the ring: what older keys sealed is sealed anew under it, while the service runs.

Readers see a row sealed under the one key or the other, and the ring opens both; nothing waits but a change of the
very rows of a batch, for as long as the batch takes.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.idempotency import IdempotencyRecord
from app.models.attachments import Attachment
from app.models.customers import Customer
from app.models.notices import NoticeChannel
from app.models.surveys import Survey
from app.models.tickets import Ticket
from app.models.webhooks import WebhookEndpoint
from app.services.notices.sealing import hash_address
from app.services.tickets.customers import PERSONAL, hashed

BATCH: Final = 100
_COLUMNS: Final[tuple[InstrumentedAttribute[Any], ...]] = (
    Ticket.customer_sealed, Customer.contact_sealed, NoticeChannel.address_sealed, NoticeChannel.secret_sealed,
    WebhookEndpoint.secrets_sealed, Survey.contact_sealed, Attachment.name_sealed, IdempotencyRecord.answer,
)  # fmt: skip
SEALED: Final = {f"{column.class_.__tablename__}.{column.key}": column for column in _COLUMNS}
# Found by keyed hash. Those of a sealed row are made anew with it; opt-outs, surveys and
# erasures are only ever compared, under
# every key of the ring.
HASHES: Final = frozenset({
    "ticket.phone_hash", "ticket.email_hash", "ticket.name_hash",
    "customer.phone_hash", "customer.email_hash", "customer.name_hash",
    "notice_channel.address_hash", "survey.customer_hashes", "survey_opt_out.customer_hash", "erasure.person_hashes",
})  # fmt: skip


async def reseal(db: Database, keyring: KeyRing) -> dict[str, int]:
    """Seal everything anew that is not sealed under the first key; return how many rows that were for each column.

    It may be broken off and run again.
    Raises: KeyRingInvalid if a row's key is not in the ring; ServerBusy if somebody holds a row for long.
    """
    return {place: await _column(db, keyring, place) for place in SEALED}


async def _column(db: Database, keyring: KeyRing, place: str) -> int:
    rows, after = 0, UUID(int=0)
    while True:
        last, count = await _batch(db, keyring, place, after)
        rows += count
        if last is None:
            return rows
        after = last


async def _batch(db: Database, keyring: KeyRing, place: str, after: UUID) -> tuple[UUID | None, int]:
    """Seal the next rows after an id anew; return the id of the last, None if there is none, and how many it was."""
    column = SEALED[place]
    table, mark = column.class_, keyring.mark
    due = (
        select(table)
        .where(table.id > after, column.is_not(None), func.substr(column, 1, len(mark)) != mark)
        .order_by(table.id)
        .limit(BATCH)
        .with_for_update()
    )
    async with db.begin() as session:
        rows = (await session.scalars(due)).all()
        for row in rows:
            document = keyring.open(getattr(row, column.key), place=place, row=row.id)
            setattr(row, column.key, keyring.seal(document, place=place, row=row.id))
            _hash_again(row, place, document, keyring)
    return (rows[-1].id if rows else None), len(rows)


def _hash_again(row: Any, place: str, document: Mapping[str, Any], keyring: KeyRing) -> None:
    if isinstance(row, Ticket | Customer):
        hashed(row, {name: document.get(name) for name in PERSONAL}, keyring)
    elif place == "notice_channel.address_sealed":
        hash_address(row, document["address"], keyring)
