"""Surveys by email, and of many customers at a time without a ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_WORD = sa.String(length=40)


def upgrade() -> None:
    op.create_table(
        "survey_campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("policy_name", _WORD, nullable=False),
        sa.Column("policy_version", _WORD, nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("percent", sa.SmallInteger(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("send_at", _INSTANT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_survey_campaign_business_line_id"),
        sa.PrimaryKeyConstraint("id", name="pk_survey_campaign"),
    )
    op.create_index(
        "ix_survey_campaign_line",
        "survey_campaign",
        ["business_line_id", sa.text("created_at DESC"), sa.text("id DESC")],
    )
    op.add_column("survey", sa.Column("kind", _WORD, nullable=False, server_default="service"))
    op.add_column("survey", sa.Column("invited_by", _WORD, nullable=False, server_default="crm"))
    for column in ("kind", "invited_by"):
        op.alter_column("survey", column, server_default=None)
    op.add_column("survey", sa.Column("campaign_id", sa.Uuid(), nullable=True))
    op.add_column("survey", sa.Column("lot", sa.SmallInteger(), nullable=True))
    op.add_column("survey", sa.Column("contact_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("survey", sa.Column("customer_external_id", sa.String(length=100), nullable=True))
    for column in ("ticket_id", "round_started_at", "department", "ticket_channel"):
        op.alter_column("survey", column, nullable=True)
    op.create_foreign_key("fk_survey_campaign_id", "survey", "survey_campaign", ["campaign_id"], ["id"])
    op.create_check_constraint(
        "ck_survey_of_ticket_or_campaign", "survey", "(ticket_id IS NULL) <> (campaign_id IS NULL)"
    )  # fmt: skip
    op.create_index(
        "ix_survey_campaign",
        "survey",
        ["campaign_id", sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.create_table(
        "survey_letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("business_line_id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", _WORD, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_try_at", _INSTANT, nullable=True),
        sa.Column("last_status", sa.SmallInteger(), nullable=True),
        sa.Column("last_code", sa.String(length=20), nullable=True),
        sa.Column("sent_at", _INSTANT, nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["business_line_id"], ["business_line.id"], name="fk_survey_letter_business_line_id"),
        sa.ForeignKeyConstraint(["survey_id"], ["survey.id"], name="fk_survey_letter_survey_id"),
        sa.PrimaryKeyConstraint("id", name="pk_survey_letter"),
    )
    op.create_index("uq_survey_letter_purpose", "survey_letter", ["survey_id", "purpose"], unique=True)
    op.create_index(
        "ix_survey_letter_due",
        "survey_letter",
        ["next_try_at"],
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("survey_letter")
    op.execute(
        "UPDATE survey SET follow_up_of_id = NULL"
        " WHERE follow_up_of_id IN (SELECT id FROM survey WHERE ticket_id IS NULL)"
    )
    op.execute("DELETE FROM survey WHERE ticket_id IS NULL")
    op.drop_index("ix_survey_campaign", table_name="survey")
    op.drop_constraint("ck_survey_of_ticket_or_campaign", "survey")
    op.drop_constraint("fk_survey_campaign_id", "survey")
    for column in ("ticket_id", "round_started_at", "department", "ticket_channel"):
        op.alter_column("survey", column, nullable=False)
    for column in ("customer_external_id", "contact_sealed", "lot", "campaign_id", "invited_by", "kind"):
        op.drop_column("survey", column)
    op.drop_table("survey_campaign")
