"""满意度调查: invitations with their answers, and the customers who do not want any."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.classification import IssueType
from app.services.rules.facts import Channel
from app.services.rules.surveys import SkipReason, SurveyChannel, SurveyState


class Survey(Base):
    """One question to one customer about one end of one matter, with what was answered.

    The link is not kept: it is made of the id and the key ring whenever it is needed. `customer_hashes` are keyed
    hashes of every way the customer can be reached, under every key of the ring when the row was made. Department,
    staff, product and channel are as they were when the customer was asked.
    """

    __tablename__ = "survey"
    __table_args__ = (
        Index("uq_survey_ticket_round", "ticket_id", "round_started_at", unique=True),
        Index("uq_survey_follow_up_ticket", "follow_up_ticket_id", unique=True),
        Index("ix_survey_next", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("ix_survey_line_created", "business_line_id", text("created_at DESC"), text("id DESC")),
        Index(
            "ix_survey_line_invited", "business_line_id", "invited_at", postgresql_where=text("invited_at IS NOT NULL")
        ),
        Index("ix_survey_customer", "customer_hashes", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    round_started_at: Mapped[datetime]  # the ticket's: opened, or last reopened
    version: Mapped[int] = mapped_column(Integer, default=1)
    events_emitted: Mapped[int] = mapped_column(Integer, default=0)
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    form_version: Mapped[str] = mapped_column(String(20))
    with_loyalty: Mapped[bool] = mapped_column(Boolean)  # whether the form asks the loyalty question
    channel: Mapped[SurveyChannel] = mapped_column(worded(SurveyChannel))
    customer_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    follow_up_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("survey.id"))

    state: Mapped[SurveyState] = mapped_column(worded(SurveyState))
    skipped_because: Mapped[SkipReason | None] = mapped_column(worded(SkipReason))
    next_at: Mapped[datetime | None]  # when a worker has to invite, or to remind
    created_at: Mapped[datetime]
    invited_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]

    department: Mapped[str] = mapped_column(String(40))
    staff_no: Mapped[str | None] = mapped_column(String(32))
    product: Mapped[str | None] = mapped_column(String(100))
    ticket_channel: Mapped[Channel] = mapped_column(worded(Channel))

    scores: Mapped[dict[str, Any]]
    resolved: Mapped[bool | None]
    nps: Mapped[int | None] = mapped_column(SmallInteger)
    comment: Mapped[str | None] = mapped_column(Text)
    theme: Mapped[IssueType | None] = mapped_column(worded(IssueType))  # what the comment complains of
    satisfied: Mapped[bool | None]
    dissatisfied: Mapped[bool | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[SurveyChannel | None] = mapped_column(worded(SurveyChannel))
    answered_staff_no: Mapped[str | None] = mapped_column(String(32))
    follow_up_ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    updated_at: Mapped[datetime]


class SurveyOptOut(Base):
    """A customer of a line who does not want to be asked, by the keyed hash of one way to reach them."""

    __tablename__ = "survey_opt_out"

    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"), primary_key=True)
    customer_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime]
