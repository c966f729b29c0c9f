"""One call makes one ticket: with two processes, with processes killed, with answers lost."""

import asyncio
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import asyncpg
import httpx
import pytest

from app.main import create_app
from tests.builders import a_ticket
from tests.reliability.harness import Measured, Service, attempt, deliver, until, waiting
from tests.reliability.invariants import broken, stored
from tests.reliability.proxy import LosingProxy

CALLS, AT_ONCE = 25, 20
Sent = tuple[dict[str, Any], dict[str, str]]  # the body's peculiarities, the headers
_numbers = count(1)


def unique(what: str) -> str:
    return f"{what}-{next(_numbers):06}"


def _same_key(call: str, _: int) -> Sent:
    return {}, {"Idempotency-Key": call}


def _same_reference(call: str, _: int) -> Sent:
    return {"external_ref": call}, {}


def _a_key_each(call: str, post: int) -> Sent:
    return {"external_ref": call}, {"Idempotency-Key": f"{call}-{post:02}"}


def _same_call_id(call: str, _: int) -> Sent:
    return {"call": {"call_id": call, "rings": 3}}, {}


def _mixed(call: str, post: int) -> Sent:
    """Half of them know the caller's reference beside the call's id."""
    reference = {"external_ref": f"crm-{call}"} if post % 2 else {}
    return {"call": {"call_id": call}} | reference, {}


@pytest.mark.parametrize("sent", [_same_key, _same_reference, _a_key_each, _same_call_id, _mixed])
async def test_R3_twenty_posts_of_one_call_through_two_processes_make_one_ticket(
    service: Service, sent: Callable[[str, int], Sent]
) -> None:
    for _ in range(CALLS):
        call = unique(f"call{sent.__name__}")

        async def post(number: int, call: str = call) -> httpx.Response:
            facts, headers = sent(call, number)
            client = service.clients[number % len(service.clients)]
            return await client.post("/v1/tickets", json=a_ticket(description=call, **facts), headers=headers)

        answers = await asyncio.gather(*map(post, range(AT_ONCE)))
        check_one_ticket(answers, replayed=sent is _same_key, conflicts=sent is _mixed)
    async with service.database() as connection:
        assert set((await stored(connection, f"call{sent.__name__}")).values()) == {1}
        assert not await broken(connection)


def check_one_ticket(answers: list[httpx.Response], *, replayed: bool, conflicts: bool) -> None:
    """See that all answers name one ticket, made once. One that knows another reference may be a conflict."""
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= ({200, 201, 409} if conflicts else {200, 201}), {a.text for a in answers}
    named = {answer.json()["ticket" if answer.status_code == 409 else "number"] for answer in answers}
    assert len(named) == 1
    if replayed:
        assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
        assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    else:
        assert statuses.count(201) == 1


async def test_R3_requests_whose_process_is_killed_under_way_take_effect_once_by_their_retries(
    service: Service,
) -> None:
    what, first, other = unique("killed under way"), service.apis[0], service.clients[1]
    number = (await other.post("/v1/tickets", json=a_ticket())).json()["number"]
    requests = [
        ("/v1/tickets", a_ticket(description=what), {"Idempotency-Key": unique("killed-taking")}),
        (f"/v1/tickets/{number}/escalate", {"reason": "催办"}, {"Idempotency-Key": unique("killed-moving")}),
        (f"/v1/tickets/{number}/comments", {"text": "催办"}, {"Idempotency-Key": unique("killed-noting")}),
    ]
    async with service.database() as holder, service.database() as watcher:
        async with holder.transaction():
            await holder.execute("LOCK TABLE ticket IN EXCLUSIVE MODE")
            under_way = [asyncio.create_task(attempt(service.clients[0], *request)) for request in requests]
            await until(lambda: _waiting_for(watcher, len(requests)), "the requests wait for the table")
            first.kill()
            assert {isinstance(outcome, httpx.Response) for outcome in await asyncio.gather(*under_way)} == {False}
            retries = [asyncio.create_task(deliver([other], *request)) for request in requests]
            await until(lambda: _waiting_for(watcher, 2 * len(requests)), "the retries wait for the requests' end")
        told = await asyncio.gather(*retries)
        assert [answer and answer.status_code for answer in told] == [201, 200, 201]
        found = (await other.get(f"/v1/tickets/{number}")).json()
        assert (found["version"], found["escalation_level"]) == (3, 1)
        timeline = (await other.get(f"/v1/tickets/{number}/timeline")).json()["items"]
        assert sorted(entry["kind"] for entry in timeline) == ["comment", "escalate", "recorded"]
        assert await stored(watcher, what) == {what: 1}
        assert not await broken(watcher)


