"""A change that breaks off at any of its statements leaves nothing behind, and its retry makes it once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from httpx import AsyncClient
from sqlalchemy import Connection, event, text

from app.core.db import Base, Database
from app.core.links import Link
from tests.builders import a_ticket
from tests.reliability.harness import Measured


@dataclass
class Fault:
    """Breaks off a request at its `at`-th statement; a commit counts as one, and a statement that commits itself."""

    at: int
    how: Callable[[Any], None]
    seen: int = 0

    @property
    def happened(self) -> bool:
        return self.seen >= self.at

    def statement(self, connection: Connection, *_: object) -> None:
        self.alone(connection.connection.driver_connection)

    def alone(self, link: Any) -> None:
        self.seen += 1
        if self.seen == self.at:
            self.how(link)


def _a_bug(_: object) -> None:
    raise LookupError("a fault of our own")


def _the_link_breaks(link: Any) -> None:
    link.terminate()


@contextmanager
def broken_off(db: Database, fault: Fault) -> Iterator[None]:
    engine, keep_to = db.engine.sync_engine, Link.keep_to

    async def then_alone(link: Link, lines: str) -> None:
        await keep_to(link, lines)
        fault.alone(link)  # what comes next is a statement without a transaction

    hooks = ("before_cursor_execute", "commit")
    for hook in hooks:
        event.listen(engine, hook, fault.statement)
    try:
        with patch.object(Link, "keep_to", then_alone):
            yield
    finally:
        for hook in hooks:
            event.remove(engine, hook, fault.statement)


async def everything(db: Database) -> dict[str, list[str]]:
    """Return every row of every table, as text."""
    async with db.begin() as session:
        return {
            table.name: list(await session.scalars(text(f"SELECT t::text FROM {table.name} t ORDER BY 1")))
            for table in Base.metadata.sorted_tables
        }


def gained(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, int]:
    counts = {table: len(after[table]) - len(rows) for table, rows in before.items()}
    return {table: count for table, count in counts.items() if count}


@dataclass(frozen=True)
class Change:
    """A request, and how many rows it adds to which tables."""

    method: str
    path: str
    body: dict[str, Any]
    rows: dict[str, int]
    headers: tuple[tuple[str, str], ...] = ()
    first: tuple[str, dict[str, Any]] | None = None  # what is posted before it
    statements: int = 3  # at least


_NOTED = {"event": 1, "timeline_entry": 1, "audit_pending": 1, "idempotency_record": 1}
_TAKEN = _NOTED | {"ticket": 1, "ticket_commitment": 2, "ticket_search": 1, "ticket_assignment": 1}
_MEASURE = {"department": "production", "text": "隔离库存", "owner_staff_no": "7101", "due_on": "2026-11-25"}
_THERE = a_ticket(external_ref="there", description="用热水冲一下杯子就炸裂了，质量太差")
_CONFIRMED = {"complaint_class": "quality", "issue_type": "product_quality", "severity": "minor", "staff_no": "1101"}
_SERIOUS = a_ticket(business_line="components", severity="serious", external_ref="serious")
_HANDED_OVER = _NOTED | {"ticket_assignment": 1}
_OURS = {"ours": True, "department": "production", "cause": "釉料配比有误"}
_CAPA = {"title": "餐盘开裂", "problem": "同批次餐盘受热开裂", "staff_no": "3001"}
_POINT = {"business_line": "tableware", "number": "H-1", "name": "杭州服务站", "kind": "branch", "regions": ["CN-ZJ"]}
_NEAR = a_ticket(external_ref="near", region="CN-3301", sold_by="H-1")
_RETURN = {"business_line": "tableware", "lines": [{"product_name": "餐盘", "reason": "quality"}] * 2}
_RETURNED = {
    "event": 1, "idempotency_record": 1, "return_request": 1, "return_line": 2, "return_decision": 2,
    "return_deadline": 1,
}  # fmt: skip
CHANGES = [
    Change("POST", "", a_ticket(external_ref="whole"), _TAKEN, statements=1),
    Change("POST", "", _THERE, {"idempotency_record": 1}),
    Change("POST", "/{number}/start", {"staff_no": "1101"}, _HANDED_OVER),
    Change("POST", "/{number}/comments", {"text": "已联系客户", "visibility": "customer"}, _NOTED),
    Change("PATCH", "/{number}", {"urgency": "emergency"}, _NOTED, (("If-Match", '"1.general"'),)),
    Change(
        "PUT", "/{number}/classification", _CONFIRMED, _NOTED | {"classification_feedback": 1},
        headers=(("If-Match", '"1.general"'),),
    ),
    Change("POST", "/{number}/accept", {}, {"idempotency_record": 1}),
    Change("POST", "", _SERIOUS, _TAKEN | {"event": 3, "timeline_entry": 2, "audit_pending": 2, "complaint_report": 1}),
    Change("POST", "/{number}/report", {"staff_no": "1101"}, _NOTED | {"complaint_report": 1}),
    Change(
        "POST", "/{number}/report/measures", _MEASURE, _NOTED | {"complaint_report_measure": 1},
        first=("/{number}/report", {"staff_no": "1101"}),
    ),
    Change("POST", "/{number}/responsibility", _OURS, _NOTED | {"responsibility": 1}),
    Change("POST", "/{number}/capa", _CAPA, _NOTED | {"event": 2, "capa": 1, "capa_ticket": 1}),
    Change("POST", "/v1/returns", _RETURN, _RETURNED),
    Change("POST", "/v1/service-points", _POINT, {"service_point": 1, "idempotency_record": 1}),
    Change("POST", "", _NEAR, _TAKEN, first=("/v1/service-points", _POINT)),
]  # fmt: skip
_NAMES = ["take", "repeat", "move", "comment", "change", "confirm", "refusal", "take serious", "open report", "measure"]


def _address(path: str, ticket: dict[str, Any]) -> str:
    path = path if path.startswith("/v1/") else f"/v1/tickets{path}"
    return path.format(number=ticket["number"])


@pytest.mark.usefixtures("never_read_again")  # each statement is the change's own
@pytest.mark.parametrize(("how", "status"), [(_a_bug, 500), (_the_link_breaks, 503)], ids=["a bug", "the link breaks"])
@pytest.mark.parametrize(
    "change", CHANGES, ids=[*_NAMES, "determine", "open a CAPA", "return", "open a point", "take near"]
)
async def test_R5_a_change_is_whole_or_not_there_whichever_statement_fails(
    client: AsyncClient,
    db: Database,
    change: Change,
    how: Callable[[Any], None],
    status: int,
    measured: Measured,
) -> None:
    ticket = (await client.post("/v1/tickets", json=_THERE)).json()
    path = _address(change.path, ticket)
    if change.first is not None:
        await client.post(_address(change.first[0], ticket), json=change.first[1])
    headers = {"Idempotency-Key": "one-and-the-same", **dict(change.headers)}

    async def send() -> httpx.Response:
        return await client.request(change.method, path, json=change.body, headers=headers)

    before = await everything(db)
    for at in range(1, 40):
        fault = Fault(at, how)
        with broken_off(db, fault):
            answer = await send()
        if not fault.happened:
            break
        assert answer.status_code == status, f"statement {at}: {answer.text}"
        assert await everything(db) == before, f"statement {at}"
    measured("statements", fault.seen)
    assert fault.seen >= change.statements
    after = await everything(db)
    assert gained(before, after) == change.rows
    again = await send()
    assert (again.status_code, again.content) == (answer.status_code, answer.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert await everything(db) == after
