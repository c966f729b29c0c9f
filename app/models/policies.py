"""A company's own editions, beside those that ship with the program."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PolicyEdition(Base):
    """One edition as it was registered. Never changed afterwards: tickets cite it by name and version."""

    __tablename__ = "policy_edition"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(40))
    effective_from: Mapped[date]
    document: Mapped[str] = mapped_column(Text)  # TOML, as sent
    registered_by: Mapped[UUID]  # the key that sent it
    registered_at: Mapped[datetime]
