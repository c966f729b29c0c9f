"""产品目录 and 购买记录: what is sold on which terms, and who bought which of it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, Numeric, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.purchases import Exclusion
from app.services.rules.returns.words import BuyerType, ConfirmationMethod, PurchaseChannel


class CatalogueItem(Base):
    """A product as sold. `part_months`: {part: months}; `three_guarantee_months`: the State's, None off its list."""

    __tablename__ = "catalogue_item"
    __table_args__ = (
        Index("uq_catalogue_item_line_sku", "business_line_id", "sku", unique=True),
        Index("ix_catalogue_item_line_created", "business_line_id", text("created_at DESC"), text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    sku: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(100))
    model: Mapped[str | None] = mapped_column(String(100))
    category: Mapped[str | None] = mapped_column(String(40))
    exclusion: Mapped[Exclusion | None] = mapped_column(worded(Exclusion))
    warranty_months: Mapped[int | None] = mapped_column(SmallInteger)
    part_months: Mapped[dict[str, Any]]
    three_guarantee_months: Mapped[int | None] = mapped_column(SmallInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Purchase(Base):
    """One line of an order; goods with serial numbers of their own are a purchase each.

    `delivered_at` is midnight in Asia/Shanghai where only the day is known. `gift` and `bundle` are as the facts of an
    eligibility check have them.
    """

    __tablename__ = "purchase"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_price >= 0", name="unit_price_not_negative"),
        Index(
            "uq_purchase_order_line", "business_line_id", "order_no", "order_line", "serial_no", unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_purchase_line_created", "business_line_id", text("created_at DESC"), text("id DESC")),
        Index("ix_purchase_customer", "customer_id", text("created_at DESC"), text("id DESC")),
        Index("ix_purchase_serial_no", "serial_no", postgresql_where=text("serial_no IS NOT NULL")),
        Index("ix_purchase_batch", "batch", postgresql_where=text("batch IS NOT NULL")),
        Index("ix_purchase_erase_on", "erase_on", postgresql_where=text("erase_on IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customer.id"))
    catalogue_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("catalogue_item.id"))
    order_no: Mapped[str] = mapped_column(String(100))
    order_line: Mapped[int] = mapped_column(SmallInteger, default=1)
    product_name: Mapped[str] = mapped_column(String(100))
    spec_model: Mapped[str | None] = mapped_column(String(100))
    serial_no: Mapped[str | None] = mapped_column(String(100))
    batch: Mapped[str | None] = mapped_column(String(100))
    quantity: Mapped[int] = mapped_column(Integer)
    unit_price: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))  # really paid, CNY
    purchased_on: Mapped[date | None] = mapped_column(Date)
    channel: Mapped[PurchaseChannel | None] = mapped_column(worded(PurchaseChannel))
    buyer_type: Mapped[BuyerType | None] = mapped_column(worded(BuyerType))
    region: Mapped[str | None] = mapped_column(String(20))
    sold_by: Mapped[str | None] = mapped_column(String(32))  # a service point's number
    delivered_at: Mapped[datetime | None]
    installed_at: Mapped[datetime | None]
    confirmation_method: Mapped[ConfirmationMethod | None] = mapped_column(worded(ConfirmationMethod))
    gift: Mapped[dict[str, Any] | None]
    bundle: Mapped[dict[str, Any] | None]
    erase_on: Mapped[date | None] = mapped_column(Date)  # the customer was erased; the record goes when the law lets it
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
