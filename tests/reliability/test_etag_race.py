"""Many writers of one ticket through two processes: nobody's change overwrites another's."""

import asyncio

from tests.builders import a_ticket
from tests.reliability.harness import Measured, Service
from tests.reliability.invariants import broken

WRITERS = 16


async def test_R6_of_many_writers_who_repeat_on_412_every_one_is_heard(service: Service, measured: Measured) -> None:
    path = f"/v1/tickets/{(await service.clients[0].post('/v1/tickets', json=a_ticket())).json()['number']}"
    refused = 0

    async def add(writer: int) -> None:
        nonlocal refused
        client = service.clients[writer % len(service.clients)]
        while True:
            read = await client.get(path)
            body = {"materials": [*read.json()["materials"], f"photo_{writer}"]}
            answer = await client.patch(path, json=body, headers={"If-Match": read.headers["etag"]})
            if answer.status_code == 200:
                return
            assert answer.status_code == 412, answer.text
            refused += 1

    await asyncio.gather(*map(add, range(WRITERS)))
    measured("changes refused as out of date", refused)
    found = (await service.clients[0].get(path)).json()
    assert sorted(found["materials"]) == sorted(f"photo_{writer}" for writer in range(WRITERS))
    assert found["version"] == 1 + WRITERS
    assert refused > 0
    await moves_at_once(service, path)
    async with service.database() as connection:
        assert not await broken(connection)


async def moves_at_once(service: Service, path: str) -> None:
    """Without `If-Match` the moves queue up for the ticket, and each counts."""
    before = (await service.clients[0].get(path)).json()["version"]
    bodies = [{"assignee_staff_no": f"{writer:04}"} for writer in range(WRITERS)]
    clients = [service.clients[writer % len(service.clients)] for writer in range(WRITERS)]
    answers = await asyncio.gather(
        *(client.post(f"{path}/assign", json=body) for client, body in zip(clients, bodies, strict=True))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["version"] for answer in answers) == [before + 1 + n for n in range(WRITERS)]
