"""Tells whether the audit rows are those that were sealed, and the seals those whose heads were kept outside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.language import Text
from app.services.audit.chain import BEGINNING, ERASURE, RECORDS, chained, is_text_of

Heads = Mapping[tuple[str, int], bytes]  # (line, position): chain hash

ROW_CHANGED: Final = Text("记录已被修改", "the row was changed")
ROW_MISSING: Final = Text("记录已被删除", "the row is gone")
ROW_UNSEALED: Final = Text("记录不在链中，系另行插入", "the row is not in the chain: it was put in beside it")
TEXT_CHANGED: Final = Text("文字已被修改，且无删除个人信息的记录", "the text was changed, and no erasure is on record")
SEAL_MISSING: Final = Text("封条缺失", "a seal is missing")
SEAL_CHANGED: Final = Text("封条与前一封条不相衔接", "the seal does not follow from the one before")
OTHER_HEAD: Final = Text("与所保存的链头不符", "the seal is not the one whose head was kept")
CUT_OFF: Final = Text("链尾被截断，早于所保存的链头", "the chain ends before the head that was kept")

_PAGE = 10_000
_LINES = text("""
    SELECT id, coalesce(name, id::text) AS name
    FROM (SELECT id FROM business_line UNION SELECT DISTINCT business_line_id FROM audit_seal) AS every
    LEFT JOIN business_line USING (id) ORDER BY name
""")
_SEALS = text(f"""
    SELECT seal.*, record.digest AS row_digest, record.words
    FROM (SELECT * FROM audit_seal WHERE business_line_id = :line AND position > :after
          ORDER BY position LIMIT {_PAGE}) AS seal
    LEFT JOIN LATERAL (
        SELECT * FROM ({RECORDS}) AS r WHERE r.kind = seal.kind AND r.id = seal.row_id LIMIT 1) AS record ON true
    ORDER BY seal.position
""")  # noqa: S608 — constants of ours
_ERASED = text("""
    SELECT row_id FROM audit_seal WHERE kind = 'erasure' UNION SELECT row_id FROM audit_pending WHERE kind = 'erasure'
""")
_UNSEALED = text("""
    SELECT business_line_id, kind, id AS row_id
    FROM (SELECT business_line_id, 'timeline_entry' AS kind, id FROM timeline_entry
          UNION ALL SELECT business_line_id, 'access_log', id FROM access_log) AS rows
    WHERE NOT EXISTS (SELECT FROM audit_seal WHERE row_id = rows.id AND audit_seal.kind = rows.kind)
        AND NOT EXISTS (SELECT FROM audit_pending WHERE row_id = rows.id AND audit_pending.kind = rows.kind)
    ORDER BY id
""")
_PENDING = text("SELECT count(*) FROM audit_pending")
_HEADS = text("""
    SELECT DISTINCT ON (business_line_id) coalesce(name, business_line_id::text) AS name, position, chain
    FROM audit_seal LEFT JOIN business_line ON business_line.id = business_line_id
    ORDER BY business_line_id, position DESC
""")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: a position in the line's chain, a row, or both."""

    line: str
    position: int | None
    row: str  # table and id, empty if no row is concerned
    what: Text


@dataclass(slots=True)
class Verdict:
    """`pending` rows were written a moment ago and await their seal."""

    seals: int = 0
    pending: int = 0
    findings: list[Finding] = field(default_factory=list)


async def chain_heads(session: AsyncSession) -> dict[tuple[str, int], bytes]:
    """Return the last seal of each line's chain, to be kept where nobody who reaches the database can."""
    return {(head.name, head.position): bytes(head.chain) for head in await session.execute(_HEADS)}


async def verify_audit(session: AsyncSession, heads: Heads | None = None) -> Verdict:
    """Go through every chain and every row. The transaction must see one moment, see `Database.read`.

    Without heads, a tail that was cut off and a chain that was made anew from some place on go unnoticed.
    """
    verdict, heads = Verdict(), heads or {}
    erased = set(await session.scalars(_ERASED))
    names = {line.id: line.name for line in await session.execute(_LINES)}
    for line, name in names.items():
        kept = {position: chain for (of, position), chain in heads.items() if of == name}
        await _verify_line(session, verdict, line, name, kept, erased)
    unknown = [Finding(name, position, "", CUT_OFF) for name, position in heads if name not in names.values()]
    unsealed = [
        Finding(names.get(row.business_line_id, str(row.business_line_id)), None, _named(row), ROW_UNSEALED)
        for row in await session.execute(_UNSEALED)
    ]
    verdict.findings += [*unknown, *unsealed]
    verdict.pending = (await session.execute(_PENDING)).scalar_one()
    return verdict


async def _verify_line(
    session: AsyncSession, verdict: Verdict, line: UUID, name: str, kept: dict[int, bytes], erased: set[UUID]
) -> None:
    """Go through the chain of one line, and take the heads it bears out from `kept`."""
    before, position = BEGINNING, 0
    while seals := (await session.execute(_SEALS, {"line": line, "after": position})).all():
        for seal in seals:
            wrong = [*_in_chain(seal, position, before), *_in_row(seal, erased)]
            if kept.pop(seal.position, seal.chain) != seal.chain:
                wrong.append(OTHER_HEAD)
            verdict.findings += [Finding(name, seal.position, _named(seal), what) for what in wrong]
            before, position = seal.chain, seal.position
        verdict.seals += len(seals)
    verdict.findings += [Finding(name, head, "", CUT_OFF) for head in kept]


def _named(row: Row[Any]) -> str:
    return f"{row.kind} {row.row_id}"


def _in_chain(seal: Row[Any], position: int, before: bytes) -> Iterator[Text]:
    """Say what is wrong with a seal as a link after the one at `position`."""
    if seal.position != position + 1:
        yield SEAL_MISSING
    elif chained(before, seal) != seal.chain:
        yield SEAL_CHANGED


def _in_row(seal: Row[Any], erased: set[UUID]) -> Iterator[Text]:
    """Say what is wrong with the row of a seal."""
    if seal.kind == ERASURE:
        return
    if seal.row_digest is None:
        yield ROW_MISSING
        return
    if seal.row_digest != seal.digest:
        yield ROW_CHANGED
    if seal.words is None:
        lost = seal.text_digest is not None and seal.row_id not in erased
    else:
        lost = not is_text_of(seal.words, seal.salt, seal.text_digest)
    if lost:
        yield TEXT_CHANGED
