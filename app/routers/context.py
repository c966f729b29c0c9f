"""From a request to a use case's context, and the problems that most routes share."""

from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import SecurityScopes

from app.core.errors import (
    CursorFilterMismatch,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidCursor,
    NotFound,
    ValidationFailed,
)
from app.core.http import authorised, bearer, call_of, problems
from app.services.context import Context, Kit

# What a write under a retry key may be refused for, and a list that is read page by page.
RETRY = (IdempotencyInProgress, IdempotencyKeyReused, ValidationFailed)
PAGES = problems(InvalidCursor, CursorFilterMismatch, NotFound, ValidationFailed)


async def context(request: Request, needed: SecurityScopes, _key: Annotated[object, Depends(bearer)]) -> Context:
    """Build the context of a request whose caller has the route's scope. `_key` is for the documentation only.

    Raises: InsufficientScope, DatabaseUnavailable.
    """
    kit: Kit = request.app.state.kit
    caller = authorised(request, needed)
    return Context(kit, caller, call_of(request), await kit.directory.known(), kit.clock())


_KEY = Header(alias="Idempotency-Key", description="makes a repeat of this write safe")
_TAG = Header(alias="If-Match", description="the ETag the change was made for; PATCH, PUT and DELETE need it")


async def writing(
    reading: Annotated[Context, Depends(context)],
    _idempotency_key: Annotated[str | None, _KEY] = None,
    _if_match: Annotated[str | None, _TAG] = None,
) -> Context:
    """Build the context of a write. The two headers are named for the documentation, and read from the request."""
    return reading
