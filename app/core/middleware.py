"""What surrounds every request, as plain ASGI: its id, its limits, its key, its problem if it fails.

Not Starlette's `BaseHTTPMiddleware`: measured, that alone halves the throughput.
"""

import asyncio
import re
import secrets
import time
from contextlib import nullcontext
from functools import lru_cache

import structlog
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.auth import CHALLENGE, KeyBook
from app.core.call import Caller
from app.core.clock import Clock
from app.core.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    InternalError,
    InvalidApiKey,
    RateLimited,
    RequestTimeout,
    ServiceError,
)
from app.core.guesses import GuessLimit
from app.core.headers import header_of
from app.core.http import problem_response
from app.core.language import preferred_language
from app.core.logs import RequestLine, log_about
from app.core.metrics import REQUEST_SECONDS
from app.core.single_sign_on import SignOn
from app.core.streaming import Streamed, let_go_by, pass_on
from app.core.timed_heads import WHOLE

MAX_BODY = 1024 * 1024
MAX_HEADERS = 16 * 1024
BODY_SECONDS = 15.0
_GUESS_SECONDS = 60

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_log = structlog.get_logger("aftersales.http")

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Envelope:
    """Give each request an id, a language, a log line and a measurement; make every failure a problem."""

    def __init__(self, app: ASGIApp, *, line: RequestLine) -> None:
        self.app, self._line = app, line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = _request_id(header_of(scope, b"x-request-id"))
        state["language"] = preferred_language(header_of(scope, b"accept-language"))
        log_about(request_id=request_id)
        started, status = time.perf_counter(), 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _name(message, request_id)
            await send(message)

        try:
            if _size(scope) > MAX_HEADERS:
                raise HeadersTooLarge
            await self.app(scope, receive, send_named)
        except Exception as error:  # uvicorn would close the connection on anything that escapes
            if status:
                raise
            await problem_response(_as_problem(error), scope)(scope, receive, send_named)
        finally:
            self._measure(scope, status, time.perf_counter() - started)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        _timer(scope["method"] if route != "unmatched" else "any", route, status).observe(seconds)
        told = {"method": scope["method"], "route": route, "status": status, "milliseconds": round(seconds * 1000, 1)}
        self._line(told)


def _as_problem(error: Exception) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    _log.error("request failed", exc_info=error)
    return InternalError()


def _request_id(sent: str | None) -> str:
    return sent if sent and _REQUEST_ID.fullmatch(sent) else f"req_{secrets.token_hex(12)}"


def _size(scope: Scope) -> int:
    """Return about how many bytes came before the body: address and headers."""
    headers = sum([len(name) + len(value) + 4 for name, value in scope["headers"]])
    return headers + len(scope["path"]) + len(scope["query_string"])


def _name(message: Message, request_id: str) -> None:
    """Add the request's id and the headers of every answer, where it has none of its own."""
    given = message["headers"]
    present = {name for name, _ in given}
    if b"x-request-id" in present:
        given = [header for header in given if header[0] != b"x-request-id"]
    added = [header for header in _SECURITY_HEADERS if header[0] not in present]
    message["headers"] = [*given, (b"x-request-id", request_id.encode()), *added]


@lru_cache(maxsize=4096)
def _timer(method: str, route: str, status: int) -> Histogram:
    """Return the series of a route; to look it up by its labels takes as long as to observe."""
    return REQUEST_SECONDS.labels(method, route, str(status))


class BodyGuard:
    """Read the whole body before the application sees it, within a size and a time; what is `streamed` is passed on."""

    def __init__(self, app: ASGIApp, *, streamed: Streamed) -> None:
        self.app, self.streamed = app, streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        if self.streamed.takes(scope):
            await pass_on(self.app, self.streamed, scope, receive, send)
            return
        try:
            _check_declared(scope)
            # A small body comes with its head; to set a timer and stop it takes longer than to read that.
            async with nullcontext() if WHOLE in scope["state"] else asyncio.timeout(BODY_SECONDS):
                body = await _whole_body(receive)
        except BodyTooLarge as problem:
            await _answer_early(problem, scope, receive, send)
            return
        except TimeoutError:
            await _answer_early(RequestTimeout(), scope, receive, send)
            return
        if body is None:  # the caller hung up: there is nobody to answer
            return
        delivered = False

        async def receive_body() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, receive_body, send)


def _check_declared(scope: Scope) -> None:
    declared = header_of(scope, b"content-length") or "0"
    if declared.isdecimal() and (len(declared) > 10 or int(declared) > MAX_BODY):
        raise BodyTooLarge


async def _answer_early(problem: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer before the body has come, let the rest of it go by for a while, then close.

    A connection that is closed while bytes are under way is reset, and the answer may be lost with it.
    """

    async def send_unfinished(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    problem.headers["connection"] = "close"
    await problem_response(problem, scope)(scope, receive, send_unfinished)
    await let_go_by(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _whole_body(receive: Receive) -> bytes | None:
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise BodyTooLarge
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


class Authentication:
    """Resolve the key or token of every request under `/v1` before its body is read or its path looked at."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyBook,
        clock: Clock,
        sign_on: SignOn | None = None,
        wrong_keys: int = 10,
        preflights: frozenset[str] = frozenset(),
    ) -> None:
        self.app, self.keys, self.sign_on, self.clock, self.preflights = app, keys, sign_on, clock, preflights
        self.guesses = GuessLimit(wrong_keys, _GUESS_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keyed = scope["type"] == "http" and (scope["path"] == "/v1" or scope["path"].startswith("/v1/"))
        # A browser asks whether it may ask before it sends the key.
        if keyed and not (scope["method"] == "OPTIONS" and scope["path"] in self.preflights):
            scope["state"]["caller"] = caller = await self._caller(scope)
            log_about(request_id=scope["state"]["request_id"], key_id=caller.key_id.hex)
        await self.app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        """Raises: InvalidApiKey, ExpiredApiKey, AddressNotAllowed; RateLimited for who goes on guessing."""
        authorization = header_of(scope, b"authorization")
        if authorization is None:
            raise InvalidApiKey(headers=CHALLENGE)
        scheme, _, secret = authorization.partition(" ")
        secret, client = secret.strip(), scope.get("client")
        address = client[0] if client else ""
        try:
            if scheme.lower() != "bearer":
                raise InvalidApiKey(headers=CHALLENGE)
            if self.sign_on is not None and secret.count(".") == 2:
                return await self.sign_on.caller(secret, now=self.clock())
            return await self.keys.caller(secret, now=self.clock(), address=address)
        except InvalidApiKey:
            # A good key is served from whatever address, also while another there is guessing.
            if self.guesses.too_many(address):
                raise RateLimited(headers={"retry-after": str(_GUESS_SECONDS)}) from None
            raise
