"""客户: who buys, sealed at rest and found by keyed hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Customer(Base):
    """One customer of one line. Name, phone, email and address stand in `contact_sealed` only."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("uq_customer_line_external_id", "business_line_id", "external_id", unique=True),
        Index("ix_customer_line_created", "business_line_id", text("created_at DESC"), text("id DESC")),
        Index("ix_customer_phone", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")),
        Index("ix_customer_email", "email_hash", postgresql_where=text("email_hash IS NOT NULL")),
        Index("ix_customer_name", "name_hash", postgresql_where=text("name_hash IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    contact_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    name_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    external_id: Mapped[str | None] = mapped_column(String(100))
    tier: Mapped[str | None] = mapped_column(String(40))
    business_scope: Mapped[str | None] = mapped_column(String(300))
    consents: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
