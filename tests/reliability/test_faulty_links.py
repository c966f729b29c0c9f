"""The way to PostgreSQL is cut, silent, slow or closed: requests are told so, and all is well again by itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

import httpx
import pytest

from app.main import create_app
from tests.builders import a_ticket
from tests.reliability.harness import Service, until
from tests.reliability.proxy import LosingProxy

_HANGING_SECONDS = 30.0  # a floor against hanging for ever; R39's 8 s are those of an idle machine
_RECOVERY_SECONDS = 10.0


@dataclass
class Link:
    """An application whose way to PostgreSQL leads through a proxy."""

    proxy: LosingProxy
    client: httpx.AsyncClient
    number: str

    async def ask_all(self) -> list[httpx.Response]:
        path = f"/v1/tickets/{self.number}"
        requests = [
            self.client.post("/v1/tickets", json=a_ticket(description="数据库连接故障期间")),
            self.client.post(f"{path}/comments", json={"text": "仍在处理"}),
            self.client.get(path),
            self.client.get("/v1/tickets"),
        ]
        return list(await asyncio.wait_for(asyncio.gather(*requests), _HANGING_SECONDS))

    async def recover(self) -> None:
        async def writes() -> bool:
            answer = await self.client.post(f"/v1/tickets/{self.number}/comments", json={"text": "恢复"})
            return answer.status_code == 201

        await until(writes, "it writes again", seconds=_RECOVERY_SECONDS)


@pytest.fixture
async def link(service: Service) -> AsyncIterator[Link]:
    proxy = LosingProxy(service.postgres.port, marker=b"COMMIT;", share=0.0, random=Random(1))
    async with proxy:
        app = create_app(service.settings(service.postgres.url_at(proxy.port)), book=service.book)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with app.router.lifespan_context(app), service.client("http://test", transport=transport) as client:
            answer = await client.post("/v1/tickets", json=a_ticket())
            yield Link(proxy, client, answer.json()["number"])
            proxy.speak()


def unavailable(answers: list[httpx.Response]) -> bool:
    return {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "database_unavailable")}


async def test_R39_while_connections_are_refused_every_request_is_told_so(link: Link) -> None:
    await link.proxy.close()
    assert unavailable(await link.ask_all())
    assert unavailable(await link.ask_all())
    await link.proxy.open()
    await link.recover()


async def test_R39_connections_that_are_reset_cost_at_most_the_requests_on_them(link: Link) -> None:
    for _ in range(5):
        under_way = asyncio.create_task(link.ask_all())
        await asyncio.sleep(0.01)
        link.proxy.cut()
        answers = await under_way
        assert {answer.status_code for answer in answers} <= {200, 201, 503}
    await link.recover()


async def test_R39_a_way_that_swallows_everything_holds_no_request_for_ever(link: Link) -> None:
    link.proxy.silence()
    assert unavailable(await link.ask_all())
    assert (await link.client.get("/readyz")).status_code == 503
    assert (await link.client.get("/healthz")).status_code == 200
    link.proxy.speak()
    await link.recover()


async def test_R39_a_way_of_200_ms_makes_requests_slow_and_fails_none(link: Link) -> None:
    link.proxy.delay = 0.1
    answers = await link.ask_all()
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200]
