"""客户投诉处理报告单: its facts, the departments' measures, and their approvals, round by round."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.complaint_reports import ApprovalOrder, ReportStatus, Verdict


class ComplaintReport(Base):
    """The report of one round of a ticket: a matter that is taken up again gets another one.

    Whom it asks is fixed when it is opened, whatever becomes of the ticket's severity.
    """

    __tablename__ = "complaint_report"
    __table_args__ = (
        CheckConstraint("version > 0", name="version_positive"),
        Index("uq_complaint_report_ticket_instance", "ticket_id", "instance", unique=True),
        Index("uq_complaint_report_ticket_round", "ticket_id", "ticket_round_at", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    instance: Mapped[int] = mapped_column(SmallInteger)  # 1, 2, …: the ticket's first report, its second
    ticket_round_at: Mapped[datetime]  # the ticket's `round_started_at` when it was opened
    version: Mapped[int] = mapped_column(Integer, default=1)
    status: Mapped[ReportStatus] = mapped_column(worded(ReportStatus))
    round: Mapped[int] = mapped_column(SmallInteger, default=1)  # of approvals: a refusal begins another
    measures_by: Mapped[list[str]] = mapped_column(ARRAY(Text))
    settled_by: Mapped[list[str]] = mapped_column(ARRAY(Text))
    approved_by: Mapped[list[str]] = mapped_column(ARRAY(Text))
    approval_order: Mapped[ApprovalOrder] = mapped_column(worded(ApprovalOrder))
    decision: Mapped[dict[str, Any]]  # the clause that asks for the report, and whom

    batch: Mapped[str | None] = mapped_column(String(100))
    delivered_on: Mapped[date | None] = mapped_column(Date)
    quantity: Mapped[int | None] = mapped_column(Integer)
    defective_quantity: Mapped[int | None] = mapped_column(Integer)
    demand: Mapped[str | None] = mapped_column(Text)

    remedy: Mapped[str | None] = mapped_column(Text)
    agreed_with_customer_on: Mapped[date | None] = mapped_column(Date)
    settled_by_department: Mapped[str | None] = mapped_column(String(40))
    settled_by_staff_no: Mapped[str | None] = mapped_column(String(32))
    settled_at: Mapped[datetime | None]
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(32))
    answered_at: Mapped[datetime | None]
    opened_by: Mapped[str | None] = mapped_column(String(32))  # None: opened by the rule
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ComplaintReportMeasure(Base):
    """What one department undertakes, by whom and when; revised until the remedy is settled."""

    __tablename__ = "complaint_report_measure"
    __table_args__ = (
        Index("uq_complaint_report_measure_department", "report_id", "department", unique=True),
        Index(
            "ix_complaint_report_measure_timer",
            "next_announced_at",
            postgresql_where=text("next_announced_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    report_id: Mapped[UUID] = mapped_column(ForeignKey("complaint_report.id"))
    department: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    owner_staff_no: Mapped[str] = mapped_column(String(32))
    due_on: Mapped[date] = mapped_column(Date)
    proposed_at: Mapped[datetime]  # first, or as revised
    done_on: Mapped[date | None] = mapped_column(Date)
    done_by: Mapped[str | None] = mapped_column(String(32))
    times_announced: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_announced_at: Mapped[datetime | None]  # the timer: when it is announced as due, then as late


class ComplaintReportApproval(Base):
    """One department's verdict in one round. Never changed."""

    __tablename__ = "complaint_report_approval"
    __table_args__ = (
        Index("uq_complaint_report_approval_department", "report_id", "round", "department", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID]
    report_id: Mapped[UUID] = mapped_column(ForeignKey("complaint_report.id"))
    round: Mapped[int] = mapped_column(SmallInteger)
    department: Mapped[str] = mapped_column(String(40))
    decision: Mapped[Verdict] = mapped_column(worded(Verdict))
    reason: Mapped[str | None] = mapped_column(Text)
    staff_no: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
