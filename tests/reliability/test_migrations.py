"""R41: every revision, on a database with things in it, down, up and down again, then all of them up."""

import asyncio

from app.core.schema import migrate
from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.core.test_schema import check
from tests.http.filling import copy_ticket
from tests.http.samples import make_samples
from tests.http.service import connect_beside, open_service, take
from tests.reliability.migrating import content_of, down_up_down, revisions

COPIES = 300
_WAITING = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


async def test_R41_each_revision_keeps_what_both_schemas_hold(databases: Databases, book: PolicyBook) -> None:
    url = await databases.clone()
    async with open_service(url, book) as service:
        client = await service.client()
        await make_samples(service, client)
        ticket = await take(client)
    await copy_ticket(url, ticket, copies=COPIES)
    content = await content_of(url)
    assert content.rows["ticket"] > COPIES
    assert sum(map(bool, content.rows.values())) > 30  # tables with rows in them
    for revision in revisions():
        content = await down_up_down(url, revision, content)
    assert content.rows["ticket"] > COPIES
    await asyncio.to_thread(migrate, url)
    up = await content_of(url)
    assert content.lost_in(up) == []
    # What was there before there were seals awaits one too.
    assert up.rows["audit_pending"] == up.rows["timeline_entry"] + up.rows["access_log"]
    await asyncio.to_thread(check, url)


async def test_R41_a_revision_that_gets_no_lock_lets_others_pass_and_is_tried_again(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url, "0038")  # those after drop indexes, which hold up nobody
    holder, reader = await connect_beside(database_url), await connect_beside(database_url)
    holding = holder.transaction()
    await holding.start()
    await holder.execute("LOCK TABLE ticket IN ACCESS SHARE MODE")
    going_down = asyncio.create_task(asyncio.to_thread(migrate, database_url, "base"))
    async with asyncio.timeout(60):
        while not await reader.fetchval(_WAITING):
            await reader.execute("SELECT pg_sleep(0.01)")
        await reader.fetchval("SELECT count(*) FROM ticket")  # queues behind the revision, which gives up
    assert not going_down.done()
    await holding.commit()
    await going_down
    assert await reader.fetchval("SELECT to_regclass('ticket')") is None
    await holder.close()
    await reader.close()
