"""How far events were relayed to a broker."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class RelayPosition(Base):
    """The place in the feed up to which a broker has confirmed every event."""

    __tablename__ = "relay_position"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
