"""R44: whatever was asked and whatever came of it, one id joins answer, log, timeline, feed, webhook and access log."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.core.auth import MAX_LIFETIME
from app.core.call import EVERYTHING
from app.core.db import Database
from app.core.outbox import seal_events
from app.core.personal import Tier
from app.services.upkeep import fan_out
from tests.builders import a_ticket
from tests.http.operations import in_bytes
from tests.http.service import hook, make_key, run_sql, settings_for, take
from tests.http.wire import Server

REQUESTS, BROKEN_REQUESTS = 1000, 60
OURS = re.compile(r"req_[0-9a-f]{24}")
HOSTILE = ["a%0d%0aSet-Cookie: b", "a" * 10_000, "a b", "é", '{"level":"error"}', "a\\n", "<script>"]
# What a request asks, and what the answer has to be; `{ticket}` is one that exists.
Asked = tuple[str, str, dict[str, Any] | None, int]
ROUND: Sequence[Asked] = (
    ("POST", "/v1/tickets", a_ticket(), 201),
    ("POST", "/v1/tickets/{ticket}/comments", {"text": "已联系"}, 201),
    ("GET", "/v1/tickets/{ticket}", None, 200),
    ("GET", "/v1/tickets", None, 200),
    ("POST", "/v1/tickets/search", {"phone": "13800001234"}, 200),
    ("POST", "/v1/tickets", {"kind": "x"}, 422),
    ("GET", "/v1/tickets/absent", None, 404),
    ("GET", "/v1/nothing", None, 404),
    ("DELETE", "/v1/tickets", None, 405),
    ("GET", "/v1/tickets?stauts=open", None, 400),
    ("GET", "/healthz", None, 200),
)
BROKEN: Sequence[Asked] = (
    ("POST", "/v1/tickets", a_ticket(), 500),
    ("GET", "/v1/tickets/{ticket}", None, 500),
    ("GET", "/v1/tickets", None, 500),
)


@dataclass
class Run:
    """What was asked and answered, by the id of each, and what it left in the log and the stores."""

    answers: dict[str, httpx.Response] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    stored: dict[str, list[str]] = field(default_factory=dict)

    async def ask(self, client: httpx.AsyncClient, asked: Asked, ticket: str, sent: str) -> None:
        method, url, body, status = asked
        headers = in_bytes({"X-Request-Id": sent})
        response = await client.request(method, url.replace("{ticket}", ticket), json=body, headers=headers)
        assert response.status_code == status, response.text
        name = response.headers["x-request-id"]
        self.answers[name], self.asked[name] = response, asked

    def of(self, *asked: Asked) -> set[str]:
        """The ids of the answers to these."""
        return {name for name, one in self.asked.items() if any(one is other for other in asked)}


STORES = {
    "timeline": "SELECT request_id FROM timeline_entry",
    "feed": "SELECT request_id FROM event",
    "webhook": "SELECT event.request_id FROM webhook_delivery JOIN event ON event.id = webhook_delivery.event_id",
    "access": "SELECT request_id FROM access_log",
}


@pytest.fixture
async def run(server: Server, url: str) -> Run:
    """A thousand requests of all kinds, some with ids that could forge a line, some to a database that is broken."""
    run, db, now = Run(), Database(settings_for(url)), datetime.now(UTC)
    key = await make_key(db, now, (EVERYTHING,), (EVERYTHING,), Tier.SENSITIVE, MAX_LIFETIME)
    headers = {"Authorization": f"Bearer {key}", "Accept-Language": "en"}
    address = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
        await hook(client)
        ticket = (await take(client))["number"]
        for number in range(REQUESTS - BROKEN_REQUESTS):
            sent = HOSTILE[number // 50 % len(HOSTILE)] if number % 50 == 0 else f"mine-{number}"
            await run.ask(client, ROUND[number % len(ROUND)], ticket, sent)
        await run_sql(url, "ALTER TABLE ticket RENAME TO ticket_away")
        for number in range(BROKEN_REQUESTS):
            await run.ask(client, BROKEN[number % len(BROKEN)], ticket, f"broken-{number}")
        await run_sql(url, "ALTER TABLE ticket_away RENAME TO ticket")
    async with db.begin() as session:
        await seal_events(session)
    while await fan_out(db, now):
        pass
    await db.dispose()
    for store, statement in STORES.items():
        run.stored[store] = [row[0] for row in await run_sql(url, statement)]
    server.lines_of(f"broken-{BROKEN_REQUESTS - 1}")  # the last one is written
    run.log = [line for line in server.lines() if line.get("request_id") in run.answers]
    return run


async def test_R44_a_thousand_requests_are_joined_by_their_ids(run: Run) -> None:
    assert len(run.answers) == REQUESTS
    replaced = [name for name in run.answers if not name.startswith(("mine-", "broken-"))]
    assert len(replaced) == 19
    assert all(OURS.fullmatch(name) for name in replaced)
    assert all(answer.json()["request_id"] == name for name, answer in run.answers.items() if answer.is_error)

    logged = Counter(line["request_id"] for line in run.log if line["event"] == "request")
    assert logged == dict.fromkeys(run.answers, 1)
    statuses = {line["request_id"]: line["status"] for line in run.log if line["event"] == "request"}
    assert statuses == {name: answer.status_code for name, answer in run.answers.items()}
    assert all(line["timestamp"].endswith("Z") for line in run.log)

    taken, commented, read = ROUND[:3]
    for store in ("timeline", "feed", "webhook"):
        assert run.of(taken, commented) <= set(run.stored[store]), store
        assert not (set(run.stored[store]) & run.of(*ROUND[2:], *BROKEN)), store
    assert run.of(read)
    assert run.of(read) <= set(run.stored["access"])

    errors = [line for line in run.log if line["level"] == "error"]
    assert Counter(line["request_id"] for line in errors) == dict.fromkeys(run.of(*BROKEN), 1)
    assert len(errors) == BROKEN_REQUESTS
    assert all("42P01" in json.dumps(line["causes"]) for line in errors)  # PostgreSQL's word for the cause
    quoted = ("Traceback", "sqlalchemy", "asyncpg", "42P01", "ticket_away")
    assert not [answer for answer in run.answers.values() if any(word in answer.text for word in quoted)]
