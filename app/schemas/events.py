"""The event feed."""

from typing import Any

from app.schemas.fields import Instant, ResponseBody


class EventBody(ResponseBody):
    """One event, thin: what changed, not the contents. `sequence` counts the events of its subject without a gap."""

    id: str
    type: str
    timestamp: Instant
    api_version: str
    source: str
    subject: str
    sequence: int
    data: dict[str, Any]


class EventOut(EventBody):
    """`position` is its place in the feed."""

    position: int


class EventFeed(ResponseBody):
    """`next_after` goes into the next request's `after`; it stays the same while nothing is new."""

    items: list[EventOut]
    next_after: int
    has_more: bool
