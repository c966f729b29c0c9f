"""Fixtures that last a module: the tests here leave the application as they found it, or do not mind."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.http.service import Service, open_service


@pytest.fixture(scope="module")
async def service(databases: Databases, book: PolicyBook) -> AsyncIterator[Service]:
    async with open_service(await databases.clone(), book) as service:
        yield service


@pytest.fixture(scope="module")
async def caller(service: Service) -> httpx.AsyncClient:
    """A client that may do everything everywhere and sees masked data."""
    return await service.client()
