"""The shortest way to what is asked most: a direct route needs nothing that the framework puts around an endpoint."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import ServiceError
from app.core.http import DirectRoute, problem_response

_PARAMETER: Final = "{}"  # stands for whatever the last part of a path is
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Shortcut:
    """Answer the direct routes, found by one look-up; pass everything else on to the router.

    It is the innermost layer. The router, its exit stacks and its handlers of errors were a fifth of a small request.
    A route may have a parameter in the last part of its path, and nowhere else.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[DirectRoute]) -> None:
        self.app = app
        self._ways: dict[tuple[str, str, str], tuple[DirectRoute, _Handler, str]] = {}
        for route in routes:
            head, _, last = route.path.rpartition("/")
            parameter = last[1:-1] if last.startswith("{") else ""
            for method in route.methods or ():
                way = (method, head, _PARAMETER if parameter else last)
                # Of two routes the first answers, as in the router.
                self._ways.setdefault(way, (route, route.get_route_handler(), parameter))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, (head, _, last) = scope["method"], scope["path"].rpartition("/")
        found = self._ways.get((method, head, last)) or (last and self._ways.get((method, head, _PARAMETER)))
        if not found:
            await self.app(scope, receive, send)
            return
        scope["route"], handle, parameter = found
        scope["path_params"] = {parameter: last} if parameter else {}
        try:
            response = await handle(Request(scope, receive))
        except ServiceError as problem:
            response = problem_response(problem, scope)
        await response(scope, receive, send)
