"""Notices as their senders see them: what became of each."""

from typing import Annotated

from pydantic import Field

from app.schemas.fields import Bilingual, Instant, ResponseBody
from app.services.rules.notices import ChannelKind, NoticeState


class NoticeOut(ResponseBody):
    """One message to one channel about a ticket, a return request or a CAPA, and the number of that.

    `last_…` is what the receiving server said to the latest try.
    """

    id: str
    business_line: str
    ticket_id: str | None
    return_id: str | None
    capa_id: str | None
    number: str
    commitment_id: str | None
    event: str
    channel_id: str
    kind: ChannelKind
    role: str
    state: NoticeState
    attempts: int
    next_try_at: Instant | None
    last_status: int | None
    last_code: str | None
    last_text: str | None
    advice: Annotated[Bilingual | None, Field(description="what to do before it is sent again")]
    occurred_at: Instant
    created_at: Instant
    sent_at: Instant | None


class NoticeList(ResponseBody):
    items: list[NoticeOut]
    next_cursor: str | None
    has_more: bool
