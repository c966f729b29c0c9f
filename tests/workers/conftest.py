"""Fixtures of the tests of webhooks."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import system_clock
from tests.conftest import FakeClock
from tests.receiver import Receiver, receiving
from tests.webhooks import Hooks


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def hooks(app: FastAPI, client: httpx.AsyncClient, clock: FakeClock, receiver: Receiver) -> Hooks:
    """The tests' clock begins at the real time here: receivers check how old a signature is."""
    clock.now = system_clock()
    hooks = Hooks(app, client, clock)
    hooks.trust(receiver)
    return hooks
