"""From a request to a use case's context."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import SecurityScopes

from app.core.http import authorised, bearer, call_of
from app.services.context import Context, Kit


async def context(request: Request, needed: SecurityScopes, _key: Annotated[object, Depends(bearer)]) -> Context:
    """Build the context of a request whose caller has the route's scope. `_key` is for the documentation only.

    Raises: InsufficientScope, DatabaseUnavailable.
    """
    kit: Kit = request.app.state.kit
    caller = authorised(request, needed)
    return Context(kit, caller, call_of(request), await kit.directory.known(), kit.clock())
