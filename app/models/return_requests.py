"""退换货单: what a customer asks to send back, how it was decided, and what became of goods and money."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Sequence,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.return_requests import DeadlineKind, LineRemedy, ReturnStatus, Units
from app.services.rules.returns.words import Reason

# Six digits in the number a person reads; the local date before them keeps numbers apart when they start again.
RETURN_NUMBER = Sequence("return_number", minvalue=1, maxvalue=999_999, cycle=True, metadata=Base.metadata)


class ReturnRequest(Base):
    """One form, under the edition in force on the day of the customer's notice. `history` is never rewritten."""

    __tablename__ = "return_request"
    __table_args__ = (
        Index("ix_return_request_line_submitted", "business_line_id", text("submitted_at DESC"), text("id DESC")),
        Index("ix_return_request_ticket", "ticket_id", postgresql_where=text("ticket_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    version: Mapped[int] = mapped_column(Integer)
    events_emitted: Mapped[int] = mapped_column(Integer)
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    status: Mapped[ReturnStatus] = mapped_column(worded(ReturnStatus))
    goodwill: Mapped[bool]
    history: Mapped[list[dict[str, Any]]]
    message: Mapped[dict[str, Any]]  # what the customer is told of the present state: {"zh", "en"}
    submitted_by: Mapped[str | None] = mapped_column(String(32))
    noticed_on: Mapped[date] = mapped_column(Date)  # the earliest notice of any line, Asia/Shanghai
    submitted_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ReturnLine(Base):
    """Some units of one purchase, on file or as stated.

    `held` are the units of the purchase that no other request may have: those asked for, until it is refused, given
    up, or what was not sent back is known; of an exchange none in the end, for the customer has as many again.
    """

    __tablename__ = "return_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("held >= 0 AND held <= quantity", name="held_in_bounds"),
        CheckConstraint("restocked + scrapped + sent_again <= received", name="disposed_in_bounds"),
        CheckConstraint("refunded >= 0", name="refunded_not_negative"),
        Index("uq_return_line_place", "return_request_id", "place", unique=True),
        Index("ix_return_line_purchase", "purchase_id", postgresql_where=text("purchase_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    return_request_id: Mapped[UUID] = mapped_column(ForeignKey("return_request.id"))
    place: Mapped[int] = mapped_column(SmallInteger)  # from 1, as on the form
    purchase_id: Mapped[UUID | None] = mapped_column(ForeignKey("purchase.id"))
    product_name: Mapped[str] = mapped_column(String(100))
    spec_model: Mapped[str | None] = mapped_column(String(100))
    purchased_on: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[Reason] = mapped_column(worded(Reason))
    problem: Mapped[str | None] = mapped_column(Text)
    quantity: Mapped[int] = mapped_column(Integer)
    held: Mapped[int] = mapped_column(Integer)
    remedy: Mapped[LineRemedy | None] = mapped_column(worded(LineRemedy))
    approved: Mapped[int] = mapped_column(Integer)
    received: Mapped[int] = mapped_column(Integer)
    restocked: Mapped[int] = mapped_column(Integer)
    scrapped: Mapped[int] = mapped_column(Integer)
    sent_again: Mapped[int] = mapped_column(Integer)
    refunded: Mapped[Decimal] = mapped_column(Numeric(12, 2))  # CNY
    replaced_on: Mapped[date | None] = mapped_column(Date)

    @property
    def units(self) -> Units:
        return Units(self.quantity, self.approved, self.received, self.sent_again)

    @property
    def on_hand(self) -> int:
        """Units that are back and whose way on is not settled."""
        return self.received - self.restocked - self.scrapped - self.sent_again


class ReturnDecisionRow(Base):
    """One decision on a line, frozen: the facts as the rules took them, the edition, the law, and the answer."""

    __tablename__ = "return_decision"
    __table_args__ = (Index("uq_return_decision_revision", "return_line_id", "revision", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    return_line_id: Mapped[UUID] = mapped_column(ForeignKey("return_line.id"))
    revision: Mapped[int] = mapped_column(SmallInteger)
    cause: Mapped[str] = mapped_column(String(40))  # the move that brought the facts
    facts: Mapped[dict[str, Any]]
    answer: Mapped[dict[str, Any]]
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    law_version: Mapped[str] = mapped_column(String(64))
    decided_by: Mapped[str | None] = mapped_column(String(32))
    decided_at: Mapped[datetime]


class ReturnDeadline(Base):
    """By when the request is to be answered, or the price paid back. Its timer fires as those of tickets do."""

    __tablename__ = "return_deadline"
    __table_args__ = (
        Index("uq_return_deadline_kind", "return_request_id", "kind", unique=True),
        Index("ix_return_deadline_timer", "next_fire_at", postgresql_where=text("next_fire_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    return_request_id: Mapped[UUID] = mapped_column(ForeignKey("return_request.id"))
    kind: Mapped[DeadlineKind] = mapped_column(worded(DeadlineKind))
    rule: Mapped[str] = mapped_column(String(40))
    due_on: Mapped[date] = mapped_column(Date)
    due_at: Mapped[datetime]
    started_at: Mapped[datetime]
    met_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]
    next_fire_at: Mapped[datetime | None]
    thresholds_fired: Mapped[int] = mapped_column(SmallInteger)
    firing_failures: Mapped[int] = mapped_column(SmallInteger)  # at three the timer is set aside

    @property
    def is_open(self) -> bool:
        return self.met_at is None and self.dropped_at is None
