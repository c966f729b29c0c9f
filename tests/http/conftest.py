"""Fixtures that last a module: the tests here leave the application as they found it, or do not mind."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.http.samples import make_samples
from tests.http.service import Service, open_service


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
