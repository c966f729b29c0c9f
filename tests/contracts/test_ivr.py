"""What a hotline relies on, by its example run against a server on a socket."""

import asyncio
import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import MakeKey
from tests.http.test_webshop import served

CALL = ("tableware", "call-1", "13800001111", "盘子收到时已碎")


class LosesTheFirstAnswer(httpx.HTTPTransport):
    """A network on which the first request arrives and its answer does not."""

    requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self.requests += 1
        if self.requests == 1:
            answer.read()
            raise httpx.ReadError("the connection broke")
        return answer


@pytest.fixture
def hotline(project: Path) -> dict[str, Any]:
    return runpy.run_path(str(project / "examples/ivr/hotline.py"))


@pytest.fixture
async def line(app: FastAPI, make_key: MakeKey) -> AsyncIterator[tuple[httpx.Client, LosesTheFirstAnswer]]:
    losing = LosesTheFirstAnswer()
    headers = {"Authorization": f"Bearer {await make_key(('tickets:write', 'tickets:read', 'surveys:write'))}"}
    async with served(app) as url:
        with httpx.Client(base_url=url, headers=headers, transport=losing) as service:
            yield service, losing


async def test_a_call_whose_answer_was_lost_is_one_ticket(
    hotline: dict[str, Any], line: tuple[httpx.Client, LosesTheFirstAnswer]
) -> None:
    service, losing = line
    filed = await asyncio.to_thread(hotline["file_call"], service, *CALL)
    assert losing.requests == 2
    assert {"id", "number", "status", "version", "commitments"} <= filed.keys()
    again = await asyncio.to_thread(hotline["file_call"], service, *CALL)
    assert again["id"] == filed["id"]
    listed = (await asyncio.to_thread(lambda: service.get("/v1/tickets"))).json()
    assert [ticket["id"] for ticket in listed["items"]] == [filed["id"]]


async def test_other_words_under_the_same_call_are_refused(
    hotline: dict[str, Any], line: tuple[httpx.Client, LosesTheFirstAnswer]
) -> None:
    service, _ = line
    await asyncio.to_thread(hotline["file_call"], service, *CALL)
    with pytest.raises(httpx.HTTPStatusError) as refused:
        await asyncio.to_thread(lambda: hotline["file_call"](service, *CALL[:3], "另一件事"))
    assert refused.value.response.json()["code"] == "idempotency_key_reused"


async def test_the_key_pressed_after_a_resolved_call_is_its_satisfaction(
    hotline: dict[str, Any], line: tuple[httpx.Client, LosesTheFirstAnswer], client: httpx.AsyncClient
) -> None:
    service, _ = line
    filed = await asyncio.to_thread(hotline["file_call"], service, *CALL)
    for move in ("acknowledge", "start", "resolve"):
        moved = await client.post(f"/v1/tickets/{filed['id']}/{move}", json={"staff_no": "1101", "note": "已补发"})
        assert moved.status_code == 200, moved.text
    await asyncio.to_thread(hotline["file_key_press"], service, filed["number"], "call-1", 4)
    [survey] = (await client.get("/v1/surveys")).json()["items"]
    assert survey["scores"] == {"overall": 4}
