"""Statements that run all day are answered from an index, however much there is."""

from collections.abc import AsyncIterator

import pytest

from app.services import upkeep
from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.http.explain import explained
from tests.http.filling import fill
from tests.http.service import Service, open_service

ALL_SOON_DUE = {"within_seconds": "31622400"}


@pytest.fixture(scope="module")
async def full(databases: Databases, book: PolicyBook) -> AsyncIterator[Service]:
    """An application with 20,000 running commitments, and nobody's test clocks."""
    async with open_service(await databases.clone(), book, sandbox=False) as service:
        await fill(service.url, await service.client(), tickets=4_000, each=5)
        yield service


async def plan_of_overdue(service: Service, query: dict[str, str]) -> str:
    client = await service.client()
    plan = await explained(service.db, lambda: client.get("/v1/sla/overdue", params=query), "ticket_commitment")
    return "\n".join(plan)


@pytest.mark.parametrize("only", [{}, {"business_line": "mall"}, {"milestone": "closed_loop"}])
async def test_what_is_overdue_is_read_in_the_order_of_an_index(full: Service, only: dict[str, str]) -> None:
    first = await (await full.client()).get("/v1/sla/overdue", params=ALL_SOON_DUE | only)
    second = {"cursor": first.json()["next_cursor"]}
    for page in ({}, second):
        plan = await plan_of_overdue(full, ALL_SOON_DUE | only | page)
        assert "Index Scan using ix_ticket_commitment_running" in plan, plan
        assert "Seq Scan" not in plan, plan
        assert plan.count("Sort Key") == 1, plan  # of a page from each line, not of all that is overdue


@pytest.mark.parametrize(
    ("only", "index"),
    [
        ({}, "ix_ticket_commitment_running"),
        ({"department": "quality"}, "ix_ticket_commitment_running"),
        ({"assignee_staff_no": "1042"}, "ix_ticket_line_assignee"),
    ],
)
async def test_little_that_is_overdue_is_found_where_it_is(full: Service, only: dict[str, str], index: str) -> None:
    plan = await plan_of_overdue(full, only)
    assert index in plan, plan
    assert "Seq Scan" not in plan, plan


async def test_due_timers_are_found_by_indexes_apart_from_those_of_test_clocks(full: Service) -> None:
    known = await full.app.state.kit.directory.known()
    found = await explained(full.db, lambda: upkeep.fire(full.db, known, full.clock()), "ticket_commitment")
    plan = "\n".join(found)
    assert "Index Scan using ix_ticket_commitment_timer" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "Filter: (test_clock_id" not in plan, plan  # the index holds no others
    idle = await explained(full.db, lambda: upkeep.finish_test_clocks(full.db, known), "test_clock")
    assert "ix_ticket_commitment_test_timer" in "\n".join(idle), idle
