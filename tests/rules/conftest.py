"""The shipped policies, read once a run."""

import pytest

from app.services.policy_book import PolicyBook


@pytest.fixture(scope="session")
def book() -> PolicyBook:
    return PolicyBook.load()
