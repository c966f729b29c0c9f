"""Callers who take tickets, work on them and look at them, each asking again until told yes or no."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import httpx

from tests.builders import a_ticket
from tests.reliability.chaos.history import Attempt, Kind, Operation, Recorder

GIVEN_UP_SECONDS = 60.0
_PATIENCE_SECONDS = 3.0  # for one answer: a frozen process is left for another
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_LONG_AGO = timedelta(days=10)  # longer than any promise, and any escalation after it
_MOVES: list[tuple[str, dict[str, object]]] = [
    ("acknowledge", {}),
    ("start", {"staff_no": "1101"}),
    ("wait", {"waiting_for": "customer"}),
    ("resume", {}),
    ("assign", {"assignee_staff_no": "1102"}),
    ("assign", {"assignee_staff_no": "1103"}),
]
_SHARES = {Kind.CREATE: 50, Kind.MOVE: 20, Kind.COMMENT: 10, Kind.READ: 15, Kind.REVEAL: 5}


@dataclass(eq=False)
class Known:
    """A ticket that clients work on, and the latest version that one of them was told."""

    id: str
    version: int


class Client:
    """One caller. `board` are the tickets that all of them work on, so that they meet."""

    def __init__(
        self, name: str, random: Random, ways: Sequence[httpx.AsyncClient], recorder: Recorder, board: list[Known]
    ) -> None:
        self.over = False
        self._name = name
        self._random = random
        self._ways = ways
        self._recorder = recorder
        self._board = board
        self._created = 0

    async def run(self) -> None:
        kinds, weights = list(_SHARES), list(_SHARES.values())
        while not self.over:
            kind = self._random.choices(kinds, weights)[0]
            if kind is Kind.CREATE or not self._board:
                await self._create()
            else:
                await self._work(kind, self._random.choice(self._board[-20:]))

    async def _create(self) -> None:
        """Take a ticket known by its reference, its retry key, both, or (sent once only) neither."""
        self._created += 1
        by_key, by_reference = self._random.choices([(True, True), (True, False), (False, True), (False, False)])[0]
        overdue = self._random.random() < 0.1
        mark = f"chaos {self._name}-{self._created:06}"
        body = a_ticket(description=mark)
        if by_reference:
            body["external_ref"] = mark
        if overdue:
            body["opened_at"] = (datetime.now(UTC) - _LONG_AGO).isoformat()
        operation = self._recorder.begin(Kind.CREATE, mark=mark, overdue=overdue, repeatable=by_key or by_reference)
        key = mark.replace(" ", "-") if by_key else None
        told = await self._ask(operation, "POST", "/v1/tickets", body, key=key)
        if told is not None and told.ticket is not None and not overdue:
            self._board.append(Known(told.ticket, told.version or 1))
        if told is not None and operation.repeatable and self._random.random() < 0.1:
            # A caller who forgot that it was told: the answer has to be the same ticket again.
            await self._try(operation, "POST", "/v1/tickets", body, key)

    async def _work(self, kind: Kind, on: Known) -> None:
        path = f"/v1/tickets/{on.id}"
        version = on.version
        operation = self._recorder.begin(kind, ticket=on.id, expected=version)
        key = f"chaos-{operation.number:06}"
        if kind is Kind.READ:
            told = await self._ask(operation, "GET", path)
        elif kind is Kind.COMMENT:
            told = await self._ask(operation, "POST", f"{path}/comments", {"text": "已联系客户"}, key=key)
        elif kind is Kind.REVEAL:
            told = await self._ask(operation, "POST", f"{path}/reveal", {"purpose": "回访", "fields": ["phone"]})
        else:
            move, body = self._random.choice(_MOVES)
            told = await self._ask(operation, "POST", f"{path}/{move}", body, key=key, version=version)
            if told is None and operation.attempts[-1].status == 412:
                await self._look_again(on)
        if told is not None and told.version is not None:
            on.version = max(on.version, told.version)

    async def _look_again(self, on: Known) -> None:
        operation = self._recorder.begin(Kind.READ, ticket=on.id, expected=on.version)
        told = await self._ask(operation, "GET", f"/v1/tickets/{on.id}")
        if told is not None and told.version is not None:
            on.version = max(on.version, told.version)

    async def _ask(
        self,
        operation: Operation,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        version: int | None = None,
    ) -> Attempt | None:
        """Ask, by way of the next process each time, until there is an answer; return it if it is a yes."""
        pause, deadline = _FIRST_PAUSE, self._recorder.now() + GIVEN_UP_SECONDS
        while True:
            attempt = await self._try(operation, method, path, body, key, version)
            if attempt.definite:
                return operation.told
            if not operation.repeatable or self._recorder.now() > deadline:
                return None
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _try(
        self,
        operation: Operation,
        method: str,
        path: str,
        body: object,
        key: str | None,
        version: int | None = None,
    ) -> Attempt:
        way = self._ways[(operation.number + len(operation.attempts)) % len(self._ways)]
        attempt = self._recorder.send(operation)
        headers = {"X-Request-Id": attempt.request_id}
        if key is not None:
            headers["Idempotency-Key"] = key
        if version is not None:
            headers["If-Match"] = f'"{version}.general"'
        try:
            answer = await way.request(method, path, json=body, headers=headers, timeout=_PATIENCE_SECONDS)
        except httpx.TransportError:
            pass
        else:
            _note(attempt, answer)
        self._recorder.answer(operation, attempt)
        return attempt


def _note(attempt: Attempt, answer: httpx.Response) -> None:
    attempt.status = answer.status_code
    document = answer.json() if answer.content else {}
    if answer.is_success:
        named = document.get("id", "")
        attempt.ticket = named if named.startswith("tkt_") else None
        attempt.version = document.get("version")
    else:
        attempt.code = document.get("code")