async def _waiting_for(connection: asyncpg.Connection, number: int) -> bool:
    return await waiting(connection) >= number


async def test_R3_a_process_killed_between_commit_and_answer_leaves_its_answer_to_the_retry(service: Service) -> None:
    what = unique("killed after the commit")
    body, headers = a_ticket(description=what), {"Idempotency-Key": unique("killed-late")}
    await deliver([service.clients[0]], "/v1/tickets", a_ticket(), {})  # the process has taken numbers ahead by now
    async with service.database() as connection:
        # A commit on disk is not reported while a standby that does not exist has not confirmed it.
        await _set(connection, "synchronous_standby_names = 'nobody'")
        try:
            first = asyncio.create_task(attempt(service.clients[0], "/v1/tickets", body, headers))
            await until(lambda: waiting(connection, event="SyncRep"), "the commit is on disk")
            service.apis[0].kill()
            assert isinstance(await first, httpx.TransportError)
        finally:
            await _set(connection, "synchronous_standby_names = ''")
        told = await deliver([service.clients[1]], "/v1/tickets", body, headers)
        assert told is not None
        assert (told.status_code, told.headers.get("idempotent-replayed")) == (201, "true")
        assert await stored(connection, what) == {what: 1}
        assert not await broken(connection)


async def _set(connection: asyncpg.Connection, setting: str) -> None:
    await connection.execute(f"ALTER SYSTEM SET {setting}")
    await connection.execute("SELECT pg_reload_conf()")


async def test_R4_answers_lost_on_the_way_to_the_caller_cost_and_double_nothing(
    service: Service, measured: Measured
) -> None:
    proxy = LosingProxy(service.apis[0].port, marker=b"POST /v1/tickets", share=0.1, random=Random(4))
    async with proxy, service.client(proxy.url) as client:
        await post_many(service, [client], "answer lost", 300)
    assert proxy.lost >= 10
    measured("answers_lost", proxy.lost)


async def test_R4_commits_whose_confirmation_is_lost_cost_and_double_nothing(
    service: Service, measured: Measured
) -> None:
    # The statement of an intake, which commits itself, is known by its values: its text is sent once a connection.
    proxy = LosingProxy(service.postgres.port, marker=b"commit lost", share=0.1, random=Random(5))
    async with proxy:
        app = create_app(service.settings(service.postgres.url_at(proxy.port)), book=service.book)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with app.router.lifespan_context(app), service.client("http://test", transport=transport) as client:
            await post_many(service, [client], "commit lost", 300)
    assert proxy.lost >= 10
    measured("commits_lost", proxy.lost)


async def post_many(service: Service, clients: list[httpx.AsyncClient], what: str, number: int) -> None:
    """Post tickets known by their key alone, eight at a time, each until it is taken; see that each is there once."""
    refused: list[str] = []
    wanted = [unique(what) for _ in range(number)]
    queue = list(wanted)

    async def post() -> None:
        while queue:
            description = queue.pop()
            headers = {"Idempotency-Key": description.replace(" ", "-")}
            told = await deliver(clients, "/v1/tickets", a_ticket(description=description), headers)
            if told is None or told.status_code != 201:
                refused.append(told.text if told else description)

    await asyncio.gather(*(post() for _ in range(8)))
    assert not refused
    async with service.database() as connection:
        assert await stored(connection, what) == dict.fromkeys(wanted, 1)
        assert not await broken(connection)
