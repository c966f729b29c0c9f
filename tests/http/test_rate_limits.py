"""How often a secret key may ask, in all processes together, and what it is told of it."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import httpx
import pytest

from app.core import key_limits
from app.core.auth import issue_key
from app.core.call import EVERYTHING
from app.core.personal import Tier
from app.services.policy_book import PolicyBook
from tests.builders import a_ticket
from tests.conftest import Databases
from tests.http.problems import check_problem
from tests.http.service import Service, open_service

LIMITS = {"key_limit": 60, "key_burst": 1_000, "key_ticket_limit": 30, "key_list_limit": 12, "key_concurrency": 4}
ITEM = re.compile(r'"([a-z]+)";r=(\d+);t=(\d+)')


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, a lease is waited for."""
    monkeypatch.setattr(key_limits, "_WAIT_SECONDS", 30.0)


@pytest.fixture
async def processes(databases: Databases, book: PolicyBook) -> AsyncIterator[list[Service]]:
    """Two applications on one database."""
    url = await databases.clone()
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_service(url, book, **LIMITS)) for _ in range(2)]


@pytest.fixture
async def clients(processes: list[Service]) -> list[httpx.AsyncClient]:
    """One key at both."""
    key = await processes[0].key()
    return [await process.client(key) for process in processes]


def violated(answer: httpx.Response) -> list[str]:
    found: list[str] = answer.json()["violated_policies"]
    return found


def left(answer: httpx.Response) -> dict[str, tuple[int, int]]:
    """What the header says of each policy: what remains, and for how many seconds."""
    items = [ITEM.fullmatch(item) for item in answer.headers["ratelimit"].split(", ")]
    return {item[1]: (int(item[2]), int(item[3])) for item in items if item}


async def flood(clients: Sequence[httpx.AsyncClient], path: str, number: int) -> list[httpx.Response]:
    """Ask of each in turn."""
    return [await clients[turn % len(clients)].get(path) for turn in range(number)]


async def test_R35_processes_hold_a_limit_together(clients: list[httpx.AsyncClient]) -> None:
    answers = await flood(clients, "/v1/events", 100)
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 60, 429: 40}
    for answer in answers:
        if answer.status_code == 429:
            check_problem(answer, 429, "rate_limited")
            assert violated(answer) == ["default"]
            assert int(answer.headers["retry-after"]) >= left(answer)["default"][1] >= 1


async def test_R35_an_uneven_load_loses_less_than_five_percent(clients: list[httpx.AsyncClient]) -> None:
    await clients[1].get("/v1/events")
    answers = await flood(clients[:1], "/v1/events", 100)
    served = 1 + sum(answer.status_code == 200 for answer in answers)
    assert 57 <= served <= 63


async def test_R35_requests_at_once_are_counted_one_by_one(processes: list[Service]) -> None:
    key = await processes[0].key()
    clients = [await process.client(key) for process in processes]
    answers = []
    for _ in range(20):
        answers += await asyncio.gather(*(client.get("/v1/events") for client in clients for _ in range(3)))
    assert 57 <= sum(answer.status_code == 200 for answer in answers) <= 63


async def test_R35_lists_and_tickets_have_limits_of_their_own(clients: list[httpx.AsyncClient]) -> None:
    lists = await flood(clients, "/v1/tickets", 13)
    assert [answer.status_code for answer in lists] == [200] * 12 + [429]
    assert violated(lists[-1]) == ["list"]
    assert list(left(lists[0])) == ["default", "burst", "list"]
    taken = [await clients[0].post("/v1/tickets", json=a_ticket()) for _ in range(31)]
    assert [answer.status_code for answer in taken] == [201] * 30 + [429]
    assert violated(taken[-1]) == ["ticket"]


async def test_R35_answers_say_what_is_left(clients: list[httpx.AsyncClient]) -> None:
    for expected in (59, 58, 57):
        answer = await clients[0].get("/v1/events")
        assert answer.headers["ratelimit-policy"] == '"default";q=60;w=60, "burst";q=1000;w=1'
        assert left(answer)["default"][0] == expected
        assert 1 <= left(answer)["default"][1] <= 60
    refused = await clients[0].get("/v1/tickets/AS-20000101-000001")
    assert (refused.status_code, left(refused)["default"][0]) == (404, 56)


async def test_R35_keys_share_nothing_and_a_factor_multiplies_all(processes: list[Service]) -> None:
    first, second = await processes[0].client(), await processes[0].client()
    await flood([first], "/v1/tickets", 13)
    assert (await second.get("/v1/tickets")).status_code == 200
    async with processes[0].db.begin() as session:
        wide = issue_key(
            session, name="ivr", scopes=[EVERYTHING], business_lines=[EVERYTHING], tier=Tier.GENERAL,
            now=processes[0].clock(), rate_factor=3,
        )  # fmt: skip
    answers = await flood([await processes[0].client(wide)], "/v1/tickets", 37)
    assert [answer.status_code for answer in answers] == [200] * 36 + [429]
    assert answers[0].headers["ratelimit-policy"] == '"default";q=180;w=60, "burst";q=3000;w=1, "list";q=36;w=60'


async def test_R35_a_burst_is_refused_for_a_second(databases: Databases, book: PolicyBook) -> None:
    async with open_service(await databases.clone(), book, key_burst=1) as service:
        client = await service.client()
        answers = await flood([client], "/v1/events", 2)
        while answers[-1].status_code == 200:  # a second may have gone by between them
            answers.append(await client.get("/v1/events"))
        assert violated(answers[-1]) == ["burst"]
        assert int(answers[-1].headers["retry-after"]) in (1, 2)


async def test_R35_a_key_has_so_many_requests_under_way(processes: list[Service]) -> None:
    client = await processes[0].client()
    ticket = (await client.post("/v1/tickets", json=a_ticket())).json()["id"]
    async with processes[0].db.begin() as session:
        held = await session.connection()
        await held.exec_driver_sql("LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE")
        under_way = [asyncio.create_task(client.get(f"/v1/tickets/{ticket}")) for _ in range(5)]
        done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = done
        check_problem(refused.result(), 429, "rate_limited")
        assert violated(refused.result()) == ["concurrent"]
    answers = await asyncio.gather(*under_way)
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [429]


async def test_R35_while_counts_cannot_be_known_calls_are_taken_and_lists_are_not(
    processes: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = processes[0]
    client = await service.client()
    assert (await client.get("/v1/tickets")).status_code == 200
    monkeypatch.setattr(key_limits, "_WAIT_SECONDS", 0.05)
    async with service.db.begin() as session:
        held = await session.connection()
        await held.exec_driver_sql("LOCK TABLE counter IN ACCESS EXCLUSIVE MODE")
        check_problem(await client.get("/v1/tickets"), 503, "database_unavailable")
        assert (await client.post("/v1/tickets", json=a_ticket())).status_code == 201


async def test_R35_health_is_asked_without_limits(processes: list[Service]) -> None:
    answers = await flood([processes[0].anonymous()], "/healthz", 100)
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[0].headers
