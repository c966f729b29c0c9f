"""From a request to a use case's context."""

from fastapi import Request
from fastapi.security import SecurityScopes

from app.core.http import authorised, call_of
from app.services.context import Context, Kit


async def context(request: Request, needed: SecurityScopes) -> Context:
    """Build the context of a request whose caller has the route's scope.

    Raises: InsufficientScope, DatabaseUnavailable.
    """
    kit: Kit = request.app.state.kit
    caller = authorised(request, needed)
    return Context(kit, caller, call_of(request), await kit.directory.known(), kit.clock())
