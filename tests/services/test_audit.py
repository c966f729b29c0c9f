"""R29: whatever anybody changes in the audit records, be it as superuser, is found."""

import os
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.core.db import Database, sqlstate
from app.core.ids import new_id
from app.models.access_log import AccessLog
from app.models.audit import AuditPending, AuditSeal
from app.models.tickets import Ticket, TimelineEntry
from app.services.audit import verifying as found
from app.services.audit.sealing import erase_audit_texts, seal_audit
from app.services.audit.verifying import Heads, Verdict, chain_heads, verify_audit
from app.services.tickets.records import timeline_row
from app.services.upkeep import seal_audit_trail
from tests.builders import a_ticket
from tests.conftest import SUNDAY_NOON, Databases
from tests.services.audit_tampering import ENTRY, LOOK, TAMPERINGS, Tampering

THOROUGH = bool(os.environ.get("THOROUGH"))
ROWS = 20  # of each table and line
_INSUFFICIENT_PRIVILEGE = "42501"


EACH = -(-(1000 if THOROUGH else 200) // len(TAMPERINGS))


async def write(db: Database, line: UUID, ticket: Ticket, number: int) -> None:
    """Add an entry, with a text or without, and a look, for a purpose or without."""
    async with db.begin() as session:
        said = f"客户来电 {number}" if number % 2 else None
        at = SUNDAY_NOON + timedelta(minutes=number)
        session.add(timeline_row(ticket, "comment", at=at, request_id="r", text=said, data={"number": number}))
        session.add(AccessLog(
            id=new_id(), business_line_id=line, key_id=new_id(), staff_no=None, subject=f"tickets/{number}",
            fields=["name"], purpose=said, request_id="r", at=at,
        ))  # fmt: skip


@pytest.fixture
async def lines(client: AsyncClient, db: Database) -> list[UUID]:
    """Two lines with audit rows, all of them sealed, in several rounds."""
    for name in ("tableware", "mall"):
        assert (await client.post("/v1/tickets", json=a_ticket(business_line=name))).status_code == 201
    async with db.begin() as session:
        tickets = (await session.scalars(select(Ticket).order_by(Ticket.id))).all()
    for number in range(ROWS):
        for ticket in tickets:
            await write(db, ticket.business_line_id, ticket, number)
        if number % 7 == 0:
            await seal_audit_trail(db)
    while await seal_audit_trail(db):
        pass
    return [ticket.business_line_id for ticket in tickets]


@pytest.fixture
async def superuser(databases: Databases, database_url: str) -> AsyncIterator[AsyncSession]:
    url = databases.server.url_for(str(make_url(database_url).database), role="postgres")
    engine = create_async_engine(url, connect_args={"server_settings": {"timezone": "UTC"}})
    async with AsyncSession(engine, autoflush=False) as session:
        yield session
    await engine.dispose()


async def verdict(db: Database, heads: Heads | None = None) -> Verdict:
    async with db.read() as session:
        return await verify_audit(session, heads)


async def tamper(session: AsyncSession, tampering: Tampering, dice: random.Random) -> dict[str, Any]:
    """Do it to rows that the dice choose; return which they were."""
    chosen = select(AuditSeal).where(AuditSeal.kind == tampering.of).order_by(AuditSeal.position)
    if tampering.with_text is not None:
        chosen = chosen.where(AuditSeal.text_digest.is_not(None) == tampering.with_text)
    seals = (await session.scalars(chosen)).all()
    line = dice.choice(sorted({seal.business_line_id for seal in seals}))
    other_line = next(seal.business_line_id for seal in seals if seal.business_line_id != line)
    row, other = dice.sample([seal for seal in seals if seal.business_line_id == line][:-1], 2)
    heads = await chain_heads(session)
    name = await session.scalar(text("SELECT name FROM business_line WHERE id = :line"), {"line": line})
    used = {
        "row": row.row_id, "position": row.position, "other": other.row_id, "other_position": other.position,
        "line": line, "other_line": other_line, "fresh": new_id(),
    }  # fmt: skip
    for statement in tampering.statements:
        bound = text(statement)
        await session.execute(bound, {key: used[key] for key in bound.compile().params})
    if tampering.expected is found.OTHER_HEAD:
        assert await seal_audit(session) > 0
    head = next(position for of, position in heads if of == name)
    return used | {"name": name, "head": head, "following": row.position + 1, "heads": heads}


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
@pytest.mark.timeout(600 if THOROUGH else 60)
async def test_R29_whatever_a_superuser_changes_is_found(
    lines: list[UUID], db: Database, superuser: AsyncSession, tampering: Tampering
) -> None:
    async with db.read() as session:
        heads = await chain_heads(session)
    whole = await verdict(db, heads)
    assert (whole.findings, whole.pending, whole.seals) == ([], 0, len(lines) * (2 * ROWS + 1))
    for seed in range(EACH):
        used = await tamper(superuser, tampering, random.Random(f"{tampering.name} {seed}"))
        told = await verify_audit(superuser, heads)
        place = used[tampering.place] if tampering.place else None
        places = {(finding.line, finding.position, finding.what) for finding in told.findings}
        assert (used["name"], place, tampering.expected) in places, (seed, used, told.findings[:3])
        await superuser.rollback()
    assert (await verdict(db, heads)).findings == []


async def test_R29_what_commits_late_is_sealed_after_what_overtook_it(lines: list[UUID], db: Database) -> None:
    async with db.begin() as session:
        ticket = (await session.scalars(select(Ticket).order_by(Ticket.id))).first()
    assert ticket is not None
    early, late = (timeline_row(ticket, kind, at=SUNDAY_NOON, request_id="r") for kind in ("overtaken", "overtaking"))
    async with db.begin() as slow:
        slow.add(early)
        await slow.flush()
        async with db.begin() as quick:
            quick.add(late)
        assert await seal_audit_trail(db) == 1
        told = await verdict(db)
        assert (told.findings, told.pending) == ([], 0)
    assert await seal_audit_trail(db) == 1
    async with db.begin() as session:
        of_both = select(AuditSeal).where(AuditSeal.row_id.in_([early.id, late.id]))
        first, second = (await session.scalars(of_both.order_by(AuditSeal.position))).all()
        numbers = select(TimelineEntry.id).where(TimelineEntry.id.in_([early.id, late.id]))
        assert (await session.scalars(numbers.order_by(TimelineEntry.entry_no))).all() == [early.id, late.id]
    assert [first.row_id, second.row_id, second.position] == [late.id, early.id, first.position + 1]
    assert (await verdict(db)).findings == []


async def test_R29_one_sealer_works_at_a_time(lines: list[UUID], db: Database) -> None:
    async with db.begin() as session:
        ticket = (await session.scalars(select(Ticket))).first()
        assert ticket is not None
    await write(db, ticket.business_line_id, ticket, ROWS)
    async with db.begin() as first, db.begin() as second:
        assert [await seal_audit(first), await seal_audit(second)] == [2, 0]
    assert (await verdict(db)).findings == []


async def test_R29_what_is_not_sealed_yet_is_counted_and_what_was_rolled_back_never_is(
    lines: list[UUID], db: Database
) -> None:
    async with db.begin() as session:
        ticket = (await session.scalars(select(Ticket))).first()
        assert ticket is not None
    await write(db, ticket.business_line_id, ticket, ROWS)
    async with db.begin() as session:
        session.add(timeline_row(ticket, "comment", at=SUNDAY_NOON, request_id="r"))
        await session.flush()
        await session.rollback()
    told = await verdict(db)
    assert (told.findings, told.pending) == ([], 2)


@pytest.mark.parametrize("kind", [ENTRY, LOOK])
async def test_R29_the_chain_holds_after_an_erasure_which_is_sealed_itself(
    lines: list[UUID], db: Database, superuser: AsyncSession, kind: Any
) -> None:
    texted = select(AuditSeal).where(AuditSeal.kind == kind, AuditSeal.text_digest.is_not(None))
    async with db.begin() as session:
        heads = await chain_heads(session)
        seal = (await session.scalars(texted.order_by(AuditSeal.position))).first()
        assert seal is not None
        await erase_audit_texts(session, kind, [seal.row_id])
        await erase_audit_texts(session, kind, [seal.row_id])  # finds nothing left
    for pending in (1, 0):
        told = await verdict(db, heads)
        assert (told.findings, told.pending) == ([], pending)
        await seal_audit_trail(db)
    column = "text" if kind == ENTRY else "purpose"
    kept = f"SELECT {column}, salt FROM audit_seal JOIN {kind} ON id = row_id WHERE row_id = :row AND audit_seal.kind = :kind"  # noqa: E501
    assert tuple((await superuser.execute(text(kept), {"row": seal.row_id, "kind": kind})).one()) == (None, None)
    await superuser.execute(text(f"UPDATE {kind} SET {column} = 'x' WHERE id = :row"), {"row": seal.row_id})
    (finding,) = (await verify_audit(superuser)).findings
    assert (finding.position, finding.what) == (seal.position, found.TEXT_CHANGED)


async def test_R29_a_text_erased_before_it_was_sealed_leaves_the_chain_whole(lines: list[UUID], db: Database) -> None:
    async with db.begin() as session:
        ticket = (await session.scalars(select(Ticket))).first()
        assert ticket is not None
    await write(db, ticket.business_line_id, ticket, 1)
    async with db.begin() as session:
        row = (await session.scalars(select(AuditPending.row_id).where(AuditPending.kind == ENTRY))).one()
        await erase_audit_texts(session, "timeline_entry", [row])
    assert await seal_audit_trail(db) == 3
    assert (await verdict(db)).findings == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_seal SET sealed_at = now()", "DELETE FROM audit_seal", "TRUNCATE audit_seal"]
)
async def test_R29_the_service_cannot_change_or_delete_seals(db: Database, statement: str) -> None:
    with pytest.raises(ProgrammingError) as refused:
        async with db.begin() as session:
            await session.execute(text(statement))
    assert sqlstate(refused.value) == _INSUFFICIENT_PRIVILEGE
