"""Fixtures that last a module: the tests here leave the application as they found it, or do not mind."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from app.core.auth import MAX_LIFETIME
from app.core.call import EVERYTHING
from app.core.db import Database
from app.core.personal import Tier
from app.services.first_start import add_shipped_lines
from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.http.samples import make_samples
from tests.http.service import Service, make_key, open_service, settings_for
from tests.http.wire import Server, running_server


@pytest.fixture(scope="module")
async def service(databases: Databases, book: PolicyBook) -> AsyncIterator[Service]:
    async with open_service(await databases.clone(), book) as service:
        yield service


@pytest.fixture(scope="module")
async def caller(service: Service) -> httpx.AsyncClient:
    """A client that may do everything everywhere and sees masked data."""
    return await service.client()


@pytest.fixture(scope="module")
async def samples(service: Service, caller: httpx.AsyncClient) -> dict[str, str]:
    """One of each thing the API keeps, by its name in addresses; there are three or more of each."""
    return await make_samples(service, caller)


@pytest.fixture(scope="module")
async def server(
    databases: Databases, book: PolicyBook, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """The application in a process of its own, and a key that may do everything."""
    url, now = await databases.clone(), datetime.now(UTC)
    db = Database(settings_for(url))
    async with db.begin() as session:
        await add_shipped_lines(session, book, now)
    key = await make_key(db, now, (EVERYTHING,), (EVERYTHING,), Tier.GENERAL, MAX_LIFETIME)
    await db.dispose()
    with running_server(url, key, tmp_path_factory.mktemp("server")) as server:
        yield server
