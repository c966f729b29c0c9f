"""质保卡: the guarantee that goes with a purchase, its extensions, and what was charged outside it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, Numeric, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class WarrantyCard(Base):
    """One card a purchase. The terms are copied from the catalogue: what was sold does not change with it."""

    __tablename__ = "warranty_card"
    __table_args__ = (
        CheckConstraint("repair_days >= 0", name="repair_days_not_negative"),
        Index("uq_warranty_card_purchase", "purchase_id", unique=True),
        Index("ix_warranty_card_line_created", "business_line_id", text("created_at DESC"), text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    purchase_id: Mapped[UUID] = mapped_column(ForeignKey("purchase.id"))
    months: Mapped[int] = mapped_column(SmallInteger)
    part_months: Mapped[dict[str, Any]]
    starts_on: Mapped[date | None] = mapped_column(Date)  # None: as the purchase says, delivered or installed
    replaced_on: Mapped[date | None] = mapped_column(Date)  # an exchange: the term runs anew from here
    repair_days: Mapped[int] = mapped_column(SmallInteger, default=0)  # they do not count towards the term
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class WarrantyExtension(Base):
    """延保: `until` is the last day. Never changed; the latest of a card holds."""

    __tablename__ = "warranty_extension"
    __table_args__ = (Index("ix_warranty_extension_card", "warranty_card_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    warranty_card_id: Mapped[UUID] = mapped_column(ForeignKey("warranty_card.id"))
    reason: Mapped[str] = mapped_column(Text)
    until: Mapped[date] = mapped_column(Date)
    staff_no: Mapped[str | None] = mapped_column(String(32))
    key_id: Mapped[UUID]
    at: Mapped[datetime]


class TicketCharge(Base):
    """收费: what a customer was charged on a ticket, by which item of the price list. Each item once."""

    __tablename__ = "ticket_charge"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("uq_ticket_charge_item", "ticket_id", "item", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    purchase_id: Mapped[UUID | None] = mapped_column(ForeignKey("purchase.id"))
    item: Mapped[str] = mapped_column(String(40))
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    listed_price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    clause: Mapped[str] = mapped_column(Text)
    accepted_at: Mapped[datetime]  # the quotation, by the customer
    staff_no: Mapped[str | None] = mapped_column(String(32))
    key_id: Mapped[UUID]
    at: Mapped[datetime]
