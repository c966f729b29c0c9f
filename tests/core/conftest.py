from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app.core.db import Database
from tests.builders import a_ticket


@pytest.fixture
async def lines(client: AsyncClient, db: Database) -> dict[str, UUID]:
    """The ids of two lines, with a ticket in each."""
    for name in ("tableware", "mall"):
        response = await client.post("/v1/tickets", json=a_ticket(business_line=name))
        assert response.status_code == 201, response.text
    async with db.begin() as session:
        return {row.name: row.id for row in await session.execute(text("SELECT name, id FROM business_line"))}
