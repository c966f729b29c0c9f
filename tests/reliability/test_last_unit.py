"""Fifty callers through two processes ask for the last unit of a purchase: one gets it, the others are told why not."""

import asyncio

from tests.reliability.harness import Measured, Service
from tests.returns_way import CHEMICALS, DEFECT, bought

CALLERS = 50


async def test_of_fifty_requests_for_the_last_unit_one_succeeds(service: Service, measured: Measured) -> None:
    purchase = await bought(service.clients[0], quantity=3)
    form = {"purchase_id": purchase} | DEFECT
    first = {"business_line": CHEMICALS, "lines": [form | {"quantity": 2}]}
    assert (await service.clients[0].post("/v1/returns", json=first)).status_code == 201
    body = {"business_line": CHEMICALS, "lines": [form]}
    clients = [service.clients[caller % len(service.clients)] for caller in range(CALLERS)]
    answers = await asyncio.gather(*(client.post("/v1/returns", json=body) for client in clients))
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    measured("refused for want of units", len(refused))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * (CALLERS - 1)]
    assert {problem["code"] for problem in refused} == {"quantity_exceeds_returnable"}
    assert all(problem["lines"] == [{"line": 1, "requested": 1, "returnable": 0}] for problem in refused)
    listed = (await service.clients[1].get("/v1/returns", params={"purchase": purchase})).json()["items"]
    assert len(listed) == 2
    async with service.database() as connection:
        held = await connection.fetchval(
            "SELECT sum(held) FROM return_line WHERE purchase_id = $1::uuid", purchase.removeprefix("pur_")
        )
    assert held == 3
