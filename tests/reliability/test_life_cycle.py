"""Long walks through the life cycle, each step compared with a model of it: what is allowed, counted and announced."""

from dataclasses import dataclass
from typing import Any

from httpx import AsyncClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.db import Database
from app.core.outbox import Event
from app.services.rules.tickets import Awaited, Move, Status, allowed_moves, next_status
from tests.builders import a_ticket
from tests.conftest import FakeClock

WALKS, STEPS = 40, 25
_BODIES: dict[Move, dict[str, Any]] = {
    Move.ASSIGN: {"assignee_staff_no": "1101"},
    Move.TRANSFER: {"department": "technical", "reason": "需要技术支持"},
}


@dataclass(frozen=True)
class Step:
    """One request. `sensible` picks among the moves the model allows, else any move is tried."""

    sensible: bool
    choice: int
    awaited: Awaited
    minutes: int
    repeated: bool
    stale: bool

    def move(self, status: Status) -> Move:
        moves = [move for move in allowed_moves(status) if move is not Move.CANCEL] if self.sensible else []
        return (moves or list(Move))[self.choice % len(moves or Move)]


steps = st.builds(
    Step,
    sensible=st.sampled_from([True, True, True, False]),
    choice=st.integers(0, 59),
    awaited=st.sampled_from(Awaited),
    minutes=st.integers(0, 600),
    repeated=st.sampled_from([False, False, False, True]),
    stale=st.sampled_from([False] * 7 + [True]),
)


class Walk:
    """A ticket, and what the model says of it."""

    def __init__(self, client: AsyncClient, ticket: dict[str, Any]) -> None:
        self.client = client
        self.ticket = ticket
        self.status = Status.RECORDED
        self.made: list[Move] = []
        self.keys = 0

    async def take(self, step: Step) -> None:
        move = step.move(self.status)
        awaited = step.awaited if move is Move.WAIT else None
        after = next_status(self.status, move, awaited)
        body = {"delay_reason": "配件在途"} | _BODIES.get(move, {}) | ({"waiting_for": awaited} if awaited else {})
        version = 1 + len(self.made)
        if step.stale:
            await self._send_stale(move, body, version)
        answer = await self._send(move, body, repeated=step.repeated)
        if after is None:
            assert answer.status_code == 409, answer.text
            document = answer.json()
            assert (document["code"], document["ticket_status"]) == ("invalid_transition", self.status)
            assert document["allowed"] == [other for other in allowed_moves(self.status) if other is not move]
        else:
            assert answer.status_code == 200, answer.text
            self.made.append(move)
            self.status = after
            assert (answer.json()["status"], answer.json()["version"]) == (after, version + 1)

    async def _send(self, move: Move, body: dict[str, Any], *, repeated: bool) -> Any:
        self.keys += 1
        headers = {"Idempotency-Key": f"{self.ticket['number']}-{self.keys}"}
        path = f"/v1/tickets/{self.ticket['number']}/{move}"
        answer = await self.client.post(path, json=body, headers=headers)
        if repeated:
            again = await self.client.post(path, json=body, headers=headers)
            assert (again.status_code, again.content) == (answer.status_code, answer.content)
            assert again.headers["idempotent-replayed"] == "true"
        return answer

    async def _send_stale(self, move: Move, body: dict[str, Any], version: int) -> None:
        headers = {"If-Match": f'"{version + 1}.general"'}
        path = f"/v1/tickets/{self.ticket['number']}/{move}"
        assert (await self.client.post(path, json=body, headers=headers)).status_code == 412

    async def check(self, db: Database) -> None:
        """Compare what is on record with what was done."""
        path = f"/v1/tickets/{self.ticket['number']}"
        found = (await self.client.get(path)).json()
        assert (found["status"], found["version"]) == (self.status, 1 + len(self.made))
        timeline = (await self.client.get(f"{path}/timeline?limit=200")).json()["items"]
        noted = [kind for move in self.made for kind in (move, "delay_reason")]
        assert [entry["kind"] for entry in timeline] == ["recorded", *noted]
        async with db.begin() as session:
            about = select(Event).where(Event.subject == f"tickets/{self.ticket['id']}").order_by(Event.sequence)
            events = (await session.scalars(about)).all()
        assert [event.sequence for event in events] == list(range(1, len(self.made) + 2))
        assert events[-1].data["status"] == self.status


@settings(
    max_examples=WALKS,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a walk of this length takes minutes to shrink
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(walk=st.lists(steps, min_size=STEPS, max_size=STEPS))
async def test_a_walk_through_the_life_cycle_agrees_with_its_model(
    client: AsyncClient, db: Database, clock: FakeClock, walk: list[Step]
) -> None:
    ticket = (await client.post("/v1/tickets", json=a_ticket())).json()
    state = Walk(client, ticket)
    for step in walk:
        clock.advance(minutes=step.minutes)
        await state.take(step)
    await state.check(db)
