"""Lists, searches and the satisfaction of a year are answered from indexes, however much is on file."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from app.core.personal import Tier
from app.services.policy_book import PolicyBook
from bench.million import PHONE, filled
from tests.conftest import Databases
from tests.http.explain import explained
from tests.http.service import Service, open_service

_READS_ALL = re.compile(r"Seq Scan on (?:ticket|ticket_search|ticket_commitment|survey)\b")
_OPENED, _UPDATED = "ix_ticket_line_opened", "ix_ticket_line_updated"


@dataclass
class Filled:
    """`client` sees everything: what such a caller reads goes in a transaction, where its statements are noted."""

    service: Service
    client: httpx.AsyncClient

    async def plan(self, request: Callable[[], Any], table: str) -> str:
        plan = "\n".join(await explained(self.service.db, request, table))
        assert not _READS_ALL.search(plan), plan
        return plan


@pytest.fixture(scope="module")
async def full(databases: Databases, book: PolicyBook) -> AsyncIterator[Filled]:
    """An application with 20,000 tickets, one in four with a survey, over twenty days."""
    async with open_service(await databases.clone(), book, sandbox=False) as service:
        await filled(service, 20_000)
        yield Filled(service, await service.client(tier=Tier.SENSITIVE))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, _OPENED),
        ({"business_line": "tableware"}, _OPENED),
        ({"business_line": "tableware,mall"}, _OPENED),
        ({"sort": "opened_at"}, _OPENED),
        ({"sort": "updated_at"}, _UPDATED),
        ({"sort": "-updated_at"}, _UPDATED),
        ({"status": "closed"}, "opened|ix_ticket_line_status"),
        ({"status": "resolved"}, "ix_ticket_line_status"),
        ({"severity": "critical"}, "ix_ticket_line_severity"),
        ({"owner_staff_no": "9999"}, "ix_ticket_line_owner"),
        ({"assignee_staff_no": "1042"}, "ix_ticket_line_assignee"),
        ({"department": "quality"}, "opened|ix_ticket_line_department"),
    ],
)
async def test_a_list_is_read_from_the_index_that_serves_it(full: Filled, wanted: dict[str, str], index: str) -> None:
    pages: list[dict[str, str]] = [{}]
    first = (await full.client.get("/v1/tickets", params=wanted)).json()
    if first["next_cursor"] is not None:
        pages.append({"cursor": first["next_cursor"]})
    for page in pages:
        plan = await full.plan(partial(full.client.get, "/v1/tickets", params=wanted | page), "ticket")
        assert re.search(index, plan), plan


@pytest.mark.parametrize("wanted", [{}, {"status": "resolved"}, {"assignee_staff_no": "1042"}])
async def test_a_total_is_counted_in_an_index(full: Filled, wanted: dict[str, str]) -> None:
    query = wanted | {"include": "total"}
    plan = await full.plan(lambda: full.client.get("/v1/tickets", params=query), "ticket")
    assert "Aggregate" in plan, plan
    assert "Index" in plan, plan


async def test_what_is_overdue_is_listed_without_reading_all_commitments(full: Filled) -> None:
    await full.plan(lambda: full.client.get("/v1/tickets", params={"overdue": "true"}), "ticket")


@pytest.mark.parametrize(
    ("criteria", "index"),
    [
        ({"phone": PHONE}, "ix_ticket_phone"),
        ({"name": "李四"}, "ix_ticket_name"),
        ({"name": "王芳"}, _OPENED),  # everybody's
        ({"batch": "B-100"}, "ix_ticket_batch"),
        ({"order_no": "SO-1"}, "ix_ticket_order_no"),
        ({"model": "P-1"}, "ix_ticket_model"),
        ({"external_id": "C-1"}, "ix_ticket_customer"),
        ({"text": "釉面大片剥落"}, "ix_ticket_search_tokens"),
        ({"text": "请尽快处理"}, _OPENED),
        ({"text": "请尽快处理", "batch": "B-100"}, "ix_ticket_batch"),
        ({"text": "釉面大片剥落", "phone": PHONE}, "ix_ticket_phone|ix_ticket_search_tokens"),
    ],
)
async def test_a_search_starts_from_an_index(full: Filled, criteria: dict[str, str], index: str) -> None:
    plan = await full.plan(lambda: full.client.post("/v1/tickets/search", json=criteria), "ticket")
    assert re.search(index, plan), plan


async def test_satisfaction_reads_no_survey_but_those_that_are_followed_up(full: Filled) -> None:
    await full.plan(lambda: full.client.get("/v1/satisfaction"), "survey JOIN ticket")
