"""The day goes through intake: every call is posted, and what came back is kept beside it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.demo.day import Call
from app.demo.sending import Answer, Sender
from app.demo.troubles import Post
from app.services.rules.tickets import Status

Ticket = dict[str, Any]
_TICKETS = "/v1/tickets"


@dataclass(slots=True)
class Played:
    """A call and its answers, in the order of its posts; later its ticket as it stands at the end."""

    call: Call
    answers: list[tuple[Post, Answer]] = field(default_factory=list)
    on_file: list[Ticket] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    ends: Status | None = None  # how its course has to leave it
    faults: list[str] = field(default_factory=list)

    @property
    def taken(self) -> list[Answer]:
        return [answer for _, answer in self.answers if answer.ok]

    @property
    def refused(self) -> list[tuple[Post, Answer]]:
        return [(post, answer) for post, answer in self.answers if not answer.ok]

    @property
    def numbers(self) -> set[str]:
        return {str(answer.document.get("number")) for answer in self.taken}

    @property
    def created(self) -> int:
        """How many answers say that a ticket was made: a replay repeats an earlier one's words."""
        return sum(answer.status == 201 and not answer.replayed for answer in self.taken)

    @property
    def first(self) -> Ticket | None:
        """The ticket as it was first answered."""
        return self.taken[0].document if self.taken else None

    @property
    def ticket(self) -> Ticket | None:
        """The ticket as it stands."""
        return self.on_file[0] if self.on_file else self.first


async def post_calls(sender: Sender, calls: Sequence[Call]) -> list[Played]:
    return await asyncio.gather(*(_post_call(sender, call) for call in calls))


async def _post_call(sender: Sender, call: Call) -> Played:
    played = Played(call)
    for wave in call.waves:
        answers = await asyncio.gather(*(_post(sender, post) for post in wave))
        played.answers += zip(wave, answers, strict=True)
    return played


async def _post(sender: Sender, post: Post) -> Answer:
    return await sender.send("intake", "POST", _TICKETS, content=post.content, headers=post.headers)


async def read_back(sender: Sender, played: Sequence[Played]) -> None:
    """Look every call up by its reference, refused ones too: nothing may be on file that was never answered."""

    async def look_up(one: Played) -> None:
        answer = await sender.get(_TICKETS, {"external_ref": one.call.reference})
        if not answer.ok:
            one.faults.append(f"{one.call.reference}: {answer.code}")
        one.on_file = answer.document.get("items", [])

    await asyncio.gather(*(look_up(one) for one in played))
