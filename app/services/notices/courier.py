"""Delivers one message to one channel, within ten seconds, and says what became of it. Touches no database."""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import cached_property

import httpx

from app.core.clock import Clock, system_clock
from app.core.language import Text
from app.core.mail import Mailbox
from app.core.settings import Settings
from app.services.notices import letters, robots
from app.services.notices.letters import Letter, build_letter, notice_letter, send_letter
from app.services.notices.outcomes import ADVICE, Outcome, Trouble
from app.services.rules.notice_wording import Message
from app.services.rules.notices import ChannelKind, Verdict

SEND_SECONDS = 10.0
LONGEST_ANSWER = 65_536
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}")
_URL = re.compile(r"(?!.*(\.\.|%2[eE]|[\\#]))[!-~]{1,1000}")  # no way out of the path, nor past the query
_HEADERS: Mapping[str, str] = {
    "content-type": "application/json; charset=utf-8",
    "accept-encoding": "identity",
    "user-agent": "aftersales-notices/1",
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and where it goes; `reference` is the same at every try."""

    kind: ChannelKind
    address: str
    secret: str | None
    message: Message
    reference: str


class Courier:
    """A process's ways out: its mail server, and one HTTP client for all robots."""

    def __init__(self, settings: Settings, *, clock: Clock = system_clock) -> None:
        self._mailbox = Mailbox.parse(settings.smtp_url, settings.smtp_from) if settings.smtp_url else None
        self._gateways = settings.gateways
        self._ticket_url = settings.ticket_url
        self._clock = clock

    def may_reach(self, kind: ChannelKind, address: str) -> bool:
        """Tell whether an address is one of its kind: an email, or a robot of the vendor's or of a named gateway."""
        if kind is ChannelKind.EMAIL:
            return len(address) <= 254 and _EMAIL.fullmatch(address) is not None
        beginnings = (*robots.OFFICIAL[kind], *self._gateways)
        known = next((begin for begin in beginnings if address.startswith(begin)), None)
        return known is not None and len(address) > len(known) and _URL.fullmatch(address) is not None

    def link_to(self, number: str) -> str | None:
        """Return where staff see a ticket, if the company has such a page."""
        return self._ticket_url and self._ticket_url.replace("{ticket}", number)

    async def send(self, parcel: Parcel) -> Outcome:
        """Deliver; whatever goes wrong on the way is an outcome."""
        if parcel.kind is ChannelKind.EMAIL:
            return await self.post(notice_letter(parcel.message, parcel.reference), parcel.address, parcel.reference)
        if not self.may_reach(parcel.kind, parcel.address):  # the settings may have changed since it was put in
            return Outcome(Verdict.REFUSED, code=Trouble.NOT_ADMITTED)
        return await _in_time(self._say(parcel))

    async def post(self, letter: Letter, to: str, reference: str) -> Outcome:
        """Hand a letter to the mail server; whatever goes wrong on the way is an outcome."""
        if not self.may_reach(ChannelKind.EMAIL, to):
            return Outcome(Verdict.REFUSED, code=Trouble.NOT_ADMITTED)
        if self._mailbox is None:
            return Outcome(Verdict.REFUSED, code=Trouble.SMTP_NOT_SET)
        sent = build_letter(letter, to, self._mailbox, reference, self._clock())
        return await _in_time(send_letter(self._mailbox, sent, to))

    async def _say(self, parcel: Parcel) -> Outcome:
        text = f"{parcel.message.text()}\n{parcel.reference}"
        request = robots.build_request(parcel.kind, parcel.address, parcel.secret, text, self._clock())
        async with self._http.stream("POST", request.url, content=request.body, headers=_HEADERS) as response:
            answer = bytearray()
            async for part in response.aiter_raw():
                answer += part
                if len(answer) > LONGEST_ANSWER:
                    break
        return robots.read_answer(parcel.kind, response.status_code, bytes(answer))

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=SEND_SECONDS, follow_redirects=False)

    async def close(self) -> None:
        if "_http" in self.__dict__:
            await self._http.aclose()


async def _in_time(sending: Awaitable[Outcome]) -> Outcome:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            return await sending
    except TimeoutError:
        return Outcome.unreachable()
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as fault:  # their words may hold the address
        return Outcome.unreachable(type(fault).__name__)


def advise(kind: ChannelKind, status: int | None, code: str | None, text: str | None) -> Text | None:
    """Say what somebody has to do so that a message that was not taken will be."""
    if code in ADVICE:
        return ADVICE[code]
    if kind is ChannelKind.EMAIL:
        return letters.advise(status)
    return robots.advise(kind, status, code, text)
