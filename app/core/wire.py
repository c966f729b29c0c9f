"""One kept connection to a checked address: requests follow one another on it, and nothing leads it elsewhere.

No redirect is followed, no proxy of the environment is used, nothing is decompressed, and of a reply no more is read
than a person wants to see of it.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore

from app.core.egress import Egress, Target, TargetRefused

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 15.0
MOST_BODY = 64 * 1024
SHOWN_CHARACTERS = 1000
_KEPT_SECONDS = 30.0
_CLOSE_SECONDS = 1.0


class NoReply(Exception):
    """Nothing that counts as a reply came; `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered. `retry_after` is in seconds; `text` is the beginning of the body."""

    status: int
    retry_after: float | None
    text: str


class Wire:
    """A connection to one URL, opened when needed. Not for two requests at a time."""

    def __init__(self, egress: Egress, url: str, *, tls: ssl.SSLContext) -> None:
        self._egress, self.url, self._tls = egress, url, tls
        self._connection: httpcore.AsyncHTTPConnection | None = None

    async def post(self, content: bytes, headers: Mapping[str, str]) -> Reply:
        """Send one request and return its reply, within 15 seconds.

        Raises: NoReply, also where the address may not be called (any more).
        """
        try:
            return await self._post(content, headers)
        except TargetRefused as refusal:
            raise NoReply(refusal.code) from None
        except (TimeoutError, httpcore.TimeoutException):
            await self.close()
            raise NoReply("timeout") from None
        except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
            await self.close()
            raise NoReply(_code(error)) from None

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is not used again, whatever becomes of it
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await connection.aclose()

    async def _post(self, content: bytes, headers: Mapping[str, str]) -> Reply:
        target = self._egress.read(self.url)
        request = _request(target, content, headers)
        ends_at = asyncio.get_running_loop().time() + TOTAL_SECONDS
        kept = self._connection
        if kept is not None and kept.is_idle() and not kept.has_expired():
            # It may be closed from over there at the very moment it is used, without anything being wrong.
            with suppress(httpcore.ReadError, httpcore.WriteError, httpcore.RemoteProtocolError):
                return await self._exchange(kept, request, ends_at)
        await self.close()
        self._connection = httpcore.AsyncHTTPConnection(
            request.url.origin,
            ssl_context=self._tls,
            keepalive_expiry=_KEPT_SECONDS,
            network_backend=_CheckedNetwork(self._egress, target),
        )
        return await self._exchange(self._connection, request, ends_at)

    async def _exchange(
        self, connection: httpcore.AsyncHTTPConnection, request: httpcore.Request, ends_at: float
    ) -> Reply:
        """A reply counts from its head on: a body that breaks off or never ends takes nothing back."""
        response, body = None, bytearray()
        try:
            async with asyncio.timeout_at(ends_at):
                response = await connection.handle_async_request(request)
                await _read(response, body)
        except (TimeoutError, httpcore.NetworkError, httpcore.RemoteProtocolError):
            if response is None:
                raise
        if not connection.is_idle():
            await self.close()
        return _reply(response, bytes(body))


def _request(target: Target, content: bytes, headers: Mapping[str, str]) -> httpcore.Request:
    sent = [("Host", target.authority), ("Content-Length", str(len(content))), *headers.items()]
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    return httpcore.Request(
        "POST", url, headers=sent, content=content, extensions={"timeout": {"connect": CONNECT_SECONDS}}
    )


async def _read(response: httpcore.Response, body: bytearray) -> None:
    """Read a body to its end, or to 64 kB: with more to come the connection is not used again."""
    async for part in response.aiter_stream():
        body += part
        if len(body) > MOST_BODY:
            break
    await response.aclose()


def _reply(response: httpcore.Response, body: bytes) -> Reply:
    text = body[: 4 * SHOWN_CHARACTERS].decode("utf-8", "replace").replace("\0", "\ufffd")[:SHOWN_CHARACTERS]
    wait = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
    return Reply(response.status, _seconds(wait.decode("latin-1")), text)


def _seconds(retry_after: str) -> float | None:
    """Read a `Retry-After` of either form: seconds, or a date; None if it is neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:10])
    try:
        return max((parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _code(error: Exception) -> str:
    if isinstance(error, httpcore.ConnectError):
        return "tls_failed" if isinstance(error.__cause__, ssl.SSLError) else "connection_failed"
    broken = isinstance(error, httpcore.NetworkError) or error.__cause__ is None
    return "connection_lost" if broken else "invalid_reply"


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked this very moment. Name and certificate stay those of the URL."""

    def __init__(self, egress: Egress, target: Target) -> None:
        self._egress, self._target = egress, target
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(  # the library's signature
        self, host: str, port: int, timeout: float | None = None,  # noqa: ARG002, ASYNC109
        local_address: str | None = None, socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        failure: Exception = httpcore.ConnectError()
        async with asyncio.timeout(timeout):
            for address in await self._egress.addresses(self._target):
                try:
                    return await self._plain.connect_tcp(address, port)
                except httpcore.ConnectError as error:
                    failure = error
        raise failure
