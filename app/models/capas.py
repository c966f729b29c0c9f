"""纠正和预防措施: a problem, what was found to cause it, what is done about it by when, and whether that worked."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Sequence, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.capa import CapaSource, CapaStatus, Effect, TaskKind

# Six digits in the number a person reads; the local date before them keeps numbers apart when they start again.
CAPA_NUMBER = Sequence("capa_number", minvalue=1, maxvalue=999_999, cycle=True, metadata=Base.metadata)


class Capa(Base):
    """One CAPA, under the edition in force when it was opened.

    `analyses`, `decisions` and `history` grow, and are never rewritten. `criteria` says how it will be told whether the
    present round worked.
    """

    __tablename__ = "capa"
    __table_args__ = (Index("ix_capa_line_opened", "business_line_id", text("opened_at DESC"), text("id DESC")),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer)
    events_emitted: Mapped[int] = mapped_column(Integer)
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    status: Mapped[CapaStatus] = mapped_column(worded(CapaStatus))
    round: Mapped[int] = mapped_column(SmallInteger)
    source: Mapped[CapaSource] = mapped_column(worded(CapaSource))
    title: Mapped[str] = mapped_column(Text)
    problem: Mapped[str] = mapped_column(Text)
    criteria: Mapped[str | None] = mapped_column(Text)
    analyses: Mapped[list[dict[str, Any]]]
    decisions: Mapped[list[dict[str, Any]]]
    history: Mapped[list[dict[str, Any]]]
    opened_by: Mapped[str] = mapped_column(String(32))
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class CapaTicket(Base):
    """A ticket that a CAPA answers."""

    __tablename__ = "capa_ticket"
    __table_args__ = (Index("ix_capa_ticket_ticket", "ticket_id"),)

    capa_id: Mapped[UUID] = mapped_column(ForeignKey("capa.id"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    business_line_id: Mapped[UUID]
    linked_by: Mapped[str | None] = mapped_column(String(32))
    linked_at: Mapped[datetime]


class CapaTask(Base):
    """What somebody has to do by the end of a local date: an action, or the check whether the actions worked."""

    __tablename__ = "capa_task"
    __table_args__ = (
        Index("uq_capa_task_place", "capa_id", "place", unique=True),
        Index("ix_capa_task_timer", "next_fire_at", postgresql_where=text("next_fire_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    capa_id: Mapped[UUID] = mapped_column(ForeignKey("capa.id"))
    place: Mapped[int] = mapped_column(SmallInteger)  # in the order in which tasks were planned
    round: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[TaskKind] = mapped_column(worded(TaskKind))
    text: Mapped[str] = mapped_column(Text)  # of a check its criteria
    owner_staff_no: Mapped[str | None] = mapped_column(String(32))
    department: Mapped[str | None] = mapped_column(String(40))
    due_on: Mapped[date]
    due_at: Mapped[datetime]
    planned_at: Mapped[datetime]  # from here on its time is counted
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(String(32))
    evidence: Mapped[list[str]] = mapped_column(ARRAY(Text))
    finding: Mapped[str | None] = mapped_column(Text)
    effect: Mapped[Effect | None] = mapped_column(worded(Effect))
    delay_reason: Mapped[str | None] = mapped_column(Text)
    dropped_at: Mapped[datetime | None]
    dropped_because: Mapped[str | None] = mapped_column(Text)
    next_fire_at: Mapped[datetime | None]  # the timer: when the next warning, breach or escalation is due
    thresholds_fired: Mapped[int] = mapped_column(SmallInteger)
    firing_failures: Mapped[int] = mapped_column(SmallInteger)  # at three the timer is set aside

    @property
    def is_open(self) -> bool:
        return self.done_at is None and self.dropped_at is None
