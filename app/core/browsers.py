"""Keys that stand in web pages: what they reach, from which pages, and how often (CORS, fetch standard)."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.auth import KeyBook
from app.core.call import Caller
from app.core.clock import Clock
from app.core.errors import InsufficientScope, OriginNotAllowed, ServiceError
from app.core.http import problem_response
from app.core.limits import BrowserLimits

_PREFLIGHT = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type, accept-language, x-request-id",
    "access-control-max-age": "600",
}
_READABLE = "ratelimit, ratelimit-policy, retry-after, x-request-id, content-language"


class BrowserAccess:
    """Hold browser keys to their paths, origins and limits; answer preflights for those paths.

    It stands behind the authentication. The origins are a key's own, exactly; a preflight, which has no key, is
    answered for the origins of all. Nothing is said to an origin that is on no list, and cookies are never asked for.
    """

    def __init__(
        self, app: ASGIApp, *, keys: KeyBook, clock: Clock, limits: BrowserLimits, paths: frozenset[str]
    ) -> None:
        self.app, self.keys, self.clock, self.limits, self.paths = app, keys, clock, limits, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        caller: Caller | None = scope["state"].get("caller")
        if caller is None and scope["method"] == "OPTIONS" and scope["path"] in self.paths:
            await self._preflight(scope, receive, send)
        elif caller is not None and caller.origins is not None:
            await self._serve(caller, caller.origins, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _preflight(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin", "")
        if not await self.keys.knows_origin(origin, now=self.clock()):
            raise OriginNotAllowed(headers={"vary": "Origin"})
        headers = {**_PREFLIGHT, "access-control-allow-origin": origin, "vary": "Origin"}
        await Response(status_code=204, headers=headers)(scope, receive, send)

    async def _serve(self, caller: Caller, origins: frozenset[str], scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in self.paths or scope["method"] != "POST":
            raise InsufficientScope
        origin = Headers(scope=scope).get("origin", "")
        if origin not in origins:
            raise OriginNotAllowed(headers={"vary": "Origin"})
        headers = {"access-control-allow-origin": origin, "access-control-expose-headers": _READABLE}

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in headers.items():
                    answered[name] = value
                answered.add_vary_header("Origin")
            await send(message)

        client = scope.get("client")
        try:
            headers |= await self.limits.take(caller.key_id.hex, client[0] if client else "")
            await self.app(scope, receive, send_allowed)
        except ServiceError as problem:  # here, so that the page may read what is wrong
            await problem_response(problem, scope)(scope, receive, send_allowed)
