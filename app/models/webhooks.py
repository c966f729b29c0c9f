"""Webhooks: where events are sent, and what became of each of them there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.webhooks import DeliveryState, DisabledReason


class WebhookEndpoint(Base):
    """A receiver. `position` is its place in the feed: deliveries are made of the events after it.

    While it is disabled nothing is sent and its place stays, so that it goes on from there. A deleted one is kept,
    without its secrets, until the deliveries it had are forgotten.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (CheckConstraint("cardinality(business_line_ids) > 0", name="has_lines"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    version: Mapped[int] = mapped_column(Integer, default=1)
    url: Mapped[str] = mapped_column(String(500))
    types: Mapped[list[str]] = mapped_column(ARRAY(Text))  # `ticket.closed`, `ticket.*`; none: all
    description: Mapped[str | None] = mapped_column(String(200))
    secrets_sealed: Mapped[bytes] = mapped_column(LargeBinary)  # {"current", "previous"}
    previous_until: Mapped[datetime | None]  # until when the previous secret signs too
    position: Mapped[int] = mapped_column(BigInteger)
    failing_since: Mapped[datetime | None]  # the first failure after the last success
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[DisabledReason | None] = mapped_column(worded(DisabledReason))
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """One event at one endpoint. `attempts` is [{"at", "status", "error", "ms", "reply"}], in order.

    A worker that takes it moves `next_attempt_at` to the end of its lease: that instant is also the mark by which
    the worker's result is accepted. Ids are UUIDv7 and order the deliveries by time. Events are never deleted, so
    that no foreign key, which would write to each event's row, has to hold them.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("uq_webhook_delivery_event", "event_id", "endpoint_id", unique=True),
        Index("ix_webhook_delivery_line", "business_line_id", "id"),
        Index(
            "ix_webhook_delivery_due", "endpoint_id", "next_attempt_at", "position",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("ix_webhook_delivery_dead", "endpoint_id", "id", postgresql_where=text("state = 'dead'")),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"))
    event_id: Mapped[UUID | None]  # None: a test of the endpoint, which is about no event
    position: Mapped[int] = mapped_column(
        BigInteger
    )  # the event's place in the feed: what is due is sent in this order
    state: Mapped[DeliveryState] = mapped_column(worded(DeliveryState))
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)  # since it was made, or last sent again by hand
    next_attempt_at: Mapped[datetime | None]
    attempts: Mapped[list[dict[str, Any]]]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
