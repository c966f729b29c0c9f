"""工单 and what hangs on it: commitments of time, the timeline, the search index."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.classification import Kind, Severity, Urgency
from app.services.rules.facts import Channel, ItemClass
from app.services.rules.progress import ProgressCause
from app.services.rules.sla import CommitmentState, Milestone, Unit
from app.services.rules.tickets import Status

# A cycle, not a counter per day: the number's date and the unique index keep numbers apart, and nothing waits for it.
TICKET_NUMBER = Sequence("ticket_number", minvalue=1, maxvalue=999_999, cycle=True, metadata=Base.metadata)


class Ticket(Base):
    """One matter of one customer, under the edition in force when it was opened.

    The contact is kept as given at intake, sealed in one column; `phone_hash`, `email_hash` and `name_hash` find it.
    `decisions` grows, and is never rewritten.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        CheckConstraint("version > 0", name="version_positive"),
        Index("uq_ticket_client_external_ref", "client_id", "external_ref", unique=True),
        Index("uq_ticket_client_call_id", "client_id", "call_id", unique=True),
        Index("ix_ticket_line_opened", "business_line_id", text("opened_at DESC"), text("id DESC")),
        Index("ix_ticket_line_updated", "business_line_id", text("updated_at DESC"), text("id DESC")),
        Index("ix_ticket_line_assignee", "business_line_id", "assignee_staff_no", text("opened_at DESC")),
        Index("ix_ticket_line_department", "business_line_id", "department", text("opened_at DESC")),
        Index("ix_ticket_line_status", "business_line_id", "status", text("opened_at DESC")),
        Index(
            "ix_ticket_line_owner", "business_line_id", "owner_staff_no", text("opened_at DESC"),
            postgresql_where=text("owner_staff_no IS NOT NULL"),
        ),
        Index(
            "ix_ticket_line_severity", "business_line_id", "severity", text("opened_at DESC"),
            postgresql_where=text("severity IS NOT NULL"),
        ),
        Index(
            "ix_ticket_line_served_by", "business_line_id", "served_by", text("opened_at DESC"),
            postgresql_where=text("served_by IS NOT NULL"),
        ),
        Index(
            "ix_ticket_unassigned",
            "business_line_id",
            "opened_at",
            postgresql_where=text("assignee_staff_no IS NULL AND closed_at IS NULL"),
        ),
        Index("ix_ticket_phone", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")),
        Index("ix_ticket_email", "email_hash", postgresql_where=text("email_hash IS NOT NULL")),
        Index("ix_ticket_name", "name_hash", postgresql_where=text("name_hash IS NOT NULL")),
        Index("ix_ticket_line_external_ref", "business_line_id", "external_ref"),
        Index("ix_ticket_customer", "customer_external_id", postgresql_where=text("customer_external_id IS NOT NULL")),
        Index("ix_ticket_order_no", text("(product ->> 'order_no')")),
        Index("ix_ticket_batch", text("(product ->> 'batch')")),
        Index("ix_ticket_model", text("(product ->> 'model')")),
        Index("ix_ticket_progress", "progress_at", postgresql_where=text("progress_at IS NOT NULL")),
        Index("ix_ticket_test_clock", "test_clock_id", postgresql_where=text("test_clock_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    events_emitted: Mapped[int] = mapped_column(Integer, default=0)
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))

    channel: Mapped[Channel] = mapped_column(worded(Channel))
    kind: Mapped[Kind] = mapped_column(worded(Kind))
    status: Mapped[Status] = mapped_column(worded(Status))
    urgency: Mapped[Urgency] = mapped_column(worded(Urgency))
    severity: Mapped[Severity | None] = mapped_column(worded(Severity))
    item_class: Mapped[ItemClass | None] = mapped_column(worded(ItemClass))
    service_level: Mapped[str] = mapped_column(String(40))
    description: Mapped[str] = mapped_column(Text)
    product: Mapped[dict[str, Any]]
    materials: Mapped[list[str]] = mapped_column(ARRAY(Text))
    missing_materials: Mapped[list[str]] = mapped_column(ARRAY(Text))
    classification: Mapped[dict[str, Any] | None]
    decisions: Mapped[list[dict[str, Any]]]
    promise: Mapped[dict[str, Any]]

    client_id: Mapped[UUID]
    external_ref: Mapped[str | None] = mapped_column(String(200))
    call_id: Mapped[str | None] = mapped_column(String(200))
    call: Mapped[dict[str, Any] | None]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)  # of the facts a repeat must agree with

    customer_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    customer_external_id: Mapped[str | None] = mapped_column(String(100))
    customer_tier: Mapped[str | None] = mapped_column(String(40))
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    name_hash: Mapped[bytes | None] = mapped_column(LargeBinary)

    owner_staff_no: Mapped[str | None] = mapped_column(String(32))
    assignee_staff_no: Mapped[str | None] = mapped_column(String(32))
    department: Mapped[str] = mapped_column(String(40))
    transferred: Mapped[bool] = mapped_column(default=False)  # a person moved it: rules no longer re-route it
    collaborating_departments: Mapped[list[str]] = mapped_column(ARRAY(Text))
    handler_role: Mapped[str] = mapped_column(String(40))
    escalation_level: Mapped[int] = mapped_column(SmallInteger, default=0)
    seller: Mapped[str | None] = mapped_column(String(100))
    service_provider: Mapped[str | None] = mapped_column(String(100))
    branch: Mapped[str | None] = mapped_column(String(100))
    region: Mapped[str | None] = mapped_column(String(20))
    sold_by: Mapped[str | None] = mapped_column(String(32))  # a service point's number
    served_by: Mapped[str | None] = mapped_column(String(32))
    served_by_chosen: Mapped[bool] = mapped_column(default=False)  # by a person: rules no longer choose another

    test_clock_id: Mapped[UUID | None] = mapped_column(ForeignKey("test_clock.id"))
    follow_up_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))  # the matter that was answered badly
    opened_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    round_started_at: Mapped[datetime]  # opened, or last reopened: what is promised anew counts from here
    responded_at: Mapped[datetime | None]
    progress_at: Mapped[datetime | None]  # when the customer is told next how the matter stands
    progress_cause: Mapped[ProgressCause | None] = mapped_column(worded(ProgressCause))
    unanswered_since: Mapped[datetime | None]  # the customer's last message, until staff reply or settle the matter
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class TicketCommitment(Base):
    """时限承诺: one milestone with its clock. `pauses` is [{"from": …, "to": …|null}], in order."""

    __tablename__ = "ticket_commitment"
    __table_args__ = (
        Index("uq_ticket_commitment_instance", "ticket_id", "milestone", "instance", unique=True),
        Index(
            "ix_ticket_commitment_timer", "next_fire_at",
            postgresql_where=text("next_fire_at IS NOT NULL AND test_clock_id IS NULL"),
        ),
        Index(
            "ix_ticket_commitment_test_timer", "test_clock_id", "next_fire_at",
            postgresql_where=text("next_fire_at IS NOT NULL AND test_clock_id IS NOT NULL"),
        ),
        Index(
            "ix_ticket_commitment_running", "business_line_id", "due_at", "id",
            postgresql_where=text("state = 'running'"),
        ),
        Index(
            "ix_ticket_commitment_working",
            "ticket_id",
            postgresql_where=text(
                "state IN ('running', 'paused') AND target_unit IN ('working_hours', 'working_days')"
            ),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    test_clock_id: Mapped[UUID | None]  # the ticket's: the clock that says when the timer is due
    milestone: Mapped[Milestone] = mapped_column(worded(Milestone))
    instance: Mapped[int] = mapped_column(SmallInteger, default=1)
    target_value: Mapped[int] = mapped_column(Integer)
    target_unit: Mapped[Unit] = mapped_column(worded(Unit))
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    calendar_confirmed: Mapped[bool]
    state: Mapped[CommitmentState] = mapped_column(worded(CommitmentState))
    met_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]  # met, or dropped
    used_seconds: Mapped[int | None] = mapped_column(BigInteger)  # of the own clock, once it ended
    paused_seconds: Mapped[int | None] = mapped_column(BigInteger)
    pauses: Mapped[list[dict[str, Any]]]
    delay_reason: Mapped[str | None] = mapped_column(Text)
    next_fire_at: Mapped[datetime | None]  # the timer: when the next warning, breach or escalation is due
    thresholds_fired: Mapped[int] = mapped_column(SmallInteger, default=0)
    firing_failures: Mapped[int] = mapped_column(SmallInteger, default=0)  # at three the timer is set aside
    escalation_acknowledged_at: Mapped[datetime | None]  # since then its further levels are silent


class TimelineEntry(Base):
    """One thing that happened to a ticket: a move, a comment, a change, a repeat. Never changed."""

    __tablename__ = "timeline_entry"
    __table_args__ = (Index("ix_timeline_entry_ticket", "ticket_id", "entry_no"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_no: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[str] = mapped_column(String(40))
    visibility: Mapped[str] = mapped_column(String(20))
    author: Mapped[str] = mapped_column(String(20))
    staff_no: Mapped[str | None] = mapped_column(String(32))
    key_id: Mapped[UUID]
    text: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class TicketAssignment(Base):
    """Who had a ticket in which stage from when to when: a department, and a person of it once there is one."""

    __tablename__ = "ticket_assignment"
    __table_args__ = (
        Index("ix_ticket_assignment_ticket", "ticket_id", "since"),
        Index("ix_ticket_assignment_line", "business_line_id", "since"),
        Index("uq_ticket_assignment_current", "ticket_id", unique=True, postgresql_where=text("until IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    department: Mapped[str] = mapped_column(String(40))
    staff_no: Mapped[str | None] = mapped_column(String(32))
    status: Mapped[Status] = mapped_column(worded(Status))
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class TicketSearch(Base):
    """Bigram tokens of a ticket's description, filled by a worker; None until then."""

    __tablename__ = "ticket_search"
    __table_args__ = (
        Index("ix_ticket_search_tokens", "tokens", postgresql_using="gin"),
        Index("ix_ticket_search_pending", "ticket_id", postgresql_where=text("tokens IS NULL")),
    )

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    business_line_id: Mapped[UUID]
    tokens: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
