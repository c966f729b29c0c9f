"""Every check of schemathesis, over every operation of a server: a short run here, a long one by hand or at night."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.services.policy_book import PolicyBook
from tests.conftest import Databases
from tests.http.fuzz import SETTINGS, fuzz, key_for
from tests.http.wire import Server, running_server


@pytest.fixture
async def open_server(databases: Databases, book: PolicyBook, tmp_path: Path) -> AsyncIterator[Server]:
    url = await databases.clone()
    with running_server(url, await key_for(url, book), tmp_path, **SETTINGS) as server:
        yield server


@pytest.mark.timeout(600)  # a floor against hanging: schemathesis ends by itself
async def test_R32_no_check_of_schemathesis_fails(open_server: Server) -> None:
    done = fuzz(open_server, "-n", "2", "--phases", "examples,fuzzing", "--seed", "1", "--max-time", "20")
    assert done.returncode == 0, done.stdout
