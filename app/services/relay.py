"""Events on their way to a broker the company runs: in the order of the feed, each until the broker has confirmed it.

A place in the feed is moved on only after the confirmation, in the transaction that holds it: of several relays of one
name one works at a time, and after a crash the last batch is sent once more, under the same message ids.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.outbox import Event
from app.models.relay import RelayPosition
from app.services.directory import Known
from app.services.events import event_body


class NotRelayed(Exception):
    """The broker did not confirm a message; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """`subject` is `<prefix>.<line>.<type>`; `id` is the event's, by which a broker or reader knows a repeat."""

    subject: str
    id: str
    body: bytes


Publish = Callable[[Message], Awaitable[None]]  # returns once the broker has confirmed


@dataclass(frozen=True, slots=True)
class Relay:
    """What a relay needs: its `name` keeps its place, `prefix` begins its subjects."""

    db: Database
    keyring: KeyRing
    name: str
    prefix: str
    public_url: str = ""

    async def begin(self, *, from_start: bool) -> None:
        """Take a place in the feed, once: at its end, or at its start for whoever wants what was before too."""
        head = 0 if from_start else select(func.coalesce(func.max(Event.position), 0)).scalar_subquery()
        async with self.db.begin() as session:
            first = insert(RelayPosition).values(name=self.name, position=head)
            await session.execute(first.on_conflict_do_nothing())

    async def send_next(self, known: Known, publish: Publish, *, limit: int = 200) -> int:
        """Send a batch of events; return how many. What the broker does not take stays where it is.

        Raises: NotRelayed, DatabaseUnavailable.
        """
        async with self.db.begin() as session:
            place = await session.get_one(RelayPosition, self.name, with_for_update=True)
            chosen = select(Event).where(Event.position > place.position).order_by(Event.position).limit(limit)
            events = (await session.scalars(chosen)).all()
            for event in events:
                await self._send(self._message(event, known), publish)
            if events:
                place.position = events[-1].position or place.position
        return len(events)

    async def _send(self, message: Message, publish: Publish) -> None:
        try:
            await publish(message)
        except Exception as error:  # here, so that a lost broker is not taken for a lost database
            raise NotRelayed(f"{type(error).__name__}: {error}") from error

    def _message(self, event: Event, known: Known) -> Message:
        line = known.by_id[event.business_line_id].name
        body = event_body(event, line, keyring=self.keyring, public_url=self.public_url)
        return Message(f"{self.prefix}.{line}.{event.type}", body.id, body.model_dump_json().encode())
