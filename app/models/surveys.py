"""满意度调查: invitations with their answers, letters on their way, and the customers who do not want any."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, worded
from app.services.rules.classification import IssueType
from app.services.rules.facts import Channel
from app.services.rules.notices import NoticeState
from app.services.rules.surveys import InvitedBy, LetterPurpose, SkipReason, SurveyChannel, SurveyKind, SurveyState


class Survey(Base):
    """One question to one customer about one end of one matter, with what was answered.

    The link is not kept: it is made of the id and the key ring whenever it is needed. `customer_hashes` are keyed
    hashes of every way the customer can be reached, under every key of the ring when the row was made. Department,
    staff, product and channel are as they were when the customer was asked.

    A survey of a campaign is about no ticket: it holds the customer's contact itself, sealed, from the list it was made
    of. `lot` is what the customer drew.
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
        Index(
            "ix_survey_campaign",
            "campaign_id", text("created_at DESC"), text("id DESC"),
            postgresql_where=text("campaign_id IS NOT NULL"),
        ),
        CheckConstraint("(ticket_id IS NULL) <> (campaign_id IS NULL)", name="of_ticket_or_campaign"),
        Index("ix_survey_customer", "customer_hashes", postgresql_using="gin"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    kind: Mapped[SurveyKind] = mapped_column(worded(SurveyKind))
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    round_started_at: Mapped[datetime | None]  # the ticket's: opened, or last reopened
    version: Mapped[int] = mapped_column(Integer, default=1)
    events_emitted: Mapped[int] = mapped_column(Integer, default=0)
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    form_version: Mapped[str] = mapped_column(String(20))
    with_loyalty: Mapped[bool] = mapped_column(Boolean)  # whether the form asks the loyalty question
    channel: Mapped[SurveyChannel] = mapped_column(worded(SurveyChannel))
    invited_by: Mapped[InvitedBy] = mapped_column(worded(InvitedBy))
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("survey_campaign.id"))
    lot: Mapped[int | None] = mapped_column(SmallInteger)
    contact_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    customer_external_id: Mapped[str | None] = mapped_column(String(100))  # the CRM's own id of the customer
    customer_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    follow_up_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("survey.id"))

    state: Mapped[SurveyState] = mapped_column(worded(SurveyState))
    skipped_because: Mapped[SkipReason | None] = mapped_column(worded(SkipReason))
    next_at: Mapped[datetime | None]  # when a worker has to invite, or to remind
    created_at: Mapped[datetime]
    invited_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]

    department: Mapped[str | None] = mapped_column(String(40))
    staff_no: Mapped[str | None] = mapped_column(String(32))
    product: Mapped[str | None] = mapped_column(String(100))
    ticket_channel: Mapped[Channel | None] = mapped_column(worded(Channel))

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


class SurveyCampaign(Base):
    """定期调查: many customers of a line, asked at one time. Who is asked follows from `seed` and `percent` alone."""

    __tablename__ = "survey_campaign"
    __table_args__ = (
        Index("ix_survey_campaign_line", "business_line_id", text("created_at DESC"), text("id DESC")),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    kind: Mapped[SurveyKind] = mapped_column(worded(SurveyKind))
    policy_name: Mapped[str] = mapped_column(String(40))
    policy_version: Mapped[str] = mapped_column(String(40))
    seed: Mapped[str] = mapped_column(String(64))
    percent: Mapped[int] = mapped_column(SmallInteger)
    customers: Mapped[int] = mapped_column(Integer)  # different ones that could be asked
    drawn: Mapped[int] = mapped_column(Integer)
    send_at: Mapped[datetime]
    created_at: Mapped[datetime]


class SurveyLetter(Base):
    """One email to the customer of a survey. It keeps no address, nor what a server said, which may quote one."""

    __tablename__ = "survey_letter"
    __table_args__ = (
        Index("uq_survey_letter_purpose", "survey_id", "purpose", unique=True),
        Index("ix_survey_letter_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"))
    survey_id: Mapped[UUID] = mapped_column(ForeignKey("survey.id"))
    purpose: Mapped[LetterPurpose] = mapped_column(worded(LetterPurpose))
    state: Mapped[NoticeState] = mapped_column(worded(NoticeState))
    attempts: Mapped[int] = mapped_column(SmallInteger)
    next_try_at: Mapped[datetime | None]  # None once it needs no further try
    last_status: Mapped[int | None] = mapped_column(SmallInteger)  # of SMTP
    last_code: Mapped[str | None] = mapped_column(String(20))
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SurveyOptOut(Base):
    """A customer of a line who does not want to be asked, by the keyed hash of one way to reach them."""

    __tablename__ = "survey_opt_out"

    business_line_id: Mapped[UUID] = mapped_column(ForeignKey("business_line.id"), primary_key=True)
    customer_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    created_at: Mapped[datetime]
