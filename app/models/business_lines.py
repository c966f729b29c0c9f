"""经营线: one company, or one part of it, under its own policy."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class BusinessLine(Base):
    __tablename__ = "business_line"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    policy: Mapped[str] = mapped_column(String(40))  # the name of the policy whose edition in force applies
    created_at: Mapped[datetime]
