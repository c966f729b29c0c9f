"""Keys follow one another; what a client has said stays its own."""

from datetime import timedelta
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from app.core.auth import ApiKey
from app.core.db import Database
from app.services.keys import rotate_key
from tests.builders import a_ticket
from tests.conftest import FakeClock, MakeClient, MakeKey

NOBODY = UUID(int=0)


async def test_R18_a_rotated_key_is_the_same_client_and_both_are_good_for_a_while(
    make_key: MakeKey, make_client: MakeClient, db: Database, clock: FakeClock
) -> None:
    old = await make_client(await make_key())
    first = (await old.post("/v1/tickets", json=a_ticket(external_ref="r-1"))).json()
    async with db.begin() as session:
        key = (await session.scalars(select(ApiKey.id))).one()
    successor = await rotate_key(db, key, clock(), overlap=timedelta(days=1))
    assert successor is not None
    new = await make_client(successor)
    for client in (old, new):
        again = await client.post("/v1/tickets", json=a_ticket(external_ref="r-1"))
        assert (again.status_code, again.json()["number"]) == (200, first["number"])
    clock.advance(days=2)
    assert await _status(new) == 200


async def _status(client: AsyncClient) -> int:
    return (await client.get("/v1/tickets")).status_code


async def test_R18_an_overlap_is_seven_days_at_most(db: Database, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="seven days"):
        await rotate_key(db, NOBODY, clock(), overlap=timedelta(days=8))
    assert await rotate_key(db, NOBODY, clock(), overlap=timedelta(days=7)) is None
