"""The ledger of erasures outside the database, so that none is undone by a restore.

One sealed file an erasure, written before its first row is erased, beside the attachments: a backup copies it with
them, and a bucket keeps it as it keeps them. It holds keyed hashes, time and ground, and nothing of the person else.
"""

from base64 import b64decode, b64encode
from datetime import datetime
from io import BytesIO
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.blobs import Blobs
from app.core.crypto import KeyRing
from app.models.business_lines import BusinessLine
from app.models.erasures import Erasure
from app.services.rules.erasures import ErasureGround, ErasureState

BEGINNING: Final = "person-erased-"  # behind every blob's name, which is in hex: found without reading all names
_PLACE: Final = "erasure.ledger"
_IDS: Final = ("business_line_id", "key_id")
_TIMES: Final = ("received_at", "due_at", "accepted_at")


async def enter(blobs: Blobs, keyring: KeyRing, erasure: Erasure) -> None:
    """Put an erasure into the ledger. Raises: FilesUnavailable."""
    document = {
        "ground": erasure.ground,
        "staff_no": erasure.staff_no,
        "hashes": [b64encode(found).decode() for found in erasure.person_hashes],
        **{name: getattr(erasure, name).hex for name in _IDS},
        **{name: getattr(erasure, name).isoformat() for name in _TIMES},
    }
    name = f"{BEGINNING}{erasure.id.hex}"
    await blobs.delete(name)  # what an attempt that broke off left
    await blobs.put(name, BytesIO(keyring.seal(document, place=_PLACE, row=erasure.id)))


async def bring_back(session: AsyncSession, blobs: Blobs, keyring: KeyRing) -> int:
    """Accept again every erasure of the ledger that the database does not know; return how many those were.

    Raises: FilesUnavailable; KeyRingInvalid if one was sealed under a key that is not in the ring.
    """
    names = await blobs.names(BEGINNING)
    entered = {UUID(name.removeprefix(BEGINNING)): name for name in names}
    known = set(await session.scalars(select(Erasure.id).where(Erasure.id.in_(entered))))
    lines = set(await session.scalars(select(BusinessLine.id)))
    brought = 0
    for erasure_id, name in entered.items():
        if erasure_id in known:
            continue
        sealed = b"".join([part async for part in await blobs.read(name)])
        erasure = _accepted(erasure_id, keyring.open(sealed, place=_PLACE, row=erasure_id))
        if erasure.business_line_id in lines:  # else there was nobody in it yet at that moment
            session.add(erasure)
            brought += 1
    return brought


def _accepted(erasure_id: UUID, document: dict[str, str]) -> Erasure:
    return Erasure(
        id=erasure_id, state=ErasureState.ACCEPTED, ground=ErasureGround(document["ground"]), reference=None,
        person_hashes=[b64decode(found) for found in document["hashes"]], staff_no=document["staff_no"], counts={},
        purchases_kept=0, kept_until=None, completed_at=None,
        **{name: UUID(document[name]) for name in _IDS},
        **{name: datetime.fromisoformat(document[name]) for name in _TIMES},
    )  # fmt: skip
