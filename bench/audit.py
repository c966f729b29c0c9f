"""The audit trail: how fast the sealer catches up, and how long it takes to verify all of it, in one process."""

import asyncio
import tempfile
from pathlib import Path
from time import perf_counter

from app.core.postgres import EmbeddedPostgres
from app.core.schema import migrate
from app.services.audit.verifying import chain_heads, verify_audit
from app.services.policy_book import PolicyBook
from app.services.upkeep import seal_audit_trail
from tests.builders import a_ticket
from tests.http.service import Service, open_service

EACH = 50_000  # rows of each table, of two lines in turn
GOAL_SECONDS = 10

_ENTRIES = """
    INSERT INTO timeline_entry (id, business_line_id, ticket_id, kind, visibility, author, staff_no, key_id, text, data,
        request_id, at)
    SELECT gen_random_uuid(), business_line_id, id, 'comment', 'internal', 'staff', '1101', gen_random_uuid(),
        '已联系客户，约定明天下午再次回电确认。', '{"from": "received", "to": "in_progress"}', md5(n::text), now()
    FROM ticket, generate_series(1, $1) AS n
"""
_LOOKS = """
    INSERT INTO access_log (id, business_line_id, key_id, staff_no, subject, fields, purpose, request_id, at)
    SELECT gen_random_uuid(), business_line_id, gen_random_uuid(), '1101', 'tickets/' || n, '{name,phone}', '回访',
        md5(n::text), now()
    FROM ticket, generate_series(1, $1) AS n
"""


async def measure(service: Service) -> None:
    client = await service.client()
    for line in ("tableware", "mall"):
        assert (await client.post("/v1/tickets", json=a_ticket(business_line=line))).status_code == 201
    for statement in (_ENTRIES, _LOOKS):
        await service.sql(statement, EACH // 2)
    started, sealed = perf_counter(), 0
    while done := await seal_audit_trail(service.db):
        sealed += done
    seconds = perf_counter() - started
    print(f"{sealed:,} rows sealed in {seconds:.1f} s ({sealed / seconds:,.0f}/s)")
    async with service.db.read() as session:
        heads, started = await chain_heads(session), perf_counter()
        verdict = await verify_audit(session, heads)
    seconds = perf_counter() - started
    assert (verdict.seals, verdict.pending, verdict.findings) == (sealed, 0, []), verdict.findings[:3]
    print(
        f"{verdict.seals:,} rows verified in {seconds:.1f} s ({verdict.seals / seconds:,.0f}/s); goal {GOAL_SECONDS} s"
    )


async def run(url: str) -> None:
    async with open_service(url, PolicyBook.load()) as service:
        await measure(service)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        asyncio.run(run(server.url))


if __name__ == "__main__":
    main()
