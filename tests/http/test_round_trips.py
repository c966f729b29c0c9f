"""What the main requests ask of the database: one round trip more must be somebody's decision.

`SET LOCAL app.lines` goes in one message with BEGIN; everything else is a message of its own. What only reads tickets
is one message, since the connection keeps to the same lines as before.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import Engine, PoolProxiedConnection, event

from app.core.personal import Tier
from tests.builders import a_ticket
from tests.http.service import Service, take
from tests.http.test_returns import body as about_returns

pytestmark = pytest.mark.usefixtures("never_read_again")

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE) (\w+)")
_ENDS = ("BEGIN", "COMMIT", "ROLLBACK")
_SHOWN = "SELECT ticket_commitment"  # within one of tickets
_LOADED = ["SELECT ticket", "SELECT ticket_commitment"]
_CLAIM, _SETTLE = "INSERT idempotency_record", "UPDATE idempotency_record"
_NOTED = ["INSERT event", "UPDATE ticket", "INSERT timeline_entry"]
_TICKET = "/v1/tickets/{ticket}"
_TEXT = {"business_line": "tableware", "text": "餐盘收到时有两个裂了，请尽快处理。"}
_KEYED = {"Idempotency-Key": "round-trips-{number}"}
ASKED: dict[tuple[str, str], tuple[Any, dict[str, str], list[str]]] = {
    ("take", "POST /v1/tickets"): (a_ticket(), {}, ["WITH ticket"]),
    ("take under a key", "POST /v1/tickets"): (
        a_ticket(), _KEYED, ["WITH idempotency_record"],
    ),
    ("repeat", "POST /v1/tickets"): (
        a_ticket(), {"Idempotency-Key": "repeated-one"},
        # The first in truth is the statement by itself, of which the driver tells a turn of the loop too late.
        ["BEGIN", _CLAIM, "WITH idempotency_record", "SELECT idempotency_record", "COMMIT"],
    ),
    ("read", f"GET {_TICKET}"): (None, {}, [_SHOWN]),
    ("list", "GET /v1/tickets?limit=50"): (None, {}, [_SHOWN]),
    ("list with total", "GET /v1/tickets?include=total"): (None, {}, ["BEGIN", _SHOWN, "SELECT ticket", "COMMIT"]),
    ("search", "POST /v1/tickets/search"): ({"phone": "13800001234"}, {}, [_SHOWN]),
    ("timeline", f"GET {_TICKET}/timeline"): (None, {}, ["BEGIN", "SELECT ticket", "SELECT timeline_entry", "COMMIT"]),
    ("comment", f"POST {_TICKET}/comments"): (
        {"text": "已联系客户"}, _KEYED, ["BEGIN", _CLAIM, *_LOADED, *_NOTED, _SETTLE, "COMMIT"],
    ),
    ("late", "GET /v1/sla/overdue"): (None, {}, ["BEGIN", "SELECT unnest", "COMMIT"]),
    ("feed", "GET /v1/events"): (None, {}, ["BEGIN", "SELECT event", "COMMIT"]),
    ("classify", "POST /v1/complaints/classify"): (_TEXT, {}, []),
    ("eligibility", "POST /v1/returns/eligibility"): (about_returns(), {}, []),
}  # fmt: skip


@asynccontextmanager
async def asked_of(engine: Engine) -> AsyncIterator[list[str]]:
    """Collect what goes to the database during the block: of each message its first word and its first table."""
    asked: list[str] = []
    links: set[asyncpg.Connection] = set()

    def sent(statement: str) -> None:
        table = _TABLE.search(statement)
        asked.append(f"{statement.split(maxsplit=1)[0]} {table and table[1]}")

    def alone(message: asyncpg.connection.LoggedQuery) -> None:
        if not message.query.startswith(_ENDS):
            sent(message.query)

    def lent(connection: PoolProxiedConnection, *_: object) -> None:
        link: asyncpg.Connection = connection.driver_connection
        link.add_query_logger(alone)
        links.add(link)

    listeners: dict[str, Any] = {word.lower(): lambda *_, word=word: asked.append(word) for word in _ENDS}
    listeners["before_cursor_execute"] = lambda _connection, _cursor, statement, *_: sent(statement)
    listeners["checkout"] = lent
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield asked
        await asyncio.sleep(0)  # the driver tells in the loop's next turn what was sent without a transaction
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
        for link in links:
            link.remove_query_logger(alone)


@pytest.mark.parametrize(("name", "operation"), ASKED)
async def test_a_request_asks_of_the_database_what_the_table_says(
    service: Service, caller: httpx.AsyncClient, name: str, operation: str
) -> None:
    body, headers, expected = ASKED[name, operation]
    method, _, path = operation.partition(" ")
    path = path.format(ticket=(await take(caller))["number"])
    for number in range(2):  # the first may be the first to need the key or the lines
        sent = {header: value.format(number=f"{name.replace(' ', '-')}-{number}") for header, value in headers.items()}
        async with asked_of(service.db.engine.sync_engine) as asked:
            response = await caller.request(method, path, json=body, headers=sent)
        assert response.is_success, response.text
    assert asked == expected


async def test_what_is_shown_in_full_costs_one_more_to_note(service: Service, caller: httpx.AsyncClient) -> None:
    number = (await take(caller))["number"]
    supervisor = await service.client(tier=Tier.SENSITIVE)
    await supervisor.get(f"/v1/tickets/{number}")
    async with asked_of(service.db.engine.sync_engine) as asked:
        await supervisor.get(f"/v1/tickets/{number}")
    assert asked == ["BEGIN", _SHOWN, "INSERT access_log", "COMMIT"]
