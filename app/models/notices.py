"""通知: where the notices of a business line go, and each message on its way there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.notices import ChannelKind, NoticeState


class NoticeChannel(Base):
    """通知渠道: one address of a line, with the roles it reaches; `*` is any role.

    An address stands once a line, so that nobody is told twice. One message at a time is on its way to it.
    """

    __tablename__ = "notice_channel"
    __table_args__ = (Index("uq_notice_channel_address", "business_line_id", "address_hash", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    kind: Mapped[ChannelKind] = mapped_column(worded(ChannelKind))
    address_sealed: Mapped[bytes] = mapped_column(LargeBinary)  # a robot's URL holds its token
    address_hash: Mapped[bytes] = mapped_column(LargeBinary)
    address_masked: Mapped[str] = mapped_column(Text)
    secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  # a robot's signing secret
    enabled: Mapped[bool]
    ready_at: Mapped[datetime]  # when the next message may be sent: one is under way until then, or the pace asks it
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Notice(Base):
    """One message to one channel about one ticket, return request or CAPA, with the number and the edition of that.

    `data` holds codes and figures, never contact details.
    """

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint("num_nonnulls(ticket_id, return_request_id, capa_id) = 1", name="about_one_thing"),
        Index("ix_notice_due", "channel_id", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        Index("ix_notice_line", "business_line_id", text("created_at DESC"), text("id DESC")),
        Index(
            "ix_notice_failed",
            "business_line_id", text("created_at DESC"), text("id DESC"),
            postgresql_where=text("state = 'failed'"),
        ),
        Index("ix_notice_ticket", "ticket_id"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    return_request_id: Mapped[UUID | None] = mapped_column(ForeignKey("return_request.id"))
    capa_id: Mapped[UUID | None] = mapped_column(ForeignKey("capa.id"))
    number: Mapped[str] = mapped_column(String(24))
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    commitment_id: Mapped[UUID | None]
    channel_id: Mapped[UUID]  # it may be gone by now: its notices stay on record
    kind: Mapped[ChannelKind] = mapped_column(worded(ChannelKind))
    role: Mapped[str] = mapped_column(String(40))
    event: Mapped[str] = mapped_column(String(60))  # the type of the event that staff are told of
    data: Mapped[dict[str, Any]]
    occurred_at: Mapped[datetime]
    state: Mapped[NoticeState] = mapped_column(worded(NoticeState))
    attempts: Mapped[int] = mapped_column(SmallInteger)
    next_try_at: Mapped[datetime | None]  # None once it needs no further try
    last_status: Mapped[int | None] = mapped_column(SmallInteger)  # of HTTP or SMTP
    last_code: Mapped[str | None] = mapped_column(String(20))  # the messenger's own
    last_text: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
