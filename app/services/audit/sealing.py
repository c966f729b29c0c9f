"""Seals committed audit rows into their line's chain, and erases a text without breaking it.

A trigger puts each new row in a queue, in the row's own transaction. Whatever the order in which transactions commit,
a row is in the queue from the moment it is visible until its seal is: none can be passed by.
"""

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Base, bare_row, database_now
from app.models.audit import AuditSeal
from app.services.audit.chain import BEGINNING, RECORDS, chained, salted

CHAINED_AT_ONCE: Final = 1000
_ONE_SEALER = text("SELECT pg_try_advisory_xact_lock(hashtext('aftersales.audit.sealer'))")
_TAKE = text(f"""
    WITH taken AS (
        DELETE FROM audit_pending
        WHERE pending_no IN (SELECT pending_no FROM audit_pending ORDER BY pending_no LIMIT :limit)
        RETURNING *)
    SELECT taken.business_line_id, taken.kind, taken.row_id, record.digest, record.words
    FROM taken LEFT JOIN LATERAL (
        SELECT * FROM ({RECORDS}) AS r WHERE r.kind = taken.kind AND r.id = taken.row_id LIMIT 1) AS record ON true
    ORDER BY taken.pending_no
""")  # noqa: S608 — a constant of ours
_HEADS = text("""
    SELECT id AS line, head.position, head.chain FROM unnest(CAST(:lines AS uuid[])) AS id, LATERAL (
        SELECT position, chain FROM audit_seal WHERE business_line_id = id ORDER BY position DESC LIMIT 1) AS head
""")
_ADD = insert(Base.metadata.tables[AuditSeal.__tablename__])
_ERASE = text("SELECT audit_erase_text(:kind, id) FROM unnest(CAST(:rows AS uuid[])) AS id")


async def seal_audit(session: AsyncSession, *, limit: int = CHAINED_AT_ONCE) -> int:
    """Give committed audit rows their place in the chain; return how many. One sealer works at a time."""
    if not await session.scalar(_ONE_SEALER):
        return 0
    taken = (await session.execute(_TAKE, {"limit": limit})).all()
    if not taken:
        return 0
    heads = await session.execute(_HEADS, {"lines": list({row.business_line_id for row in taken})})
    last = {head.line: (head.position, head.chain) for head in heads}
    now, seals = await database_now(session), []
    for row in taken:
        position, before = last.get(row.business_line_id, (0, BEGINNING))
        salt, text_digest = salted(row.words)
        seal = bare_row(
            AuditSeal, business_line_id=row.business_line_id, position=position + 1, kind=row.kind, row_id=row.row_id,
            digest=row.digest, text_digest=text_digest, salt=salt, sealed_at=now,
        )  # fmt: skip
        seal.chain = chained(before, seal)
        last[row.business_line_id] = (seal.position, seal.chain)
        seals.append(vars(seal))
    await session.execute(_ADD, seals)
    return len(seals)


async def erase_audit_texts(
    session: AsyncSession, kind: Literal["timeline_entry", "access_log"], rows: Sequence[UUID]
) -> None:
    """Take the words out of audit rows, the salt out of their seals, and have the erasure itself sealed.

    Nothing is sealed until the transaction ends: call it last.
    """
    await session.execute(_ERASE, {"kind": kind, "rows": list(rows)})
