"""Which faults of the database are told as 503."""

import asyncpg
import pytest

from app.core.db import availability_problem


@pytest.mark.parametrize(
    ("error", "code"),
    [
        # What breaks a connection while it is being set up, as the driver raises it.
        (asyncpg.InterfaceError("connection is closed"), "database_unavailable"),
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), "database_unavailable"),
        (asyncpg.CannotConnectNowError("starting up"), "database_unavailable"),
        (asyncpg.QueryCanceledError("statement timeout"), "server_busy"),
        (asyncpg.InternalClientError("cannot switch to state 14"), "database_unavailable"),
        (asyncpg.InvalidPasswordError("wrong"), None),
        (LookupError("ours"), None),
    ],
)
def test_what_breaks_while_connecting_is_told_as_unavailable(error: Exception, code: str | None) -> None:
    problem = availability_problem(error)
    assert (problem.code if problem else None) == code
