"""What the main requests ask of the database: one round trip more must be somebody's decision.

`SET LOCAL app.lines` goes in one message with BEGIN; everything else is a message of its own.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from app.core.personal import Tier
from tests.builders import a_ticket
from tests.http.service import Service, take
from tests.http.test_returns import body as about_returns

pytestmark = pytest.mark.usefixtures("never_read_again")

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE) (\w+)")
_ENDS = ("begin", "commit", "rollback")
_READ = ["BEGIN", "SELECT ticket", "SELECT ticket_commitment"]
_CLAIM, _SETTLE = "INSERT idempotency_record", "UPDATE idempotency_record"
_NOTED = ["INSERT event", "UPDATE ticket", "INSERT timeline_entry"]
_TICKET = "/v1/tickets/{ticket}"
_TEXT = {"business_line": "tableware", "text": "餐盘收到时有两个裂了，请尽快处理。"}
_KEYED = {"Idempotency-Key": "round-trips-{number}"}
ASKED: dict[tuple[str, str], tuple[Any, dict[str, str], list[str]]] = {
    ("take", "POST /v1/tickets"): (a_ticket(), {}, ["BEGIN", "WITH ticket", "COMMIT"]),
    ("take under a key", "POST /v1/tickets"): (
        a_ticket(), _KEYED, ["BEGIN", _CLAIM, "WITH ticket", _SETTLE, "COMMIT"],
    ),
    ("repeat", "POST /v1/tickets"): (
        a_ticket(), {"Idempotency-Key": "repeated-one"}, ["BEGIN", _CLAIM, "SELECT idempotency_record", "COMMIT"],
    ),
    ("read", f"GET {_TICKET}"): (None, {}, [*_READ, "COMMIT"]),
    ("list", "GET /v1/tickets?limit=50"): (None, {}, [*_READ, "COMMIT"]),
    ("list with total", "GET /v1/tickets?include=total"): (None, {}, [*_READ, "SELECT ticket", "COMMIT"]),
    ("search", "POST /v1/tickets/search"): ({"phone": "13800001234"}, {}, [*_READ, "COMMIT"]),
    ("timeline", f"GET {_TICKET}/timeline"): (None, {}, ["BEGIN", "SELECT ticket", "SELECT timeline_entry", "COMMIT"]),
    ("comment", f"POST {_TICKET}/comments"): (
        {"text": "已联系客户"}, _KEYED, ["BEGIN", _CLAIM, *_READ[1:], *_NOTED, _SETTLE, "COMMIT"],
    ),
    ("late", "GET /v1/sla/overdue"): (None, {}, ["BEGIN", "SELECT unnest", "COMMIT"]),
    ("feed", "GET /v1/events"): (None, {}, ["BEGIN", "SELECT event", "COMMIT"]),
    ("classify", "POST /v1/complaints/classify"): (_TEXT, {}, []),
    ("eligibility", "POST /v1/returns/eligibility"): (about_returns(), {}, []),
}  # fmt: skip


@contextmanager
def asked_of(engine: Engine) -> Iterator[list[str]]:
    """Collect what goes to the database during the block: of each statement its first word and its first table."""
    asked: list[str] = []

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        table = _TABLE.search(statement)
        asked.append(f"{statement.split(maxsplit=1)[0]} {table and table[1]}")

    listeners: dict[str, Any] = {word: lambda *_, word=word: asked.append(word.upper()) for word in _ENDS}
    listeners["before_cursor_execute"] = executed
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        yield asked
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)


@pytest.mark.parametrize(("name", "operation"), ASKED)
async def test_a_request_asks_of_the_database_what_the_table_says(
    service: Service, caller: httpx.AsyncClient, name: str, operation: str
) -> None:
    body, headers, expected = ASKED[name, operation]
    method, _, path = operation.partition(" ")
    path = path.format(ticket=(await take(caller))["number"])
    for number in range(2):  # the first may be the first to need the key or the lines
        sent = {header: value.format(number=f"{name.replace(' ', '-')}-{number}") for header, value in headers.items()}
        with asked_of(service.db.engine.sync_engine) as asked:
            response = await caller.request(method, path, json=body, headers=sent)
        assert response.is_success, response.text
    assert asked == expected


async def test_what_is_shown_in_full_costs_one_more_to_note(service: Service, caller: httpx.AsyncClient) -> None:
    number = (await take(caller))["number"]
    supervisor = await service.client(tier=Tier.SENSITIVE)
    await supervisor.get(f"/v1/tickets/{number}")
    with asked_of(service.db.engine.sync_engine) as asked:
        await supervisor.get(f"/v1/tickets/{number}")
    assert asked == [*_READ, "INSERT access_log", "COMMIT"]
