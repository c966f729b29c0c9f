"""满意度汇总: what surveys say, counted by day; and what has changed since, still to be added.

A trigger on `survey` writes the changes, so that whatever changes a survey is counted. The two together are always what
counting the surveys would give.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Identity, Integer, String, Table, Text, Uuid

from app.core.db import Base
from app.services.rules.surveys import SurveyAspect

# Numbers of surveys that were invited, answered, …; of each aspect how many scores there are, and their sum.
FIGURES: Final = (
    "invited", "answered", "rated", "satisfied", "loyalty_rated", "promoters", "detractors", "follow_ups",
    *(f"{aspect}_{what}" for aspect in SurveyAspect for what in ("rated", "sum")),
)  # fmt: skip
# What figures are looked at by, and the column of a change with it; `total` has one key, the empty one.
DIMENSIONS: Final = {
    "total": None, "department": "department", "staff": "staff_no", "product": "product",
    "channel": "ticket_channel", "theme": "theme",
}  # fmt: skip


def _figures() -> list[Column[int]]:
    return [Column(name, Integer, nullable=False) for name in FIGURES]


def _line() -> Column[object]:
    return Column("business_line_id", Uuid, ForeignKey("business_line.id"), nullable=False)


# By the Shanghai day of the invitation; the empty key stands for none.
SATISFACTION_DAY = Table(
    "satisfaction_day",
    Base.metadata,
    Column("business_line_id", Uuid, ForeignKey("business_line.id"), primary_key=True),
    Column("dimension", String(20), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("key", Text, primary_key=True),
    *_figures(),
)
# One survey more, or one less; figures of a survey that changed are taken away as they were and added as they are.
SATISFACTION_CHANGE = Table(
    "satisfaction_change",
    Base.metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _line(),
    Column("day", Date, nullable=False),
    Column("kind", String(40), nullable=False),
    *(Column(name, Text, nullable=False) for name in DIMENSIONS.values() if name is not None),
    *_figures(),
)
