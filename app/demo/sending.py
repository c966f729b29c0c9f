"""The way to the server: so many requests at a time, each measured, repeated where the server asks for it."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

JSON_HEADERS = {"Content-Type": "application/json"}
_TRIES = 5
_LONGEST_WAIT_SECONDS = 3.0


class NoServer(Exception):
    """Nothing answers at the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0: the connection broke and stayed broken."""

    status: int
    media_type: str
    document: dict[str, Any]
    replayed: bool = False

    @property
    def ok(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def code(self) -> str:
        """The problem's code; "no_answer" or the bare status where there is no problem document."""
        return str(self.document.get("code") or ("no_answer" if self.status == 0 else self.status))

    @property
    def pointers(self) -> list[str]:
        return [error.get("pointer", "") for error in self.document.get("errors", [])]


@dataclass(slots=True)
class Sender:
    """Sends what a careful integrator would: on a retryable problem it waits as told and sends the same again."""

    client: httpx.AsyncClient
    gate: asyncio.Semaphore
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    retries: int = 0
    server_errors: list[str] = field(default_factory=list)

    async def send(
        self,
        purpose: str,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the last answer; `purpose` is what its time is counted under.

        Raises: NoServer if nothing listens at the address.
        """
        request = self.client.build_request(method, path, content=content, headers=headers, params=params)
        for attempt in range(1, _TRIES + 1):
            answer, wait = await self._once(purpose, request)
            if attempt == _TRIES or not (answer.status == 0 or answer.document.get("retryable")):
                return answer
            self.retries += 1
            await asyncio.sleep(min(wait, _LONGEST_WAIT_SECONDS))
        raise AssertionError("the loop returns")

    async def post(self, purpose: str, path: str, body: Mapping[str, object], *, key: str | None = None) -> Answer:
        headers = JSON_HEADERS | ({"Idempotency-Key": key} if key else {})
        return await self.send(purpose, "POST", path, content=as_json(body), headers=headers)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        return await self.send("read", "GET", path, params=params)

    async def _once(self, purpose: str, request: httpx.Request) -> tuple[Answer, float]:
        async with self.gate:
            started = time.perf_counter()
            try:
                response = await self.client.send(request)
            except httpx.ConnectError as error:
                raise NoServer from error
            except httpx.TransportError:
                return Answer(0, "", {}), 1.0
            self.seconds[purpose].append(time.perf_counter() - started)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.server_errors.append(f"{request.method} {request.url.path}: {response.status_code}")
        return _answer(response), _asked_wait(response)


def as_json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _answer(response: httpx.Response) -> Answer:
    media_type = response.headers.get("content-type", "").partition(";")[0]
    try:
        document = response.json()
    except ValueError:
        document = {}
    replayed = response.headers.get("Idempotent-Replayed") == "true"
    return Answer(response.status_code, media_type, document if isinstance(document, dict) else {}, replayed)


def _asked_wait(response: httpx.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.2
